"""Builds what leaves the node of an event that a rule matched."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from collector.rules.live import LiveEvent
from collector.rules.redact import Redactor
from collector.state.processes import Process
from signatures.partial import OpenCondition
from signatures.printer import to_text
from signatures.ruleset import Rule
from wire.match import Ancestor, Priority, SignatureMatch

_MOST_ANCESTORS: Final = 16


@dataclass(slots=True)
class MatchMaker:
    """Makes matches of one node, numbered."""

    node: str
    boot_id: str
    redactor: Redactor
    ruleset: str = ""
    first: int = 1
    open_conditions: Mapping[str, OpenCondition] = field(default_factory=dict)
    """By name, the rules of which the service decides a part."""
    _numbers: "itertools.count[int]" = field(init=False)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(self.first)

    def make(self, rule: Rule, event: LiveEvent) -> SignatureMatch:
        """Return the match of a rule and an event, without secrets."""
        text, _ = rule.shown.text(event)
        container = event.container
        chain = itertools.chain([event.process], event.node.processes.ancestors(event.process))
        return SignatureMatch(
            node=self.node,
            boot_id=self.boot_id,
            sequence=next(self._numbers),
            rule=rule.name,
            priority=Priority(rule.priority.word),
            source=rule.source or "syscall",
            tags=rule.tags,
            time=event.time_ns,
            event_type=event.type,
            output=self.redactor.text(text.strip()),
            output_fields=self.redactor.fields(rule.shown.fields(event)),
            container=container.ref if container else None,
            pid=event.head.pid,
            ancestors=tuple(self._ancestor(each) for each in itertools.islice(chain, _MOST_ANCESTORS)),
            ruleset=self.ruleset,
            open_condition=self._left_open(rule, event),
        )

    def _left_open(self, rule: Rule, event: LiveEvent) -> str:
        condition = self.open_conditions.get(rule.name)
        left = True if condition is None else condition.left(event)
        return "" if isinstance(left, bool) else to_text(left)

    def _ancestor(self, process: Process) -> Ancestor:
        return Ancestor(
            pid=process.pid,
            name=process.comm,
            exe=self.redactor.text(process.exepath or process.exe),
            cmdline=self.redactor.text(process.cmdline),
        )

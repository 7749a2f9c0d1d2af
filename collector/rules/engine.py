"""Takes records from the sensor, keeps the tables, tries the rules, and hands on what matched."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from collector.events.event import Record
from collector.events.layout import Kind
from collector.events.sensor import EventSensor, Sums, boot_to_wall_ns
from collector.rules.fields import GETTERS
from collector.rules.live import LiveEvent, Node
from collector.rules.matches import MatchMaker
from collector.rules.pushdown import asks_for_containers, subscription
from signatures.ruleset import RuleSet
from wire.match import SignatureMatch

log = structlog.get_logger()

_GATHER_S: Final = 0.003
"""Between two readings: a first record is taken at once, those that come meanwhile wake nobody up."""
_IDLE_S: Final = 0.5
_CLOCK_S: Final = 10.0
_EVENTS: Final = frozenset({Kind.CALL.value, Kind.EXEC.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How rules are run."""

    env_bytes: int = 0
    """Of the environment that is read with each exec."""
    data_bytes: int = 0
    """Of buffers, where a rule asks for them."""
    push_down: bool = True
    """Let the kernel compare the paths of opens."""
    all_matches: bool = False
    """Report every rule that matches an event, not only the first."""


class Engine:
    """Runs in one thread; `replace` and `stop` may be called from any.

    Args:
        sensor: Where records come from.
        node: The tables.
        maker: Builds matches.
        deliver: Takes each match.
        options: See there.
    """

    def __init__(
        self,
        sensor: EventSensor,
        node: Node,
        maker: MatchMaker,
        deliver: Callable[[SignatureMatch], None],
        options: EngineOptions = EngineOptions(),
    ) -> None:
        self._sensor = sensor
        self._node = node
        self._maker = maker
        self._deliver = deliver
        self._options = options
        self._rules = RuleSet(())
        self._places_matter = False
        self._stopping = threading.Event()
        self._clock_set = float("-inf")
        self._dropped = 0
        self.events = 0
        """Events that some rule was tried on."""
        self.matches = 0
        self.failures = 0
        """Events whose evaluation raised an error; logged the first time for each rule set."""
        self._failed: set[str] = set()

    def replace(self, rules: RuleSet) -> None:
        """Take other rules; events that are on their way are tried with either.

        Raises:
            SensorError: The kernel refused the subscription; the old rules stay.
        """
        options = self._options
        wanted = subscription(
            rules, env_bytes=options.env_bytes, data_bytes=options.data_bytes, push_down=options.push_down
        )
        self._sensor.subscribe(wanted)
        self._rules = rules
        self._places_matter = asks_for_containers(wanted)
        self._failed = set()
        log.info(
            "rules_subscribed",
            types=len(wanted.types),
            contained=len(wanted.contained),
            prefixes=len(wanted.prefixes),
            any_path=str(wanted.any_path),
        )

    def run(self) -> None:
        """Read and match until `stop`."""
        while not self._stopping.is_set():
            self._sensor.wait(_IDLE_S)
            if self._stopping.is_set():
                return
            self.step()
            time.sleep(_GATHER_S)

    def step(self) -> None:
        """Take everything that is there."""
        now = time.monotonic()
        if now - self._clock_set > _CLOCK_S:
            # The wall clock may be set meanwhile.
            self._node.boot_to_wall_ns, self._clock_set = boot_to_wall_ns(), now
            dropped = self._sensor.sums().dropped
            if dropped != self._dropped:
                self._dropped = dropped
                self._node.processes.sweep()
        for record in self._sensor.read():
            self.take(record)

    def take(self, record: Record) -> None:
        """Take one record."""
        process = self._node.processes.apply(record)
        head = record.head
        if head.kind not in _EVENTS:
            return
        if self._places_matter and head.kind == Kind.CALL:
            # Asked also where no rule gets so far: the kernel keeps back the next ones of the host.
            self._node.containers.of(head.cgroup, head.pid)
        rules = self._rules
        self.events += 1
        try:
            event = LiveEvent(record, process, self._node, self.events, GETTERS)
            for rule in rules.match(event):
                match = self._maker.make(rule, event)
                self.matches += 1
                self._deliver(match)
                # One that the service may yet refute must not hide those after it.
                if not self._options.all_matches and not match.open_condition:
                    break
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # One strange event must not end the watch over all others; and it must not be silent.
            self.failures += 1
            kind = type(error).__name__
            if kind not in self._failed:
                self._failed.add(kind)
                log.exception("rule_evaluation_failed", number=head.number)

    def stop(self) -> None:
        """Let `run` return."""
        self._stopping.set()
        self._sensor.wake()

    def sums(self) -> Sums:
        """Return what became of the kernel's events."""
        return self._sensor.sums()

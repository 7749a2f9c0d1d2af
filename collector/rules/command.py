"""The command `nonself-agent rules run`: rules of files on this node's events, matches on stdout."""

import os
import platform
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import structlog

from collector.enrichment import Enrichment
from collector.errors import RulesError
from collector.events.sensor import EventSensor
from collector.identity.identifier import ASKED_RUNTIMES, Identifier
from collector.identity.settings import IdentitySettings, listed
from collector.rules import alert
from collector.rules.bundles import open_conditions
from collector.rules.engine import Engine, EngineOptions
from collector.rules.live import Node
from collector.rules.matches import MatchMaker
from collector.rules.names import NameTable, names_in
from collector.rules.redact import DEFAULT_PATTERNS, Redactor, read_patterns
from collector.rules.settings import RuleSettings
from collector.rules.supply import states_of, supply
from collector.state.containers import ContainerTable
from collector.state.processes import ProcessTable
from collector.state.users import Users
from signatures.default_rules import rule_files
from signatures.loader import ExtraOutput, LoadOptions, RuleFile, load
from signatures.ruleset import RuleSet
from signatures.states import RuleState, Supply
from wire.match import SignatureMatch

log = structlog.get_logger()

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
SUGGESTED: Final = (
    "container_id=%container.id container_name=%container.name "
    "container_image_repository=%container.image.repository container_image_tag=%container.image.tag "
    "k8s_pod_name=%k8s.pod.name k8s_ns_name=%k8s.ns.name"
)
"""What Falco adds to every output by default, so that consumers of its alerts find it."""


@dataclass(frozen=True, slots=True)
class Running:
    """An engine with everything that it uses; `close` frees that after `run` returned."""

    engine: Engine
    stack: ExitStack
    maker: MatchMaker
    names: NameTable

    def replace(self, rules: RuleSet, ruleset: str) -> None:
        """Take other rules while running; matches name their digest.

        Raises:
            SensorError: The kernel refused the subscription; the old rules stay.
        """
        self.engine.replace(rules)
        self.maker.ruleset, self.maker.open_conditions = ruleset, open_conditions(rules.rules)
        self.names.replace(names_in(rules))

    def run(self) -> None:
        """Match until `stop`."""
        self.engine.run()

    def stop(self) -> None:
        """Let `run` return."""
        self.engine.stop()

    def close(self) -> None:
        """Free everything."""
        self.stack.close()


def load_rules(
    files: Sequence[Path],
    settings: RuleSettings,
    say: TextIO,
    *,
    default: bool = False,
) -> RuleSet:
    """Load rule files, and say what is wrong with them and which rules cannot match.

    Args:
        files: In this order.
        settings: Say what is added to every output, and whether environments are read.
        say: Where that is said.
        default: Load the rules that come with nonself before the files.

    Raises:
        RulesError: A file cannot be read or is refused.
    """
    texts = [*rule_files()] if default else []
    for path in files:
        try:
            texts.append(RuleFile(name=str(path), text=path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            msg = f"Cannot read rules from {path}: {error}."
            raise RulesError(msg) from error
    loaded = load(texts, options=LoadOptions(extra_outputs=(ExtraOutput(template=extra_output(settings)),)))
    for problem in loaded.warnings:
        print(
            f"warning: {problem.place.file}:{problem.place.line}: {problem.code}: {problem.message}", file=say
        )
    if not loaded.ok:
        problem = loaded.errors[0]
        place = problem.place
        msg = f"{place.file}:{place.line}:{place.column}: {problem.code}: {problem.message}"
        raise RulesError(msg)
    rules = RuleSet(loaded.rules)
    _say_states(rules, supply(environment=settings.env_bytes > 0), say)
    return rules


def extra_output(settings: RuleSettings) -> str:
    """Return the template that is added to every output."""
    return " ".join((SUGGESTED, *(f"{name}=%{name}" for name in listed(settings.extra_fields))))


def build(
    settings: RuleSettings,
    identity: IdentitySettings,
    rules: RuleSet,
    deliver: Callable[[SignatureMatch], None],
    *,
    hostname: str = "",
    silent: Sequence[int] = (),
) -> Running:
    """Return an engine that delivers matches; its sensor is attached already.

    Args:
        settings: Of the engine.
        identity: Of containers.
        rules: The first ones.
        deliver: Takes each match.
        hostname: As matches name the node; empty takes the host's name.
        silent: At most two processes whose calls are not reported; this one where none is given.

    Raises:
        CollectorError: Something is missing; the message says the cure.
    """
    patterns = read_patterns(Path(settings.redact_file)) if settings.redact_file else DEFAULT_PATTERNS
    redactor = Redactor(patterns)
    with ExitStack() as stack:
        sensor = stack.enter_context(EventSensor(settings.ring_bytes, silent))
        identifier = Identifier(identity)
        stack.callback(identifier.close)
        processes = ProcessTable()
        processes.seed()
        containers = ContainerTable(identifier)
        enrichment = Enrichment(
            identifier.enrich, containers.update, lambda ref: ref.runtime in ASKED_RUNTIMES
        )
        containers.absent = sensor.mark_host
        containers.found = lambda container: enrichment.add(container.ref)
        stack.callback(enrichment.stop)
        identifier.running()
        enrichment.start()
        names = NameTable(names_in(rules))
        stack.callback(names.stop)
        names.start()
        hostname = hostname or platform.node()
        node = Node(processes, containers, Users(), 0, hostname=hostname, names_of=names.get)
        # Counting on from the microseconds of this boot, a restarted agent never uses a number twice.
        first = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
        maker = MatchMaker(hostname, _BOOT_ID.read_text().strip(), redactor, first=first)
        options = EngineOptions(
            env_bytes=settings.env_bytes,
            data_bytes=settings.data_bytes,
            push_down=settings.push_down,
            all_matches=settings.all_matches,
        )
        engine = Engine(sensor, node, maker, deliver, options)
        engine.replace(rules)
        return Running(engine, stack.pop_all(), maker, names)


def printer(out: TextIO, *, as_json: bool) -> Callable[[SignatureMatch], None]:
    """Return what prints matches."""

    def deliver(match: SignatureMatch) -> None:
        print(alert.as_json(match) if as_json else alert.as_line(match), file=out, flush=True)

    return deliver


def say_losses(running: Running, say: TextIO, stop: threading.Event, every_s: float = 1.0) -> None:
    """Say whenever more events were lost; until `stop`."""
    before = 0
    while not stop.wait(every_s):
        dropped = running.engine.sums().dropped
        if dropped > before:
            print(f"dropped {dropped - before} events ({dropped} since the start)", file=say, flush=True)
            before = dropped


def silence(stream: TextIO) -> None:
    """Let a stream whose reader is gone swallow what is still buffered."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say_states(rules: RuleSet, given: Supply, say: TextIO) -> None:
    states = states_of(rules, given)
    for name, each in states.items():
        if each.state in {RuleState.PARTLY, RuleState.NOT_EVALUABLE}:
            print(f"{each.state}: {name}: {each.reason}", file=say)
            for loss in each.losses:
                effect = "fires where it should not" if loss.widens else "does not fire where it should"
                print(f"    {effect}: {loss.part}", file=say)
    counts = {state: sum(each.state is state for each in states.values()) for state in RuleState}
    shown = ", ".join(f"{count} {state}" for state, count in counts.items())
    print(f"rules: {shown}", file=say, flush=True)

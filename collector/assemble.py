"""Builds a whole agent from settings: the one place where its parts are chosen."""

import platform
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog

from collector.agent import Agent
from collector.clock import SystemClock
from collector.containers import Containers, Identifying
from collector.enrichment import Enrichment
from collector.errors import RequirementError, SensorError
from collector.identity import cgroups
from collector.identity.identifier import ASKED_RUNTIMES, Identifier
from collector.identity.settings import IdentitySettings
from collector.outbox import Outbox, SpoolingOutbox
from collector.probe import Probe
from collector.profiles import Origin
from collector.rules.process import RuleProcess
from collector.rules.settings import RuleSettings
from collector.sender import Sender
from collector.sensor.sensor import open_sensor
from collector.sensor.settings import SensorSettings
from collector.settings import AgentSettings
from collector.spool import Spool
from collector.status import EngineStatus, StatusReporter
from collector.uplink import Uplink
from wire.syscalls import load_table

log = structlog.get_logger()

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one agent."""

    agent: AgentSettings
    sensor: SensorSettings
    identity: IdentitySettings
    rules: RuleSettings


def build(settings: Settings, outbox: Callable[[ExitStack], Outbox], *, with_rules: bool = False) -> Agent:
    """Return an agent ready to run; its sensor is attached already.

    Args:
        settings: Of all its parts.
        outbox: Opens where the batches go; what is entered into the stack is closed with the agent.
        with_rules: Start a rule engine beside it, which ends with the agent.

    Raises:
        CollectorError: Something that the agent needs is missing; the message says the cure.
        UnknownSyscallTableError: There is no syscall table for this machine.
    """
    origin = Origin(
        node=settings.agent.node or platform.node(),
        boot_id=_BOOT_ID.read_text().strip(),
        arch=platform.machine(),
    )
    load_table(origin.arch)
    with ExitStack() as undo:
        connections = undo.enter_context(ExitStack())
        out = outbox(connections)
        undo.callback(out.close)
        # First the sensor: where root is missing it says so, and identity would trip over it.
        probe = undo.enter_context(_open_sensor(settings.sensor))
        identifier = Identifier(settings.identity)
        connections.callback(identifier.close)
        engine: Callable[[], EngineStatus] = EngineStatus
        if with_rules:
            rules = _start_rules(settings)
            connections.callback(rules.stop)
            engine = rules.status
        agent = assemble(
            settings.agent,
            origin,
            probe=probe,
            identifier=identifier,
            path_of=lambda cgroup_id: cgroups.path_of(cgroup_id, identifier.mount),
            is_empty=lambda path: cgroups.is_empty(path, identifier.mount),
            outbox=out,
            engine=engine,
            release=connections.close,
        )
        undo.pop_all()
    return agent


def assemble(
    settings: AgentSettings,
    origin: Origin,
    *,
    probe: Probe,
    identifier: Identifying,
    path_of: Callable[[int], str | None],
    outbox: Outbox,
    is_empty: Callable[[str], bool] = lambda _: False,
    engine: Callable[[], EngineStatus] = EngineStatus,
    release: Callable[[], None] = lambda: None,
) -> Agent:
    """Join given parts to an agent."""
    clock = SystemClock()
    containers = Containers(
        identifier, path_of, is_empty=is_empty, include_sandboxes=settings.include_sandboxes
    )
    enrichment = Enrichment(
        identifier.enrich,
        containers.update,
        lambda ref: ref.runtime in ASKED_RUNTIMES and containers.lives(ref.id),
    )
    containers.welcome = enrichment.add
    return Agent(
        probe=probe,
        containers=containers,
        enrichment=enrichment,
        outbox=outbox,
        reporter=StatusReporter(window_s=settings.window_s, started_at=clock.now().wall, engine=engine),
        origin=origin,
        clock=clock,
        window_s=settings.window_s,
        release=release,
    )


def _start_rules(settings: Settings) -> RuleProcess:
    given = {"agent": settings.agent, "rules": settings.rules, "identity": settings.identity}
    rules = RuleProcess(given, chance=random.Random())  # noqa: S311 - spreads retries, keeps no secret
    rules.start()
    return rules


def _open_sensor(settings: SensorSettings) -> Probe:
    """Open the sensor; where that fails, say what this machine lacks rather than which step noticed it."""
    try:
        return open_sensor(settings)
    except SensorError as error:
        # Imported only now, since the checks load the compiler into this process.
        from collector.sensor.requirements import requirements  # noqa: PLC0415

        lacking = [each.cure for each in requirements() if not each.ok]
        if not lacking:
            raise
        raise RequirementError(lacking[0]) from error


def spooling(settings: AgentSettings, connections: ExitStack) -> SpoolingOutbox:
    """Return the way to the service, running; `connections` closes the one to the service.

    Raises:
        TokenError: The token cannot be read.
        SpoolLockedError: Another agent uses the state folder.
    """
    parts = urlsplit(settings.url)
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        log.warning("token_in_the_clear", url=settings.url, cure="Give the service TLS and an https URL.")
    sender = Sender(settings.url, settings.token_file, settings.trust, traces_ratio=settings.traces_ratio)
    connections.callback(sender.close)
    spool = Spool(settings.state_dir / "spool", settings.spool_bytes)
    uplink = Uplink(spool, sender.send, random.Random())  # noqa: S311 - spreads retries, keeps no secret
    uplink.start()
    return SpoolingOutbox(spool, uplink)

"""Whether this node has what the agent needs, line by line, with the cure where it has not."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from collector.connection import read_token
from collector.errors import CollectorError
from collector.events.source import EVENTS
from collector.rules.redact import read_patterns
from collector.rules.settings import RuleSettings
from collector.settings import AgentSettings


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement and how it stands."""

    name: str
    ok: bool
    detail: str
    """What was found; the cure where it is not ok."""
    required: bool = True
    """False where the agent runs without it, and knows or delivers less."""


def check_delivery(settings: AgentSettings) -> list[Finding]:
    """Look at the token and at the folder for batches."""
    return [_token(settings.token_file), _state(settings.state_dir)]


def check_runtimes(sockets: Iterable[str]) -> Finding:
    """Look for a container runtime that answers questions about labels."""
    present = [path for path in sockets if os.access(path, os.R_OK | os.W_OK)]
    if present:
        return Finding("container runtime", ok=True, detail=", ".join(present), required=False)
    cure = (
        "There is no runtime socket, so labels stay unknown; start containerd, or name it with --cri-sockets."
    )
    return Finding("container runtime", ok=False, detail=cure, required=False)


def check_rules(settings: AgentSettings, rules: RuleSettings) -> Finding:
    """Look at what the rule engine needs beside the rest; without it the agent counts all the same."""
    if not settings.rules:
        return Finding("rules", ok=True, detail="switched off with --rules off", required=False)
    try:
        if rules.redact_file:
            read_patterns(Path(rules.redact_file))
    except CollectorError as error:
        return Finding("rules", ok=False, detail=str(error), required=False)
    # Imported only now, since the checks load the compiler into this process.
    from collector.sensor.requirements import requirement_of  # noqa: PLC0415

    found = requirement_of(EVENTS, "rules")
    return Finding("rules", ok=found.ok, detail=found.cure, required=False)


def as_table(findings: Iterable[Finding]) -> str:
    """Return one line for each requirement."""
    findings = list(findings)
    width = max(len(each.name) for each in findings)
    words = {(True, True): "ok", (True, False): "ok", (False, True): "MISSING", (False, False): "absent"}
    return "\n".join(
        f"{each.name:<{width}}  {words[each.ok, each.required]:<7}  {each.detail}" for each in findings
    )


def as_json(findings: Iterable[Finding]) -> str:
    """Return the findings for scripts, and whether the agent can run."""
    findings = list(findings)
    return json.dumps(
        {"can_run": can_run(findings), "requirements": [asdict(each) for each in findings]}, indent=2
    )


def can_run(findings: Iterable[Finding]) -> bool:
    """Tell whether all that is required is there."""
    return all(each.ok or not each.required for each in findings)


def _token(path: Path) -> Finding:
    try:
        read_token(path)
    except CollectorError as error:
        return Finding("token", ok=False, detail=str(error))
    return Finding("token", ok=True, detail=str(path))


def _state(path: Path) -> Finding:
    """Look at the nearest folder that exists: the agent makes the rest."""
    nearest = next(each for each in (path, *path.absolute().parents) if each.exists())
    if os.access(nearest, os.W_OK | os.X_OK) and not os.statvfs(nearest).f_flag & os.ST_RDONLY:
        return Finding("state folder", ok=True, detail=str(path), required=False)
    cure = (
        f"{nearest} cannot be written, so nothing would survive a restart; choose another with --state-dir."
    )
    return Finding("state folder", ok=False, detail=cure, required=False)

"""How long after a call the agent has decided, and how long until an alert can be read over REST."""

import json
import os
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from api.alerts.schemas import AlertQuery
from api.matches.schemas import MatchQuery
from api.paging import MAX_LIMIT
from api.vocabulary import AlertKind
from bench.containers import containers, opens
from bench.context import Context
from bench.service import agent_with_rules, as_admin, service, wait_for

_BIN: Final = Path(sys.executable).parent
_PER_S: Final = 5
"""At random moments, so that no clock of ours is met in step."""
_RULE: Final = "Password file read"
_READ: Final = "/etc/shadow"
_POLL_S: Final = 0.004
_START_S: Final = 60.0


def latency(context: Context) -> dict[str, Any]:
    """Measure both with the default rules: a container reads its password file, five times a second."""
    count = 20 if context.quick else 300
    folder = context.folder / "latency"
    folder.mkdir()
    with context.timed(f"latency: {count} verdicts"):
        verdicts = _verdicts(context, folder / "verdict", count)
    with context.timed(f"latency: {count} alerts"):
        alerts = _alerts(context, folder / "alert", count)
    return {
        "call to verdict, printed by `nonself-agent rules run`": _summary(verdicts),
        "call to GET /v1/alerts, `nonself-agent run`": _summary(alerts),
    }


def _verdicts(context: Context, folder: Path, count: int) -> list[float]:
    """Return milliseconds from each event to its line on the reader's side of a pipe."""
    folder.mkdir()
    command = [str(_BIN / "nonself-agent"), "rules", "run", "--default", "--json"]
    command += ["--runc-roots", str(folder / "containers/runc")]
    log = folder / "log"
    found: list[float] = []
    with (
        log.open("wb") as said,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said) as agent,
    ):
        try:
            wait_for(lambda: "ready\n" in log.read_text(), _START_S, f"the agent: {log}", agent)
            with containers(context.work, folder / "containers", [opens(_PER_S, _READ)]):
                assert agent.stdout is not None
                lines = _Lines(agent.stdout.fileno(), _START_S + 2 * count / _PER_S)
                while len(found) < count:
                    line, now_ns = lines.next()
                    match = json.loads(line)
                    if match["rule"] == _RULE:
                        found.append((now_ns - match["output_fields"]["evt.time"]) / 1e6)
        finally:
            agent.terminate()
    return found


def _alerts(context: Context, folder: Path, count: int) -> list[float]:
    """Return milliseconds from each event until the alert that it joins is seen to hold it."""
    folder.mkdir()
    seen_ns: list[int] = []
    with service(folder) as (url, token), agent_with_rules(folder, url, token, 10):
        api, query = as_admin(folder, url), AlertQuery(kind=AlertKind.SIGNATURE)
        with containers(context.work, folder / "containers", [opens(_PER_S, _READ)]):
            deadline = time.monotonic() + _START_S + 2 * count / _PER_S
            while len(seen_ns) < count:
                alerts = next(api.alerts.pages(query)).items
                now_ns = time.time_ns()
                findings = sum(each.findings for each in alerts if each.rule == _RULE)
                seen_ns += [now_ns] * (findings - len(seen_ns))
                if time.monotonic() > deadline:
                    msg = f"Only {len(seen_ns)} of {count} reads became findings of an alert."
                    raise RuntimeError(msg)
                time.sleep(_POLL_S)
        matches = [each for each in api.matches.list(MatchQuery(limit=MAX_LIMIT)) if each.rule == _RULE]
    times = sorted(each.time_ns for each in matches)
    return [(seen - event) / 1e6 for seen, event in zip(seen_ns, times, strict=False)]


class _Lines:
    """Reads lines with the moment at which each was there."""

    def __init__(self, descriptor: int, patience_s: float) -> None:
        self._descriptor = descriptor
        self._deadline = time.monotonic() + patience_s
        self._rest = b""

    def next(self) -> tuple[bytes, int]:
        """Return a line and its Unix time in nanoseconds.

        Raises:
            RuntimeError: None came in time.
        """
        now_ns = time.time_ns()
        while b"\n" not in self._rest:
            left_s = self._deadline - time.monotonic()
            if left_s <= 0 or not select.select([self._descriptor], [], [], left_s)[0]:
                msg = "The agent printed too few matches in time."
                raise RuntimeError(msg)
            more = os.read(self._descriptor, 1 << 16)
            now_ns = time.time_ns()
            if not more:
                msg = "The agent ended."
                raise RuntimeError(msg)
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line, now_ns


def _summary(found: list[float]) -> dict[str, Any]:
    cuts = statistics.quantiles(found, n=100)
    return {
        "events": len(found),
        "median_ms": round(statistics.median(found), 1),
        "p90_ms": round(cuts[89], 1),
        "p99_ms": round(cuts[98], 1),
        "most_ms": round(max(found), 1),
    }

"""A container that makes 200,000 rule events a second, beside one whose every call is to be counted."""

import os
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from api.client import Client
from api.connection import to_json
from api.scores.schemas import ScoreQuery
from bench.containers import containers, favour, opens, pids
from bench.context import Context
from bench.service import agent_with_rules, as_admin, service, wait_for
from bench.workload import Crowd

EVENTS_PER_S: Final = 200_000
WINDOW_S: Final = 2
_CONTAINERS: Final = 2
"""One thread cannot open so often."""
_KINDS: Final = {
    "events that no rule matches": "/etc/shadow.none",
    "events that all match": "/etc/shadow",
}
"""Both paths lie below a prefix that rules ask for, so that every open of them is reported."""
_COUNTED: Final = "ab" * 32
"""Folder of a cgroup that looks like a container's."""
_REPORT_S: Final = 150.0
"""The engine reports once a minute; the service may have a queue of matches first."""


def overload(context: Context) -> dict[str, Any]:
    """Flood a real agent and a real service; hold counts, memory and what was lost against what was done."""
    found = {}
    for number, (kind, path) in enumerate(_KINDS.items()):
        with context.timed(f"overload: {kind}"):
            found[kind] = _flooded(context, context.folder / f"overload-{number}", path)
    return found


def _flooded(context: Context, folder: Path, path: str) -> dict[str, Any]:
    folder.mkdir()
    seconds = 6 if context.quick else 60
    cgroups = context.cgroups / _COUNTED
    with (
        service(folder) as (url, token),
        agent_with_rules(folder, url, token, WINDOW_S) as agent,
        Crowd(context.work, 1, cpu=1, cgroups=cgroups) as counted,
    ):
        api = as_admin(folder, url)
        for pid in counted.pids():
            # It takes what the flood leaves: how fast it counts is not the question.
            os.setpriority(os.PRIO_PROCESS, pid, 10)
        counted.slice("mix", 0.5)
        wait_for(lambda: bool(_windows(api)), 60, "the first counts", agent)
        time.sleep(2 * WINDOW_S)
        known, issued = _windows(api), int(counted.issued()[0])
        engine = _child(agent.pid)
        before = _counters(api, 0)
        peaks = Peaks({"agent": agent.pid, "engine": engine})
        flood = [opens(EVENTS_PER_S // _CONTAINERS, path)] * _CONTAINERS
        with containers(context.work, folder / "containers", flood) as names:
            # A flood that waits for the CPU is none.
            favour()
            for pid in pids(names):
                os.setpriority(os.PRIO_PROCESS, pid, -15)
            counted.begin("mix")
            begun = time.monotonic()
            while time.monotonic() - begun < seconds:
                time.sleep(0.5)
                peaks.look()
            took = time.monotonic() - begun
            counted.end()
        ended = time.time()
        issued = int(counted.issued()[0]) - issued
        wait_for(lambda: _settled(api, ended), 120, "the last counts", agent)
        # Whoever looks at the node sees it there, a minute later at most.
        after = _counters(api, ended)
        windows = [each for each in _windows(api) if each["id"] not in {old["id"] for old in known}]
        survived = _child(agent.pid) == engine
    done = {name: after[name] - before[name] for name in after}
    made = done["sent_events"] + done["dropped_events"]
    calls = sum(each["calls"] for each in windows)
    return {
        "seconds": round(took),
        "rule_events_per_s": round(made / took),
        "decided_per_s": round(done["events"] / took),
        "dropped_and_shown_by_v1_nodes": done["dropped_events"],
        "matches": done["matches"],
        "matches_discarded_and_shown": done["discarded_matches"],
        "engine_peak_rss_mib": peaks.mib("engine"),
        "agent_peak_rss_mib": peaks.mib("agent"),
        "engine_survived": survived,
        "calls_made_beside": issued,
        "calls_counted": calls,
        "calls_lost": sum(sum(each["lost"].values()) for each in windows),
        "windows_counted": len(windows),
        "windows_expected": _spanned(windows),
    }


class Peaks:
    """The most memory that some processes were seen to use."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._kib = dict.fromkeys(pids, 0)

    def look(self) -> None:
        """Look at them now."""
        for name, pid in self._pids.items():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
            self._kib[name] = max(self._kib[name], kib)

    def mib(self, name: str) -> float:
        """Return what one used."""
        return round(self._kib[name] / 1024, 1)


def _child(pid: int) -> int:
    """Return the rule engine of an agent."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return int(found.stdout.split()[0]) if found.stdout.split() else 0


def _windows(api: Client) -> list[dict[str, Any]]:
    """Return the scored windows of what is counted."""
    scores = map(to_json, api.scores.list(ScoreQuery(limit=1000)))
    return [each for each in scores if each["container"]["id"].endswith(_COUNTED)]


def _node(api: Client) -> dict[str, Any]:
    """Return the one agent, as JSON."""
    return to_json(next(api.nodes.list()))


def _settled(api: Client, ended: float) -> bool:
    """Tell whether all windows up to a moment have come, and are scored."""
    # An agent without counts says so, after whatever waits to be sent.
    if _unix(_node(api)["seen_at"]) < ended + 2 * WINDOW_S:
        return False
    before = len(_windows(api))
    time.sleep(2 * WINDOW_S)
    return len(_windows(api)) == before


def _counters(api: Client, since: float) -> dict[str, int]:
    """Return the engine's counters as the service shows them, reported after a moment."""

    def engine() -> dict[str, Any]:
        return _node(api)["rules"] or {"reported_at": "1970-01-01T00:00:00Z"}

    wait_for(lambda: _unix(engine()["reported_at"]) > since + 0.5, _REPORT_S, "the engine's report")
    return {name: int(value) for name, value in engine()["counters"].items()}


def _spanned(windows: list[dict[str, Any]]) -> int:
    """Return how many windows lie between the first start and the last end."""
    if not windows:
        return 0
    begin = min(_unix(each["start"]) for each in windows)
    return round((max(_unix(each["end"]) for each in windows) - begin) / WINDOW_S)


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()

"""`python -m benign`: the demo's services under load with the default rules; exit code 1 on any match."""

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from demo import workloads
from lab import Lab, LabError
from lab.requirements import PACKAGES, require
from rich.console import Console

from benign.watch import Match, Watch

MATCHED, CANNOT_RUN = 1, 2
_PROOF, _PROOF_RULE = "cat /etc/shadow", "Password file read"
"""What is done at the end on each service, so that a silent agent cannot pass for quiet rules."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load and return the exit code: 1 where a rule matched, 2 where nothing could be said."""
    parser = argparse.ArgumentParser(prog="benign", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the load lasts (default: 10)")
    parser.add_argument("--json", type=Path, help="also write what was found to this file")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(CANNOT_RUN))
    try:
        require(PACKAGES)
        with Lab() as lab, Watch(lab) as watch:
            found = _run(lab, watch, options.minutes, console)
    except LabError as error:
        console.print(f"benign: {error}", style="red", markup=False)
        return CANNOT_RUN
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    for service in found["services"]:
        console.print(f"{service['name']}: {service['matches']} matches, {service['bursts']} bursts of load")
    ending = f"{found['minutes']} minutes and their start, {found['dropped_events']} events lost"
    console.print(f"{found['matches']} matches in {ending}", style="bold")
    return MATCHED if found["matches"] else 0


def _run(lab: Lab, watch: Watch, minutes: float, console: Console) -> dict[str, object]:
    # The agent watches before the services start, so that their start counts too.
    running = workloads.start(lab, workloads.NAMES, lambda line: console.print(f"  {line}"), prefix="benign-")
    names = {workload.pod.container.id[:12]: workload.name for workload in running}
    names |= {workload.pod.sandbox_id[:12]: workload.name for workload in running}
    for workload in running:
        workload.start_load()
    began = time.monotonic()
    while (left := 60 * minutes - (time.monotonic() - began)) > 0 and watch.running:
        if time.monotonic() - began > 30:
            for workload in running:
                workload.change_load()
        time.sleep(min(left, 10))
        so_far = f"{len(_of(watch, names))} matches, {watch.dropped} events lost"
        console.print(f"  {round((time.monotonic() - began) / 60, 1)} min: {so_far}")
    for workload in running:
        workload.stop_load()
    matches = _of(watch, names)
    for workload in running:
        workload.pod.exec(_PROOF.split())
        id_ = workload.pod.container.id[:12]
        watch.wait_for(
            lambda match, id_=id_: _container(match) == id_ and match["rule"] == "Password file read"
        )
    for match in matches:
        console.print(f"{names[_container(match)]}: {match['output']}", style="red", markup=False)
    counted = Counter(names[_container(match)] for match in matches)
    return {
        "minutes": minutes,
        "matches": len(matches),
        "services": [
            {"name": workload.name, "matches": counted[workload.name], "bursts": workload.done}
            for workload in running
        ],
        "dropped_events": watch.dropped,
        "by_rule": Counter(match["rule"] for match in matches),
        "failed_loads": [failure for workload in running for failure in workload.failures],
        "load_average": os.getloadavg()[2],
        "kernel": platform.release(),
        "processors": os.cpu_count(),
    }


def _container(match: Match) -> str:
    return str(match["output_fields"].get("container.id"))


def _of(watch: Watch, names: dict[str, str]) -> list[Match]:
    return [match for match in watch.matches if _container(match) in names]


if __name__ == "__main__":
    sys.exit(main())

"""Command line of the benchmark: runs the chosen sections in order, prints and stores the figures."""

import argparse
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from bench import machine, report
from bench.context import Context
from bench.publish import publish
from bench.rounds import Quiet
from bench.workload import build, cgroup2_mount, remove_cgroups
from collector.errors import CollectorError

SECTIONS = {
    "sensor": ("bench.micro", "one", "added ns per call beside other designs and tools, one container"),
    "ten": ("bench.micro", "ten", "the same with ten containers in turn"),
    "many": ("bench.micro", "many", "the same with 400 containers of 256 n-grams in turn"),
    "flood": ("bench.flood", "flood", "a container that makes random calls, and its neighbour"),
    "macro": ("bench.macro", "macro", "redis, nginx, find and a compile"),
    "drain": ("bench.drain", "drain", "table slots read per second in Python"),
    "agent": ("bench.agent", "agent", "CPU and memory of the agent with 4, 10 and 200 real containers"),
    "ingest": ("bench.ingest", "ingest", "deltas and n-gram counts per second through the service"),
    "store": ("bench.store", "store", "pages and ingest at 50 requests per second on full databases"),
    "baselines": ("bench.baselines", "baselines", "list, diff, promote with 5,000 workloads of 20 versions"),
    "rules": ("bench.rules", "rules", "CPU per event with all of Falco's stable rules"),
    "events": ("bench.events", "events", "rule events: added to a call, and per core from ring to verdict"),
    "latency": ("bench.latency", "latency", "from a call to the agent's verdict and to GET /v1/alerts"),
    "overload": ("bench.overload", "overload", "200,000 rule events a second for a minute, counting beside"),
    "detector": ("bench.detector", "detector", "windows scored and learned per second and core"),
}
QUICK = ("sensor", "flood", "drain", "rules", "detector")
_EPILOG = """\
examples:
  python -m bench                              everything, about 35 minutes
  python -m bench --quick                      a sign of life in under a minute; its figures mean nothing
  python -m bench --only sensor,many --json figures.json
  python -m bench --only store --scores 2000000 --alerts 200000    under 8 minutes
  python -m bench --only store --scores 50000000                   about 50 GB below /tmp, some 30 minutes
  python -m bench --publish docs/bench/amd-epyc-2-cpus.json docs/overhead.md

Run it as root on a machine that does nothing else. Others' tracing of system calls is waited out.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="bench",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = ", ".join(f"{name} ({what})" for name, (_, _, what) in SECTIONS.items())
    parser.add_argument("--only", metavar="SECTIONS", help=f"comma-separated: {known}")
    parser.add_argument("--quick", action="store_true", help="two rounds of the quick sections")
    parser.add_argument(
        "--scores", metavar="COUNT", type=int, default=5_000_000, help="in PostgreSQL, of the section store"
    )
    parser.add_argument("--alerts", metavar="COUNT", type=int, default=1_000_000, help="likewise")
    parser.add_argument(
        "--json",
        metavar="PATH",
        type=Path,
        help="also write the figures here, beside sections measured before",
    )
    parser.add_argument(
        "--show", metavar="PATH", type=Path, help="print the tables of such a file, measure nothing"
    )
    parser.add_argument(
        "--publish",
        metavar=("PATH", "PAGE"),
        nargs=2,
        type=Path,
        help="write these tables into a page, measure nothing",
    )
    options = parser.parse_args(arguments)
    if options.publish:
        publish(json.loads(options.publish[0].read_text()), options.publish[1])
        return 0
    if options.show:
        print(report.render(json.loads(options.show.read_text())["sections"]))
        return 0
    names = options.only.split(",") if options.only else list(QUICK if options.quick else SECTIONS)
    if unknown := [name for name in names if name not in SECTIONS]:
        parser.error(f"there is no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if os.geteuid() != 0:
        print("bench: the sensor needs root; run it with sudo.", file=sys.stderr)
        return 1
    # A request to end runs every `finally` on its way out, so that nothing stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    command = shlex.join(["python", "-m", "bench", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        sections = run(
            names,
            quick=options.quick,
            scores=options.scores,
            alerts=options.alerts,
            command=command,
            path=options.json,
        )
    except (CollectorError, OSError, RuntimeError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(report.render(sections))
    return 1 if any("failed" in each for each in sections.values()) else 0


def run(
    names: list[str], *, quick: bool, scores: int, alerts: int, command: str, path: Path | None
) -> dict[str, dict[str, Any]]:
    """Run sections in a folder and cgroups of this process's own, both removed at the end.

    What was measured is stored after each section, so that an interrupted run is worth something.
    """
    say = _say(time.monotonic())
    folder = Path(tempfile.mkdtemp(prefix="nonself-bench-"))
    cgroups = cgroup2_mount() / f"nonself-bench-{os.getpid()}"
    sections = {}
    try:
        work = build(folder)
        for name in names:
            quiet = Quiet(20 if quick else 600, say)
            context = Context(work, folder, cgroups, quick, quiet, say, scores, alerts)
            about = {
                "command": command,
                "revision": machine.revision(),
                "quick": quick,
                "started_at": _now(),
                "load_average": os.getloadavg(),
            }
            sections[name] = about | _section(name, context)
            sections[name] |= {
                "ended_at": _now(),
                "waited_for_foreign_tracing_s": round(quiet.waited_s, 1),
                "disturbed_slices_discarded": quiet.discarded,
            }
            if path:
                _store(path, sections)
    finally:
        remove_cgroups(cgroups)
        shutil.rmtree(folder, ignore_errors=True)
    return sections


def _section(name: str, context: Context) -> dict[str, Any]:
    module, function, _ = SECTIONS[name]
    measure: Callable[[Context], dict[str, Any]] = getattr(import_module(module), function)
    try:
        return {"figures": measure(context)}
    except (CollectorError, OSError, RuntimeError) as error:
        # One section that cannot run here leaves the others worth having.
        context.say(f"{name}: {error}")
        return {"failed": str(error)}


def _store(path: Path, sections: dict[str, dict[str, Any]]) -> None:
    known = json.loads(path.read_text())["sections"] if path.exists() else {}
    merged = {name: (known | sections)[name] for name in SECTIONS if name in known or name in sections}
    path.write_text(json.dumps({"machine": machine.describe(), "sections": merged}, indent=1) + "\n")


def _say(begin: float) -> Callable[[str], None]:
    def say(text: str) -> None:
        print(f"[{time.monotonic() - begin:6.1f} s] {text}", file=sys.stderr, flush=True)

    return say


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


if __name__ == "__main__":
    sys.exit(main())

"""`python -m recordings`: records real containers and what was done to them."""

import argparse
import json
import platform
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from demo import workloads
from demo.workloads import NAMES, Workload
from lab import Lab, LabError
from lab.requirements import PACKAGES, require

from recordings.agent import LABEL, Agent
from recordings.benign import Director
from recordings.diary import Diary
from recordings.errors import RecordingError
from recordings.intrusions import WAYS, Intruder
from recordings.stops import NAMES as STOPPED, Stopper

CANNOT_RUN = 2
_CHECK_S = 1.0
_JOIN_S = 30.0
_PREFIX = "recorded-"


def main(arguments: Sequence[str] | None = None) -> int:
    """Record and return the exit code: 2 where it could not run."""
    parser = argparse.ArgumentParser(prog="recordings", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    benign = commands.add_parser("benign", help="hours of varied benign load")
    benign.add_argument("--hours", type=float, default=2.0, help="how long (default: 2)")
    intrusions = commands.add_parser("intrusions", help="every action by every way in, under load")
    intrusions.add_argument("--most", type=int, help="actions in each pod at most (default: all)")
    intrusions.add_argument("--quiet-s", type=float, default=60.0, help="load alone before (default: 60)")
    stops = commands.add_parser("stops", help="containers that end and are replaced all the time")
    stops.add_argument("--hours", type=float, default=0.75, help="how long (default: 0.75)")
    stops.add_argument(
        "--quiet-share", type=float, default=0.6, help="of that, without intruders (default: 0.6)"
    )
    for each, replicas in ((benign, 2), (intrusions, len(WAYS)), (stops, 3)):
        each.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
        each.add_argument(
            "--seed", type=int, default=3, help="the same seed does the same things (default: 3)"
        )
        each.add_argument("--window-s", type=float, default=1.0, help="length of a window (default: 1)")
        each.add_argument(
            "--replicas", type=int, default=replicas, help="pods of each workload (default: %(default)s)"
        )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(CANNOT_RUN))
    try:
        require(PACKAGES)
        options.out.mkdir(parents=True)
        _record(options)
    except FileExistsError:
        print(f"recordings: {options.out} exists already; give a new folder.", file=sys.stderr)
        return CANNOT_RUN
    except (RecordingError, LabError) as error:
        print(f"recordings: {error}", file=sys.stderr)
        return CANNOT_RUN
    except KeyboardInterrupt:
        return CANNOT_RUN
    return 0


def _record(options: argparse.Namespace) -> None:
    name = f"{options.command}-{time.time_ns():x}"
    about = {
        "command": options.command,
        "seed": options.seed,
        "replicas": options.replicas,
        "window_s": options.window_s,
        "kernel": platform.release(),
        "started_at": time.strftime("%FT%TZ", time.gmtime()),
    }
    (options.out / "about.json").write_text(json.dumps(about, indent=2) + "\n")
    diary = Diary(options.out / "events.jsonl")
    with Lab() as lab, Agent(lab, options.out, name, options.window_s) as agent:
        started = workloads.start(
            lab,
            STOPPED if options.command == "stops" else NAMES,
            lambda line: print(line, flush=True),
            prefix=_PREFIX,
            replicas=options.replicas,
            labels={LABEL: name},
        )
        director = Director(started, diary, options.seed, operations=options.command == "benign")
        director.start()
        try:
            {"benign": _benign, "intrusions": _intrude, "stops": _stop}[options.command](
                options, agent, started, diary
            )
        finally:
            director.stop()
    diary.close()


def _benign(options: argparse.Namespace, agent: Agent, started: Sequence[Workload], _: Diary) -> None:
    print(f"{len(started)} pods under load for {options.hours:g} h", flush=True)
    end = time.monotonic() + options.hours * 3600
    while time.monotonic() < end:
        agent.check()
        time.sleep(_CHECK_S)


def _intrude(options: argparse.Namespace, agent: Agent, started: Sequence[Workload], diary: Diary) -> None:
    time.sleep(options.quiet_s)
    ended, stop = threading.Event(), threading.Event()

    def work() -> None:
        Intruder(diary, options.seed, options.most).intrude(started, stop)
        ended.set()

    worker = threading.Thread(target=work, name="intruders")
    worker.start()
    try:
        while not ended.wait(_CHECK_S):
            agent.check()
        time.sleep(options.quiet_s)
    finally:
        stop.set()
        worker.join()


def _stop(options: argparse.Namespace, agent: Agent, started: Sequence[Workload], diary: Diary) -> None:
    begun, stop, intruded = time.monotonic(), threading.Event(), threading.Event()
    threads = Stopper(diary, options.seed, stop, intruded).start(started)
    try:
        while (passed := time.monotonic() - begun) < options.hours * 3600:
            if passed > options.quiet_share * options.hours * 3600:
                intruded.set()
            agent.check()
            time.sleep(_CHECK_S)
    finally:
        stop.set()
        for thread in threads:
            # One may wait for what a container that has ended will never answer.
            thread.join(_JOIN_S)


if __name__ == "__main__":
    sys.exit(main())

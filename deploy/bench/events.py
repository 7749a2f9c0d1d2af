"""What the sensor for static rules costs: in the kernel for each call, and in Python for each event.

`PYTHONPATH=deploy .venv/bin/python -m bench.events --rules FILE...` (root). In the kernel: CPU time of a
thread that makes one call over and over, with and without the sensor, taking turns; the median of the
differences. In Python: records of real execs and opens, kept as bytes and taken again and again.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from collector.events.event import decode
from collector.events.layout import Kind
from collector.events.sensor import EventSensor
from collector.rules.command import load_rules
from collector.rules.fields import GETTERS
from collector.rules.live import LiveEvent, Node
from collector.rules.pushdown import subscription
from collector.rules.settings import RuleSettings
from collector.state.containers import ContainerTable
from collector.state.processes import ProcessTable
from collector.state.users import Users
from signatures.ruleset import RuleSet

_PROGRAM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int main(int count, char **arguments)
{
    char what[64];
    long calls;
    while (scanf("%63s %ld", what, &calls) == 2) {
        struct timespec before, after;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        for (long i = 0; i < calls; i++) {
            if (!strcmp(what, "getppid"))
                syscall(SYS_getppid);
            else if (!strcmp(what, "open"))
                syscall(SYS_openat, AT_FDCWD, "/usr/lib/x86_64-linux-gnu/libnothing.so.1", O_RDONLY);
            else
                syscall(SYS_openat, AT_FDCWD, "/etc/shadow.nothing", O_RDONLY);
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        printf("%f\n", ((after.tv_sec - before.tv_sec) * 1e9 + after.tv_nsec - before.tv_nsec) / calls);
        fflush(stdout);
    }
}
"""
_LOADS = {"getppid": 20000, "open": 8000, "matched": 3000}


class Nobody:
    """An identity that knows no container."""

    mount = "/nowhere"

    def identify(self, *_):
        return None

    def enrich(self, ref):
        return ref

    def bundle_of(self, _):
        return None


class Worker:
    """The thread that makes calls."""

    def __init__(self, folder: Path) -> None:
        source, program = folder / "calls.c", folder / "calls"
        source.write_text(_PROGRAM)
        subprocess.run(["cc", "-O2", "-o", program, source], check=True)
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ns(self, load: str) -> float:
        """Return nanoseconds of CPU time for each call."""
        self._process.stdin.write(f"{load} {_LOADS[load]}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.kill()


def in_kernel(sensor: EventSensor, rounds: int) -> dict[str, float]:
    """Return added nanoseconds for each load."""
    with tempfile.TemporaryDirectory() as folder:
        worker = Worker(Path(folder))
        added: dict[str, list[float]] = {load: [] for load in _LOADS}
        base: dict[str, list[float]] = {load: [] for load in _LOADS}
        for _ in range(rounds):
            for load in _LOADS:
                sensor.detach()
                without = worker.ns(load)
                sensor.attach()
                worker.ns(load)
                added[load].append(worker.ns(load) - without)
                base[load].append(without)
                for _ in sensor.raw():
                    pass
        worker.close()
    return {f"{load}_added_ns": round(statistics.median(each), 1) for load, each in added.items()} | {
        f"{load}_base_ns": round(statistics.median(each), 1) for load, each in base.items()
    }


def in_python(sensor: EventSensor, rules: RuleSet, rounds: int) -> dict[str, float]:
    """Return microseconds for each event, from the bytes of the ring buffer to the verdict."""
    node = Node(ProcessTable(), ContainerTable(Nobody()), Users(), 0)
    node.processes.seed()
    for _ in sensor.raw():
        pass
    script = "for i in 1 2 3 4 5; do cat /etc/hostname > /tmp/bench-events; ls /etc > /dev/null; done"
    subprocess.run(["sh", "-c", script], check=True)
    kept = list(sensor.raw())
    found = {}
    for name, kind, call in (("exec", Kind.EXEC, "execve"), ("open", Kind.CALL, "openat")):
        records = [each for each in kept if decode(each).kind is kind and decode(each).call.name == call]
        for each in records:
            node.processes.apply(decode(each))
        best = []
        for _ in range(rounds):
            started = time.thread_time_ns()
            for number, raw in enumerate(records):
                record = decode(raw)
                process = node.processes.apply(record)
                next(rules.match(LiveEvent(record, process, node, number, GETTERS)), None)
            best.append((time.thread_time_ns() - started) / len(records) / 1000)
        found[f"{name}_us"] = round(statistics.median(best), 1)
        found[f"{name}_records"] = len(records)
        found[f"{name}_record_bytes"] = round(statistics.mean(map(len, records)))
    return found


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(prog="bench.events", description=__doc__)
    parser.add_argument("--rules", type=Path, nargs="+", required=True)
    parser.add_argument("--rounds", type=int, default=41)
    options = parser.parse_args()
    rules = load_rules(options.rules, RuleSettings(), sys.stderr)
    with EventSensor() as sensor:
        sensor.subscribe(subscription(rules))
        result = in_kernel(sensor, options.rounds) | in_python(sensor, rules, options.rounds)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

"""What the sensor for static rules costs: in the kernel for each call, and in user space for each event.

In the kernel: CPU time of a thread that makes one call over and over, with and without the sensor, taking
turns; the median of the differences. In user space: CPU time for each event from the ring buffer to the
verdict of all rules, on a live stream of opens; bpftrace prints the same stream, and sysdig, which is Falco's
own engine, decides the same conditions over a capture of as many opens.
"""

import contextlib
import os
import resource
import shutil
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from bench.context import Context
from bench.service import wait_for
from collector.events.event import decode
from collector.events.layout import Kind
from collector.events.sensor import EventSensor
from collector.rules.fields import GETTERS
from collector.rules.live import LiveEvent, Node
from collector.rules.pushdown import subscription
from collector.state.containers import ContainerTable
from collector.state.processes import ProcessTable
from collector.state.users import Users
from signatures.loader import RuleFile, load
from signatures.ruleset import Rule, RuleSet
from tests import scap

_STABLE: Final = Path("../shared/rules/falco/falco_rules.yaml")
_PROGRAM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int main(void)
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
_LOADS: Final = {"getppid": 20000, "open": 8000, "matched": 3000}
_NAMES: Final = {
    "getppid": "kernel: a call that no rule names",
    "open": "kernel: an open of a path that no rule asks for",
    "matched": "kernel: an open that is reported",
}
_BURST: Final = 20_000
"""Opens whose records fill a third of the ring."""


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

    def run(self, load: str, calls: int) -> None:
        """Make so many calls."""
        self._process.stdin.write(f"{load} {calls}\n")
        self._process.stdin.flush()
        self._process.stdout.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def events(context: Context) -> dict[str, Any]:
    """Measure with all stable rules of Falco.

    Raises:
        RuntimeError: Falco's rule file is not beside the repository.
    """
    if not _STABLE.is_file():
        msg = f"Falco's rule file is not at {_STABLE}."
        raise RuntimeError(msg)
    rules = RuleSet(load([RuleFile(name=_STABLE.name, text=_STABLE.read_text("utf-8"))]).rules)
    found: dict[str, Any] = {}
    with EventSensor() as sensor, Worker(context.folder) as worker:
        sensor.subscribe(subscription(rules))
        with context.timed("events: added to a call"):
            found |= _in_kernel(sensor, worker, context.rounds(41))
        with context.timed("events: in Python"):
            found |= _in_python(sensor, rules, context.rounds(41))
        with context.timed("events: a stream of opens"):
            found["nonself: a live stream of opens, read and decided"] = _stream(
                sensor, worker, rules, context.rounds(20)
            )
        sensor.detach()
        for name, measure in (("bpftrace", _bpftrace), ("sysdig", _sysdig)):
            if shutil.which(name):
                with context.timed(f"events: {name}"):
                    found |= measure(context, worker, rules)
            else:
                context.say(f"{name} is left out: it is not installed (apt-get install {name})")
    return found


def _in_kernel(sensor: EventSensor, worker: Worker, rounds: int) -> dict[str, Any]:
    added: dict[str, list[float]] = {load: [] for load in _LOADS}
    base: dict[str, list[float]] = {load: [] for load in _LOADS}
    for _ in range(rounds):
        for each in _LOADS:
            sensor.detach()
            without = worker.ns(each)
            sensor.attach()
            worker.ns(each)
            added[each].append(worker.ns(each) - without)
            base[each].append(without)
            for _ in sensor.raw():
                pass
    return {
        _NAMES[each]: {
            "added ns": round(statistics.median(added[each])),
            "bare ns": round(statistics.median(base[each])),
        }
        for each in _LOADS
    }


def _node() -> Node:
    node = Node(ProcessTable(), ContainerTable(Nobody()), Users(), 0)
    node.processes.seed()
    return node


def _decide(node: Node, rules: RuleSet, raw: bytes, number: int) -> Rule | None:
    record = decode(raw)
    process = node.processes.apply(record)
    if record.head.kind not in {Kind.CALL, Kind.EXEC}:
        return None
    return next(rules.match(LiveEvent(record, process, node, number, GETTERS)), None)


def _in_python(sensor: EventSensor, rules: RuleSet, rounds: int) -> dict[str, Any]:
    node = _node()
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
        taken = []
        for _ in range(rounds):
            started = time.thread_time_ns()
            for number, raw in enumerate(records):
                _decide(node, rules, raw, number)
            taken.append((time.thread_time_ns() - started) / len(records) / 1000)
        found[f"nonself: bytes of a record to the verdict, {name}"] = _row(
            len(records), statistics.median(taken), round(statistics.mean(map(len, records)))
        )
    return found


def _stream(sensor: EventSensor, worker: Worker, rules: RuleSet, rounds: int) -> dict[str, Any]:
    """Read what a burst left in the ring, as the engine does; the burst fits, so that nothing is lost."""
    node, taken, count, size = _node(), [], 0, 0
    for _ in range(rounds):
        for _ in sensor.raw():
            pass
        worker.run("matched", _BURST)
        started, events = time.thread_time_ns(), 0
        for number, raw in enumerate(sensor.raw()):
            _decide(node, rules, raw, number)
            events, size = events + 1, len(raw)
        taken.append((time.thread_time_ns() - started) / max(events, 1) / 1000)
        count += events
    return _row(count, statistics.median(taken), size)


def _bpftrace(context: Context, worker: Worker, _: RuleSet) -> dict[str, Any]:
    """Print process, descriptor and path of the same opens; it compares the path in the kernel."""
    script = (
        'tracepoint:syscalls:sys_enter_openat /strncmp(str(args->filename), "/etc/shadow", 11) == 0/ '
        '{ printf("%d %s %s\\n", pid, comm, str(args->filename)); } BEGIN { printf("ready\\n"); }'
    )
    mount = 'mount -t tracefs nodev /sys/kernel/tracing; exec bpftrace -e "$0"'
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", mount, script]
    said = context.folder / "bpftrace.out"
    with _out(command, said) as process:
        wait_for(lambda: "ready" in said.read_text(), 30, "bpftrace", process)
        before, lines = _cpu_s(process.pid), said.read_text().count("\n")
        for _ in range(context.rounds(20)):
            worker.run("matched", _BURST)
            time.sleep(0.2)
        time.sleep(1)
        used, printed = _cpu_s(process.pid) - before, said.read_text().count("\n") - lines
    return {"bpftrace: the same stream, printed": _row(printed, used / max(printed, 1) * 1e6)}


def _sysdig(context: Context, _: Worker, rules: RuleSet) -> dict[str, Any]:
    """Decide the conditions about opens over a capture, by the engine that Falco has."""
    count = 2_000 if context.quick else 200_000
    opens = [rule.condition for rule in rules.for_type("openat")]
    capture, nothing = context.folder / "opens.scap", context.folder / "nothing.scap"
    started = scap.executed(10**18, 100, 1, "cat", ["/etc/shadow.nothing"])
    many = (scap.opened(10**18 + at * 1000, 100, -2, "/etc/shadow.nothing", 1) for at in range(1, count))
    scap.write(capture, [started, *many])
    scap.write(nothing, [started])
    known = [each for each in opens if _run_sysdig(nothing, each) is not None]
    condition = " or ".join(f"({each})" for each in known)
    whole, empty = _run_sysdig(capture, condition), _run_sysdig(nothing, condition)
    if whole is None or empty is None:
        context.say("sysdig takes none of the conditions")
        return {}
    row = _row(count, (whole - empty) / count * 1e6)
    return {f"sysdig: {len(known)} of {len(opens)} conditions over a capture of opens": row}


def _run_sysdig(capture: Path, condition: str) -> float | None:
    """Return the seconds of CPU that it takes; None where it refuses."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["sysdig", "-r", capture, condition], capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return None if done.returncode else used


@contextlib.contextmanager
def _out(command: list[str], said: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with said.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _row(count: int, microseconds: float, record_bytes: int = 0) -> dict[str, Any]:
    row = {
        "events": count,
        "µs of CPU": round(microseconds, 1),
        "events per core and second": round(1e6 / microseconds) if microseconds else 0,
    }
    return row | ({"bytes of a record": record_bytes} if record_bytes else {})

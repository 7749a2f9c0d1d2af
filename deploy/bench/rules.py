"""Time that rules take for one event, all values at hand: what deciding costs, without finding values out."""

import statistics
import time
from pathlib import Path
from typing import Any, Final

from bench.context import Context
from signatures.event import Event, FieldValue
from signatures.loader import RuleFile, load
from signatures.ruleset import RuleSet

_STABLE: Final = Path("../shared/rules/falco/falco_rules.yaml")
_PROCESS: Final[dict[str, FieldValue]] = {
    "proc.name": "nginx",
    "proc.pname": "nginx",
    "proc.aname": ("nginx", "containerd-shim", "systemd"),
    "proc.aname[2]": "containerd-shim",
    "proc.aname[3]": "systemd",
    "proc.exe": "nginx: worker process",
    "proc.exepath": "/usr/sbin/nginx",
    "proc.pexe": "/usr/sbin/nginx",
    "proc.args": "",
    "proc.cmdline": "nginx",
    "proc.pcmdline": "nginx -g daemon off;",
    "proc.cwd": "/",
    "proc.tty": 0,
    "proc.vpid": 7,
    "proc.duration": 10**12,
    "user.name": "nginx",
    "user.uid": 101,
    "container.id": "3f2a9c1b7d10",
    "container.image.repository": "docker.io/library/nginx",
    "container.privileged": False,
    "thread.cap_effective": "CAP_NET_BIND_SERVICE",
    "proc.is_exe_upper_layer": False,
    "proc.is_exe_from_memfd": False,
}
_FILE: Final[dict[str, FieldValue]] = {
    "evt.type": "openat",
    "evt.rawres": 9,
    "evt.res": "SUCCESS",
    "fd.num": 9,
    "fd.typechar": "f",
    "fd.name": "/usr/share/nginx/html/index.html",
    "fd.nameraw": "/usr/share/nginx/html/index.html",
    "fd.directory": "/usr/share/nginx/html",
    "fd.filename": "index.html",
    "evt.is_open_read": True,
    "evt.is_open_write": False,
    "evt.arg.flags": "O_RDONLY",
}
_EXEC: Final[dict[str, FieldValue]] = {
    "evt.type": "execve",
    "evt.rawres": 0,
    "evt.res": "SUCCESS",
    "evt.arg.flags": "EXE_LOWER_LAYER",
}
_EVENTS: Final[dict[str, dict[str, FieldValue]]] = {
    "openat, reading a page": _PROCESS | _FILE,
    "openat, writing a log": _PROCESS
    | _FILE
    | {
        "fd.name": "/tmp/upload/0000000001",
        "fd.directory": "/tmp/upload",
        "fd.filename": "0000000001",
        "evt.is_open_read": False,
        "evt.is_open_write": True,
        "evt.arg.flags": "O_RDWR|O_CREAT|O_EXCL",
    },
    "execve, a benign program": _PROCESS
    | _EXEC
    | {
        "proc.name": "date",
        "proc.exe": "date",
        "proc.exepath": "/bin/date",
        "proc.args": "+%s",
        "proc.cmdline": "date +%s",
    },
    "execve, a shell of a web server (matches)": _PROCESS
    | _EXEC
    | {
        "proc.name": "sh",
        "proc.exe": "sh",
        "proc.exepath": "/bin/sh",
        "proc.args": "-c id",
        "proc.cmdline": "sh -c id",
    },
    "mmap, which no rule names": _PROCESS | {"evt.type": "mmap"},
}
_CALLS: Final = 2000
_FILES: Final = (1, 8, 32)
_OWN: Final = """\
- rule: own {at}
  desc: d
  condition: evt.type=open and proc.name=program-{at}
  output: o
  priority: INFO
"""


def rules(context: Context) -> dict[str, Any]:
    """Measure µs of CPU per event with all stable rules of Falco, median of rounds in turn.

    Each round takes every kind of event, so that noise of the machine meets all alike.

    Raises:
        RuntimeError: Falco's rule file is not beside the repository.
    """
    if not _STABLE.is_file():
        msg = f"Falco's rule file is not at {_STABLE}."
        raise RuntimeError(msg)
    begin = time.process_time()
    loaded = load([RuleFile(name=_STABLE.name, text=_STABLE.read_text("utf-8"))])
    load_ms = (time.process_time() - begin) * 1e3
    ruleset = RuleSet(loaded.rules)
    events = {name: Event(values) for name, values in _EVENTS.items()}
    taken: dict[str, list[float]] = {name: [] for name in events}
    with context.timed(f"rules: {len(events)} events"):
        for _ in range(context.rounds(31)):
            for name, event in events.items():
                taken[name].append(_per_event_us(ruleset, event))
    found: dict[str, Any] = {
        name: {
            "rules tried": len(ruleset.for_type(str(event["evt.type"]))),
            "µs": round(statistics.median(taken[name]), 2),
            "least µs": round(min(taken[name]), 2),
            "first match": next((rule.name for rule in ruleset.match(event)), "none"),
        }
        for name, event in events.items()
    }
    found["loading 25 rules"] = {"µs": round(load_ms * 1e3)}
    found |= _loading_many(context)
    return found


def _loading_many(context: Context) -> dict[str, Any]:
    """Measure loading as many files as a service takes, each with one rule, after Falco's."""
    first = RuleFile(name=_STABLE.name, text=_STABLE.read_text("utf-8"))
    taken: dict[int, list[float]] = {count: [] for count in _FILES}
    for _ in range(context.rounds(5)):
        for count in _FILES:
            own = [RuleFile(name=f"{at}.yaml", text=_OWN.format(at=at)) for at in range(count - 1)]
            begin = time.process_time()
            load([first, *own])
            taken[count].append(time.process_time() - begin)
    return {
        f"loading Falco's file and {count - 1} others": {
            "µs": round(statistics.median(each) * 1e6),
            "of one file": round(statistics.median(each) / statistics.median(taken[1]), 2),
        }
        for count, each in taken.items()
        if count > 1
    }


def _per_event_us(ruleset: RuleSet, event: Event) -> float:
    match = ruleset.match
    begin = time.thread_time_ns()
    for _ in range(_CALLS):
        next(match(event), None)
    return (time.thread_time_ns() - begin) / _CALLS / 1e3

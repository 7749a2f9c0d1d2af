"""Random filters over a capture are decided as sysdig decides them: it holds Falco's own engine."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from signatures.compiler import compile_condition
from signatures.event import Event
from signatures.parser import parse
from tests import scap

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("sysdig") is None, reason="sysdig is not installed"),
]

TEXTS = (
    "fd.name", "fd.directory", "fd.filename", "proc.name", "proc.pname", "proc.exe", "proc.cmdline",
    "proc.args", "proc.aname[1]", "proc.aname[2]", "evt.type", "evt.res", "evt.arg.name",
)  # fmt: skip
NUMBERS = ("fd.num", "evt.rawres", "proc.pid", "proc.ppid")
FLAGS = ("evt.is_open_read", "evt.is_open_write")
FIELDS = ("evt.num", *TEXTS, *NUMBERS, *FLAGS)
WORDS = ("contains", "icontains", "startswith", "endswith")
FILTERS, EVENTS = 150, 120
SEED = 20261124


def capture(draw: random.Random, path: Path) -> None:
    """Write a tree of processes that open files, some of which are not there."""
    names = ["sh", "bash", "cat", "nginx", "Cat", "my prog"]
    folders = ["/etc", "/tmp", "/etc/ssl", "/var/log/a b", "/ETC", "/usr/../etc", "etc"]
    files = ["passwd", "shadow", "a.log", "x y", "PASSWD", "p"]
    events, now, pids = [], 10**18, [1]
    events.append(scap.executed(now, 1, 0, "init", []))
    for pid in range(100, 110):
        now += 1000
        arguments = draw.choices(["-c", "x y", "/etc/passwd", "--all"], k=draw.randrange(4))
        events.append(scap.executed(now, pid, draw.choice(pids), draw.choice(names), arguments))
        pids.append(pid)
    for _ in range(EVENTS):
        now += 1000
        name = f"{draw.choice(folders)}/{draw.choice(files)}"
        result = draw.choice([3, 4, 5, 300, -2, -13])
        events.append(scap.opened(now, draw.choice(pids), result, name, draw.choice([1, 2, 3])))
    scap.write(path, events)


def filters(draw: random.Random, events: list[Event]) -> list[str]:  # noqa: C901 - one branch for each form
    """Return random filters whose constants come from the events, so that many hold for some."""

    def constant(field: str) -> str:
        found = draw.choice(events)[field]
        text = str(found) if found is not None else "none"
        if draw.random() < 0.4 and len(text) > 2:
            start = draw.randrange(len(text))
            text = text[start : start + draw.randrange(1, 6)]
        return text.swapcase() if draw.random() < 0.1 else text

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def check() -> str:  # noqa: PLR0911
        kind = draw.random()
        if kind < 0.1:
            return f"{draw.choice(FIELDS)} exists"
        if kind < 0.3:
            field = draw.choice(NUMBERS)
            found = draw.choice(events)[field]
            sign = draw.choice(["=", "!=", "<", "<=", ">", ">="])
            return f"{field} {sign} {0 if found is None else found}"
        if kind < 0.35:
            return f"{draw.choice(FLAGS)} = {draw.choice(['true', 'false'])}"
        # sysdig knows fewer event types than the language; it takes no others as constants.
        field = draw.choice([each for each in TEXTS if each != "evt.type"])
        if kind < 0.5:
            members = ", ".join(quoted(constant(field)) for _ in range(draw.randrange(1, 4)))
            return f"{field} in ({members})"
        if kind < 0.6:
            members = ", ".join(quoted(constant("fd.directory")) for _ in range(draw.randrange(1, 3)))
            return f"fd.name pmatch ({members})"
        if kind < 0.7:
            return f"{field} glob {quoted('*' + constant(field)[:3] + '*')}"
        if kind < 0.85:
            return f"{field} {draw.choice(WORDS)} {quoted(constant(field))}"
        return f"{field} {draw.choice(['=', '!='])} {quoted(constant(field))}"

    def condition(depth: int) -> str:
        kind = draw.random()
        if depth == 0 or kind < 0.3:
            return check()
        if kind < 0.5:
            return f"not ({condition(depth - 1)})"
        return f" {draw.choice(['and', 'or'])} ".join(f"({condition(depth - 1)})" for _ in range(2))

    return [condition(3) for _ in range(FILTERS)]


def ask(path: Path, *arguments: str) -> list[str]:
    """Return the lines that sysdig prints of a capture."""
    done = subprocess.run(["sysdig", "-r", str(path), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_random_filters_are_decided_as_sysdig_decides_them(tmp_path: Path) -> None:
    """Thousands of decisions over events of a capture, missing values included, and no disagreement."""
    draw = random.Random(SEED)
    path = tmp_path / "capture.scap"
    capture(draw, path)
    template = "*" + " ".join(f"%{field}" for field in FIELDS)
    events = [Event(json.loads(line)) for line in ask(path, "-j", "-p", template)]
    known = {field for event in events for field in FIELDS if event[field] is not None}
    assert known == set(FIELDS)
    decisions, disagreements, held = 0, [], 0
    for text in filters(draw, events):
        theirs = {int(line) for line in ask(path, "-p", "%evt.num", text)}
        holds = compile_condition(parse(text)).holds
        ours = {event["evt.num"] for event in events if holds(event)}
        decisions += len(events)
        held += len(ours)
        if ours != theirs:
            disagreements.append((text, sorted(ours ^ theirs)[:3]))
    print(f"{decisions} decisions, {held} of them true, {len(disagreements)} filters decided otherwise")  # noqa: T201 - with pytest -s
    assert disagreements == []
    assert decisions >= 10_000
    assert held > decisions // 20

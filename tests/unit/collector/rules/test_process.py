"""The rule engine's process is started, watched, started again, and never outlives its agent."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.identity.settings import IdentitySettings
from collector.rules import child
from collector.rules.process import COMMAND, RuleProcess
from collector.rules.settings import RuleSettings
from collector.settings import AgentSettings
from tests.waiting import wait_for

GIVEN = {
    "agent": AgentSettings(token_file=Path("/run/token"), node="n"),
    "rules": RuleSettings(env_bytes=7),
    "identity": IdentitySettings(host_services=True),
}
ROOT = Path(__file__).parents[4]
READY = "import sys; sys.stdin.readline(); print('ready', flush=True); sys.stdin.read()"


@pytest.fixture
def start() -> Iterator[Callable[[str], RuleProcess]]:
    """Give what starts an engine that is a piece of Python; it is stopped after the test."""
    started = []

    def one(code: str) -> RuleProcess:
        found = RuleProcess(
            GIVEN, chance=random.Random(1), command=(sys.executable, "-c", code), backoff_first_s=0.02
        )
        found.start()
        started.append(found)
        return found

    yield one
    for each in started:
        each.stop()


def test_an_engine_that_is_killed_comes_back(start: Callable[[str], RuleProcess]) -> None:
    """What ended it and how often it was started are told; it is another process then."""
    engine = start(READY)
    wait_for(lambda: engine.status().state == "running")
    first = engine.pid
    # 0 is an engine that ended meanwhile, and to kill the process group of the tests.
    assert first > 0
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: engine.status().restarts == 1 and engine.status().state == "running")

    assert engine.pid not in {0, first}
    assert engine.status().error == "It was ended by SIGKILL."


def test_an_engine_that_cannot_run_says_why_and_is_tried_again(start: Callable[[str], RuleProcess]) -> None:
    """Its sentence is the error that the node reports; the agent goes on."""
    engine = start("import sys; print('There is no BPF here.'); sys.exit(1)")
    wait_for(lambda: engine.status().restarts >= 3)

    assert engine.status().error == "There is no BPF here."
    assert engine.status().state in {"starting", "failed"}


def test_an_engine_that_says_nothing_is_described_by_its_status(start: Callable[[str], RuleProcess]) -> None:
    """The rest is in the log, since its standard error is the agent's."""
    engine = start("import sys; sys.exit(3)")
    wait_for(lambda: bool(engine.status().error))

    assert engine.status().error == "It ended with status 3; the log says more."


def test_a_program_that_is_not_there_is_a_failure_like_others() -> None:
    """Nothing is raised into the agent."""
    engine = RuleProcess(GIVEN, chance=random.Random(1), command=("/nowhere/python",), backoff_first_s=9)
    engine.start()
    wait_for(lambda: engine.status().state == "failed")
    engine.stop()

    assert engine.status().error == "It cannot be started (No such file or directory)."


def test_stopping_ends_the_engine_by_the_end_of_its_input(start: Callable[[str], RuleProcess]) -> None:
    """It is not killed: it sends what waits first."""
    engine = start(READY + "; print('not a failure')")
    wait_for(lambda: engine.status().state == "running")
    pid = engine.pid
    engine.stop()

    assert not Path(f"/proc/{pid}").exists()
    assert engine.status().state == "running"
    assert not engine.status().error


def test_an_engine_ends_with_an_agent_that_is_killed(tmp_path: Path) -> None:
    """The kernel closes the engine's input; nobody has to tell it."""
    code = f"""
import random, sys, time
from pathlib import Path
from collector.rules.process import RuleProcess
engine = RuleProcess({{}}, chance=random.Random(1), command=(sys.executable, "-c", {READY!r}))
engine.start()
while engine.status().state != "running": time.sleep(0.01)
Path(sys.argv[1]).write_text(str(engine.pid))
time.sleep(60)
"""
    told = tmp_path / "pid"
    agent = subprocess.Popen([sys.executable, "-c", code, str(told)], cwd=ROOT)
    wait_for(lambda: told.exists() and bool(told.read_text()))
    pid = int(told.read_text())
    agent.kill()
    agent.wait()

    wait_for(lambda: not Path(f"/proc/{pid}").exists())


def test_settings_reach_the_engine_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the first line of its input, paths included."""
    lines: list[bytes] = []
    monkeypatch.setattr("collector.rules.process._write", lambda _, line: lines.append(line))
    engine = RuleProcess(GIVEN, chance=random.Random(1), command=(sys.executable, "-c", ""))
    engine.start()
    wait_for(lambda: bool(lines))
    engine.stop()

    assert child._settings(json.loads(lines[0])) == tuple(GIVEN.values())


def test_the_real_engine_says_in_one_sentence_why_it_cannot_run(tmp_path: Path) -> None:
    """Without a token it ends with 1, wherever it was started."""
    settings = GIVEN | {"agent": AgentSettings(token_file=tmp_path / "none", state_dir=tmp_path)}
    engine = RuleProcess(settings, chance=random.Random(1), backoff_first_s=60)
    assert COMMAND[0] == sys.executable
    engine.start()
    wait_for(lambda: engine.status().state == "failed")
    engine.stop()

    assert engine.status().error.startswith(f"The token file {tmp_path / 'none'} cannot be read")

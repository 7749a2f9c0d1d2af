"""The command line where nothing runs yet, and what keeps a service from starting."""

import json
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from alembic.script import ScriptDirectory

from api import cli
from api.agent import LocalAgent
from api.db.migrate import config
from api.errors import StartError
from api.reference import render
from api.server import listen, running
from api.settings import ServiceSettings
from api.state import claimed
from api.up import until_told
from tests.waiting import until


def test_the_reference_and_the_version_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Both are for documents and scripts."""
    assert cli.main(["reference"]) == 0
    assert capsys.readouterr().out == render()
    assert cli.main(["version"]) == 0
    assert capsys.readouterr().out.strip()


def test_a_bad_variable_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong usage has exit code 2 and names the variable."""
    monkeypatch.setenv("NONSELF_PORT", "http")

    assert cli.main(["serve"]) == 2
    assert capsys.readouterr().err == "nonself: NONSELF_PORT: expected whole number; got 'http'.\n"


def test_migrate_prepares_a_new_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It can be run before the first start, and again."""
    for _ in range(2):
        assert cli.main(["migrate", f"--state-dir={tmp_path / 'state'}"]) == 0
    newest = ScriptDirectory.from_config(config()).get_current_head()
    assert f"schema version {newest}" in capsys.readouterr().out


def test_a_port_in_use_is_one_sentence() -> None:
    """It names host and port, and the cure."""
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(StartError, match="--port") as caught:
        listen("127.0.0.1", other.getsockname()[1])

    assert "Address already in use" in str(caught.value)


def test_a_state_folder_has_one_owner(tmp_path: Path) -> None:
    """A second instance is refused while the first lives, and welcome after it."""
    with claimed(tmp_path), pytest.raises(StartError, match="Another nonself service"), claimed(tmp_path):
        pass
    with claimed(tmp_path):
        pass


def test_a_peer_that_is_gone_without_a_word_is_given_up() -> None:
    """Each connection that is taken has the limit; without it, streams of lost readers stay for minutes."""
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        taken, _ = listener.accept()
        with taken:
            limit_ms = taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert limit_ms == 60_000


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """It names the folder and the cure."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StartError, match="--state-dir"), claimed(tmp_path / "file" / "state"):
        pass


def test_a_service_starts_twice_with_the_same_tokens(tmp_path: Path) -> None:
    """The first tokens are made once, readable by their owner alone; a lost one is made anew."""
    settings = ServiceSettings(state_dir=tmp_path / "state", port=0)
    token_file = settings.state_dir / "token"
    seen = []
    for _ in range(2):
        with running(settings) as (_core, server):
            seen.append(token_file.read_text())
            headers = {"Authorization": f"Bearer {seen[-1].strip()}"}
            assert httpx.get(f"{server.url}/v1/workloads", headers=headers).status_code == 200
            assert httpx.get(f"{server.url}/readyz").json()["ready"]
    token_file.write_text("nonsense")
    with running(settings):
        seen.append(token_file.read_text())

    assert seen[0] == seen[1] != seen[2]
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.state_dir.stat().st_mode) == 0o700


def test_a_signal_tells_the_command_to_stop() -> None:
    """SIGTERM sets the event instead of ending the process, and the old handler comes back."""
    before = signal.getsignal(signal.SIGTERM)
    with until_told() as told:
        os.kill(os.getpid(), signal.SIGTERM)
        assert told.wait(5)

    assert signal.getsignal(signal.SIGTERM) is before


@pytest.fixture
def agent(tmp_path: Path) -> Callable[[str], LocalAgent]:
    """Make a local agent whose program is a shell script."""

    def make(script: str) -> LocalAgent:
        program = tmp_path / "nonself-agent"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return LocalAgent(
            url="http://127.0.0.1:1",
            token_file=tmp_path / "agent-token",
            state_dir=tmp_path / "agent",
            window_s=2,
            options=["--host-services"],
            log_dir=tmp_path,
            program=program,
        )

    return make


def test_what_the_host_lacks_is_said(agent: Callable[[str], LocalAgent]) -> None:
    """Each missing requirement with its cure, and nothing where all is there."""
    root = {"name": "root", "ok": False, "detail": "Use sudo.", "required": True}
    lacking = json.dumps({"can_run": False, "requirements": [root]})

    assert agent(f"echo '{lacking}'").missing() == "root: Use sudo."
    assert agent("""echo '{"can_run": true, "requirements": []}'""").missing() is None
    assert "boom" in (agent("echo boom >&2; exit 2").missing() or "")


def test_an_agent_runs_with_our_settings_and_stops_when_told(
    agent: Callable[[str], LocalAgent], tmp_path: Path
) -> None:
    """It gets URL, token file, folder and window, then the user's own options; SIGTERM ends it."""
    started = agent('echo "$@"; trap "echo bye; exit 0" TERM; while :; do sleep 0.05; done')
    started.start()
    for _ in range(500):
        if started.log.read_text():
            break
        threading.Event().wait(0.01)
    watched = started.watch()
    started.stop()

    assert watched is None
    assert started.log.read_text() == (
        f"run --url=http://127.0.0.1:1 --token-file={tmp_path}/agent-token --state-dir={tmp_path}/agent "
        "--window-s=2 --host-services\nbye\n"
    )


def test_an_agent_that_cannot_run_says_why_once_and_is_tried_again(
    agent: Callable[[str], LocalAgent], tmp_path: Path
) -> None:
    """Its last words are shown the first time; it is started again after a pause, not at once."""
    tries = tmp_path / "tries"
    started = agent(f"echo try >> {tries}; echo 'nonself-agent: Root is needed.' >&2; exit 1")
    started.start()

    assert until(started.watch) == "the agent ended and is tried again: Root is needed."
    assert tries.read_text().split() == ["try"]
    assert until(lambda: started.watch() or len(tries.read_text().split()) == 2) is True
    started.stop()
    assert started.watch() is None

"""`nonself up`: service and agent together, and their end in order."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from api.settings import ServiceSettings
from api.up import up

READY = """echo '{"can_run": true, "requirements": []}'; exit 0"""
# At its end the agent asks the service once more, as it does to send its last window.
AGENT = r"""
case $1 in check) %s ;; esac
url=${2#--url=http://}
trap 'exec 3<>/dev/tcp/${url/:/\/} && echo answered; exit 0' TERM
echo started
while :; do sleep 0.05; done
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceSettings:
    """Settings on a free port, in an environment whose agent is a shell script."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return ServiceSettings(state_dir=tmp_path / "state", port=0)


def install(folder: Path, script: str) -> None:
    """Make a shell script the agent."""
    program = folder / "nonself-agent"
    program.write_text("#!/bin/bash\n" + script)
    program.chmod(0o755)


def interrupt_when(said: Path, text: str) -> threading.Thread:
    """Press Ctrl-C as soon as a file holds a text, or after ten seconds."""

    def wait() -> None:
        for _ in range(1000):
            if said.exists() and text in said.read_text():
                break
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_ctrl_c_stops_the_agent_before_the_service(
    settings: ServiceSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The agent's last window still finds a service, and the terminal shows URL and token file."""
    install(tmp_path, AGENT % READY)
    log = settings.state_dir / "agent.log"
    thread = interrupt_when(log, "started")

    up(settings, [])
    thread.join()

    shown = capsys.readouterr().out
    assert log.read_text() == "started\nanswered\n"
    assert "nonself serves http://127.0.0.1:" in shown
    assert str(settings.state_dir / "token") in shown


def test_without_root_the_service_runs_and_says_how_to_feed_it(
    settings: ServiceSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names what is missing, and the command for another node."""
    need = '{"name": "root", "ok": false, "detail": "Use sudo.", "required": true}'
    install(tmp_path, f"""echo '{{"can_run": false, "requirements": [{need}]}}'; exit 1""")
    thread = interrupt_when(settings.state_dir / "token", "nonself_admin")

    up(settings, [])
    thread.join()

    (line,) = (each for each in capsys.readouterr().out.splitlines() if "No agent" in each)
    assert "root: Use sudo" in line
    assert "'nonself enrol'" in line
    assert "nonself-agent enrol --url https://THIS-HOST:" in line

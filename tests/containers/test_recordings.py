"""`nonself-agent record` on real containers, and `nonself evaluate recording` on what it kept."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from recordings.inject import hijacked

from api import cli
from wire.profile import Mark
from wire.recording import RecordingReader

pytestmark = [pytest.mark.containers, pytest.mark.kernel]

LOOP = ["sh", "-c", "while true; do cat /etc/hostname; sleep 0.1; done"]
AGENT = Path(sys.executable).with_name("nonself-agent")
GETPPID = 110


def start(lab, out: Path, *options: str) -> subprocess.Popen:
    """Start recording windows of a second."""
    return subprocess.Popen(
        [
            AGENT,
            "record",
            f"--out={out}",
            "--window-s=1",
            f"--cri-sockets={lab.socket}",
            f"--bundle-roots={lab.state}/io.containerd.runtime.v2.task",
            *options,
        ],
        stderr=subprocess.DEVNULL,
    )


def windows(path: Path) -> list:
    """Return all deltas of a recording; none while there is no file."""
    if not path.exists():
        return []
    with RecordingReader(path) as reader:
        return [delta for batch in reader for delta in batch.deltas]


def wait_for(path: Path, count: int) -> None:
    """Wait until a recording holds so many windows."""
    deadline = time.monotonic() + 90
    while len(windows(path)) < count:
        assert time.monotonic() < deadline, "The recording does not grow."
        time.sleep(0.5)


def test_a_real_container_is_recorded_and_evaluated(shared_lab, tmp_path, capsys):
    """Chosen by a label, recorded beyond a kill -9, gone on with; the evaluation raises an exec in it."""
    out = tmp_path / "recording.jsonl.gz"
    pod = shared_lab.pod(
        "taped", "loop-0", container="loop", image="busybox", labels={"taped": "yes"}, command=LOOP
    )
    shared_lab.pod("taped", "other-0", container="loop", image="busybox", command=LOOP)

    killed = start(shared_lab, out, "--label=taped=yes")
    wait_for(out, 45)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    whole = start(shared_lab, out, "--append", "--seconds=25", "--label=taped=yes")
    wait_for(out, 55)
    began = time.time_ns() // 1_000_000
    pod.exec(["sh", "-c", "for i in 1 2 3; do id; ls -la /; cat /etc/shadow; wget -T 1 127.0.0.1:1; done"])
    event = {
        "start": began,
        "end": time.time_ns() // 1_000_000,
        "kind": "intrusion",
        "name": "exec",
        "namespace": "taped",
        "pod": "loop-0",
        "pod_uid": pod.uid,
    }
    (tmp_path / "events.jsonl").write_text(json.dumps(event) + "\n")
    assert whole.wait(60) == 0

    found = windows(out)
    assert {delta.container.pod for delta in found} == {"loop-0"}
    assert any(Mark.PARTIAL in delta.marks for delta in found)
    arguments = ["evaluate", "recording", str(out), "--window-s=1", "--learn-share=0.6"]
    result = tmp_path / "out.json"
    assert cli.main([*arguments, "--budget-per-week=10000", "--json", str(result)]) == 0
    judged = json.loads(result.read_text())["figures"]["budgets"][0]["judged"]
    assert list(judged["workloads"]) == ["taped/loop"]
    (intrusion,) = judged["intrusions"]["each"]
    assert intrusion["raised"]
    assert intrusion["methods"]["allow-list of calls"]
    assert "Intrusions raised" in capsys.readouterr().out


def test_a_container_is_restarted_and_keeps_its_volume(shared_lab, tmp_path):
    """A new container of the same pod and name takes over what the old one left in its volume."""
    pod = shared_lab.pod(
        "taped",
        "again-0",
        container="box",
        image="busybox",
        command=["sh", "-c", "date >>/keep/starts; sleep 1000"],
        volumes={"/keep": tmp_path},
    )
    first = pod.container
    deadline = time.monotonic() + 30
    while not (tmp_path / "starts").exists() and time.monotonic() < deadline:
        time.sleep(0.1)

    second = pod.restart(patience_s=0)

    while len((tmp_path / "starts").read_text().splitlines()) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (second.name, second.id != first.id, second.running) == ("box", True, True)
    assert len((tmp_path / "starts").read_text().splitlines()) == 2


def test_a_process_of_a_container_does_what_it_is_told_and_goes_on(shared_lab):
    """Its own calls, a file it never knew, a program as its child; afterwards it is where it was."""
    pod = shared_lab.pod(
        "taped", "victim-0", container="loop", image="busybox", command=["sleep", "1000"], host_network=True
    )
    pid = pod.container.pid
    root = Path(f"/proc/{pid}/root")

    with hijacked(pid) as thread:
        assert thread.call(GETPPID) == 0
        file = thread.call(257, -100, b"/tmp/told\0", os.O_CREAT | os.O_WRONLY, 0o600)
        assert thread.call(1, file, b"done", 4) == 4
        thread.call(3, file)
        assert thread.call(257, -100, b"/nowhere\0", 0) < 0
        thread.fork_and_run(["/bin/sh", "-c", "id >/tmp/who"])

    assert (root / "tmp/told").read_text() == "done"
    deadline = time.monotonic() + 20
    while not ((root / "tmp/who").exists() and (root / "tmp/who").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "uid=0(root)" in (root / "tmp/who").read_text()
    assert pod.container.running

"""The whole agent process on real containers, before a receiver that keeps each delta once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from lab import Lab

from tests.receiver import TOKEN, Receiver
from wire.ngram import is_injected
from wire.profile import Mark, ProfileDelta

pytestmark = [pytest.mark.containers, pytest.mark.kernel]

LOOP = ["sh", "-c", "while true; do cat /etc/hostname; sleep 0.1; done"]


@contextmanager
def agent(lab, receiver: Receiver, folder: Path) -> Iterator[subprocess.Popen]:
    """Run `nonself-agent` with windows of a second; it is told to end when the block does."""
    (folder / "token").write_text(TOKEN)
    process = subprocess.Popen(
        [
            Path(sys.executable).with_name("nonself-agent"),
            "run",
            f"--url={receiver.url}",
            f"--token-file={folder / 'token'}",
            f"--state-dir={folder / 'state'}",
            "--window-s=1",
            f"--cri-sockets={lab.socket}",
            f"--bundle-roots={lab.state}/io.containerd.runtime.v2.task",
        ],
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def profiled(receiver: Receiver, id_: str) -> list[ProfileDelta]:
    """Return a container's deltas in order of their windows."""
    return sorted((d for d in receiver.deltas.values() if d.container.id == id_), key=lambda d: d.start)


def test_a_node_is_profiled_through_kill_outage_and_stop(shared_lab, tmp_path):
    """Old, brief and exec'ed processes are told apart; kill, outage and stop lose no spooled window."""
    pod = shared_lab.pod(
        "shop",
        "before",
        container="loop",
        image="busybox",
        labels={"app": "old"},
        host_network=True,
        command=LOOP,
    )
    old = pod.container.id
    with Receiver() as receiver:
        port = receiver.port
        with agent(shared_lab, receiver, tmp_path) as first:
            assert receiver.wait(lambda: len(profiled(receiver, old)) >= 2, 30)
            shared_lab.ctr_once("brief-agent", "busybox", ["true"])
            pod.exec(["ls", "/"])
            assert receiver.wait(lambda: profiled(receiver, "brief-agent"))
            assert receiver.wait(
                lambda: any(is_injected(ngram) for delta in profiled(receiver, old) for ngram in delta.ngrams)
            )
            first.kill()
        with agent(shared_lab, receiver, tmp_path):
            seen = len(receiver.batches)
            assert receiver.wait(lambda: len(receiver.batches) > seen + 1, 30)
    outage = set(receiver.deltas)
    (brief,) = profiled(receiver, "brief-agent")
    assert brief.container.image == "lab.local/busybox:1"
    assert brief.container.seen_from_start
    assert brief.calls > 0
    before = profiled(receiver, old)
    assert all(delta.container.labels["app"] == "old" for delta in before)
    assert not any(delta.container.seen_from_start for delta in before)
    # The loop may make no call in the piece of a window that is left when the agent starts.
    assert Mark.PARTIAL in before[0].marks or before[0].start % 1000 == 0
    assert not any(
        ngram for delta in profiled(receiver, "brief-agent") for ngram in delta.ngrams if is_injected(ngram)
    )
    assert all(earlier.end <= later.start for earlier, later in pairwise(before))
    assert not receiver.conflicts

    with agent(shared_lab, receiver, tmp_path) as third:
        spool = tmp_path / "state" / "spool"
        deadline = time.monotonic() + 30
        while len(list(spool.glob("*.batch"))) < 3:
            assert third.poll() is None
            if time.monotonic() > deadline:
                pytest.fail("The agent has not spooled three batches within 30 s.")
            time.sleep(0.1)
        with Receiver(port) as again:
            assert again.wait(lambda: len(again.batches) >= 3, 40)
            third.terminate()
            assert third.wait(20) == 0
    assert not list(spool.glob("*.batch"))
    assert not outage & set(again.deltas)
    assert Mark.PARTIAL in profiled(again, old)[-1].marks


def test_labels_come_when_a_stopped_runtime_is_back(tmp_path):
    """A pod met while containerd was stopped is named at once, and has its labels some seconds after it."""
    with Lab() as lab, Receiver() as receiver:
        pod = lab.pod(
            "shop",
            "web-0",
            container="loop",
            image="busybox",
            labels={"app": "shop"},
            host_network=True,
            command=LOOP,
        )
        id_ = pod.container.id
        lab.daemon._stop_process()
        with agent(lab, receiver, tmp_path):
            assert receiver.wait(lambda: profiled(receiver, id_), 30)
            lab.daemon.restart()
            assert receiver.wait(lambda: profiled(receiver, id_)[-1].container.labels, 40)
    first, *_, last = profiled(receiver, id_)

    assert (first.container.pod, first.container.labels) == ("web-0", {})
    assert last.container.labels["app"] == "shop"
    assert last.container.image_digest
    assert not last.container.seen_from_start


@pytest.mark.parametrize("how", ["stopped", "killed", "by itself"])
def test_the_window_of_a_containers_end_says_so(shared_lab, tmp_path, how):
    """However it ends, its last window tells, and no other."""
    endless = ["sh", "-c", "trap 'exit 0' TERM; while true; do cat /etc/hostname; sleep 0.1; done"]
    command = ["sh", "-c", "sleep 3; ls /; exit 7"] if how == "by itself" else endless
    with Receiver() as receiver, agent(shared_lab, receiver, tmp_path):
        assert receiver.wait(lambda: receiver.batches, 30)
        pod = shared_lab.pod(
            "shop",
            f"ending-{how.replace(' ', '-')}",
            container="loop",
            image="busybox",
            labels={"app": "brief"},
            host_network=True,
            command=command,
        )
        id_, pid = pod.container.id, pod.container.pid
        assert receiver.wait(lambda: len(profiled(receiver, id_)) >= 2 or how == "by itself", 30)
        if how == "stopped":
            pod.container.stop(patience_s=10)
        elif how == "killed":
            assert pid > 1
            os.kill(pid, signal.SIGKILL)
        assert receiver.wait(lambda: any(delta.ended for delta in profiled(receiver, id_)), 30)
        seen = len(receiver.batches)
        assert receiver.wait(lambda: len(receiver.batches) > seen + 2, 30)

    *before, last = profiled(receiver, id_)
    assert last.ended
    assert last.calls > 0
    assert not any(delta.ended for delta in before)

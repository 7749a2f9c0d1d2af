"""Twelve real replicas, started, killed and rescheduled at random, teach what one process learns."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lab import Lab, Pod
from sqlalchemy import select

from api.db.store import Store
from api.db.tables import BaselineRow, ContainerRow, InboxRow, NodeRow, ScoreRow, WorkloadRow
from api.evaluate.replayed import ReplayedService
from api.settings import ServiceSettings
from model import snapshot, starts
from model.baseline import Baseline
from model.state import BaselineState
from model.window import Window
from tests.relay import Relay
from tests.system.test_service_crash import answers, free_port
from tests.waiting import wait_for
from wire.codec import decode_batch
from wire.profile import Batch, ContainerKind, ProfileDelta

pytestmark = [pytest.mark.containers, pytest.mark.kernel, pytest.mark.slow]

BIN = Path(sys.executable).parent
REPLICAS = 12
BLOWS = 30
NAMESPACE = "restless"
WORK = (
    "while true; do case $((RANDOM % 9)) in 0) ls -la /;; 1) wc -c /etc/passwd;; 2) date;; "
    "*) cat /etc/hostname;; esac >/dev/null; sleep 0.$((RANDOM % 4 + 1)); done"
)
LETTERS = "bcdfghjklmnpqrstvwxz2456789"
COUNTED = ("ngrams", "counts", "held_by", "sizes", "sizes_held")
Identity = tuple[str, str, str, int]


@dataclass
class Replicas:
    """The pods of a deployment, and what befalls them."""

    lab: Lab
    dice: random.Random
    pods: list[Pod] = field(default_factory=list)
    befell: Counter[str] = field(default_factory=Counter)

    def schedule(self) -> None:
        """Start one more pod, as a deployment names it."""
        name = f"loop-6d4cf56db6-{''.join(self.dice.choices(LETTERS, k=5))}"
        self.pods.append(
            self.lab.pod(
                NAMESPACE,
                name,
                container="loop",
                image="busybox",
                command=["sh", "-c", WORK],
                host_network=True,
            )
        )
        self.befell["started"] += 1

    def strike(self) -> None:
        """Kill a container, which its pod restarts, or take a pod away and start another."""
        pod = self.dice.choice(self.pods)
        if self.dice.random() < 0.5:
            subprocess.run(["kill", "-9", str(pod.container.pid)], check=True)
            # As a kubelet does: the runtime refuses to stop what dies at the same moment.
            wait_for(lambda: not pod.container.running, 20, 0.05)
            pod.restart(patience_s=0)
            self.befell["killed"] += 1
        else:
            self.pods.remove(pod)
            pod.remove()
            self.schedule()
            self.befell["rescheduled"] += 1


class Restless:
    """A service that can be killed, and an agent that sends to it by way of a relay."""

    def __init__(self, folder: Path, lab: Lab, dice: random.Random) -> None:
        self.settings = ServiceSettings(state_dir=folder / "state", port=free_port(), window_s=1)
        self._folder = folder
        self._lab = lab
        self._service = self._serve()
        wait_for(lambda: answers(self.settings.port), 60, 0.1)
        self.relay = Relay(f"http://127.0.0.1:{self.settings.port}", dice, lost=0.2)
        self._agent: subprocess.Popen[bytes] | None = None

    def start_agent(self) -> None:
        """Start the agent."""
        options = [
            f"--url={self.relay.url}",
            f"--token-file={self.settings.state_dir / 'agent-token'}",
            f"--state-dir={self._folder / 'spool'}",
            f"--cri-sockets={self._lab.socket}",
            f"--bundle-roots={self._lab.state}/io.containerd.runtime.v2.task",
            "--window-s=1",
            "--rules=off",
        ]
        with (self._folder / "agent.log").open("wb") as log:
            self._agent = subprocess.Popen([BIN / "nonself-agent", "run", *options], stdout=log, stderr=log)

    def kill_service(self) -> None:
        """Kill the service and start it anew on what it left."""
        self._service.kill()
        self._service.wait()
        self._service = self._serve()
        wait_for(lambda: answers(self.settings.port), 60, 0.1)

    def end(self) -> None:
        """End the agent, then the service once it has scored everything."""
        assert self._agent is not None
        self._agent.terminate()
        assert self._agent.wait(30) == 0, (self._folder / "agent.log").read_text()[-2000:]
        wait_for(lambda: not self._pending(), 60, 0.2)
        self._service.send_signal(signal.SIGTERM)
        assert self._service.wait(30) == 0

    def abandon(self) -> None:
        """End both, whatever they do."""
        for process in (self._agent, self._service):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    def waits(self) -> list[Path]:
        """Return the batches that the agent did not get rid of."""
        return list((self._folder / "spool").glob("*.batch"))

    def _pending(self) -> bool:
        store = Store(self.settings.url)
        with store.read() as session:
            found = session.scalar(select(InboxRow.id).where(InboxRow.processed_at.is_(None)).limit(1))
        store.close()
        return found is not None

    def _serve(self) -> subprocess.Popen[bytes]:
        options = [f"--state-dir={self.settings.state_dir}", f"--port={self.settings.port}", "--window-s=1"]
        with (self._folder / "service.log").open("ab") as log:
            return subprocess.Popen(
                [BIN / "nonself", "serve", *options, "--kubernetes=off"], stdout=log, stderr=log
            )


@contextmanager
def restless(folder: Path, lab: Lab, dice: random.Random) -> Iterator[Restless]:
    """Give service and agent, gone at the end."""
    both = Restless(folder, lab, dice)
    try:
        with both.relay:
            both.start_agent()
            yield both
    finally:
        both.abandon()


@dataclass(frozen=True)
class Learned:
    """What a database says of the workload."""

    windows: dict[Identity, tuple[int, bool]]
    """Calls of each scored window, and whether it was learned."""
    snapshot: bytes
    taught_by: bytes | None
    provenance: dict

    @property
    def state(self) -> BaselineState:
        """All that is counted."""
        return snapshot.from_bytes(self.snapshot).state()


def read(url: str) -> Learned:
    """Return what was learned of our workload; the agent sees whatever else runs on this node, too."""
    store = Store(url)
    with store.read() as session:
        workload = session.scalars(select(WorkloadRow).where(WorkloadRow.namespace == NAMESPACE)).one()
        rows = session.execute(
            select(NodeRow.name, ContainerRow.boot_id, ContainerRow.container_id, ScoreRow)
            .join(ContainerRow, ContainerRow.id == ScoreRow.container_id)
            .join(NodeRow, NodeRow.id == ContainerRow.node_id)
            .where(ScoreRow.workload_id == workload.id)
        ).all()
        row = session.get_one(BaselineRow, workload.id)
        found = Learned(
            windows={
                (node, boot, container, score.start): (score.calls, score.learned)
                for node, boot, container, score in rows
            },
            snapshot=row.snapshot,
            taught_by=row.taught_by,
            provenance=dict(row.provenance or {}),
        )
        assert len(rows) == len(found.windows)
    store.close()
    return found


def identity(delta: ProfileDelta) -> Identity:
    """Return what names a delta."""
    return delta.node, delta.boot_id, delta.container.id, delta.start


def one_process(deltas: list[ProfileDelta]) -> BaselineState:
    """Learn windows with nothing but the model: container after container, in no order of arrival."""
    first = {delta.container.id: delta.start for delta in sorted(deltas, key=lambda each: -each.start)}
    numbers = {id_: number for number, id_ in enumerate(sorted(first))}
    alone = Baseline(arch=deltas[0].arch)
    for delta in sorted(deltas, key=lambda each: (each.container.id, each.start)):
        begun = first[delta.container.id]
        within = delta.start < begun + starts.WINDOWS * (delta.end - delta.start)
        own = delta.container.seen_from_start and within
        window = Window.from_delta(delta, start=numbers[delta.container.id] if own else None)
        alone.learn_window(window, alone.score_window(window))
    return alone.state()


def of_replicas(batches: list[Batch]) -> list[ProfileDelta]:
    """Return the deltas of our replicas, without the pause containers."""
    return [
        delta
        for batch in batches
        for delta in batch.deltas
        if delta.container.namespace == NAMESPACE and delta.container.kind is not ContainerKind.SANDBOX
    ]


def replayed(folder: Path, batches: list[Batch]) -> Learned:
    """Return what one process makes of the same batches, one after the other and each once."""
    service = ReplayedService.make(folder, window_s=1, per_week=ServiceSettings().budget_per_week)
    for batch in batches:
        service.take([batch])
    service.close()
    return read(service.settings.url)


def test_twelve_restless_replicas_teach_what_one_process_learns(tmp_path: Path, capsys) -> None:
    """Whatever befell pods, service and answers: what was learned is, bit for bit, that of one process.

    Counts equal those of the model alone, which met the windows in another order; everything, remembered
    scores, provenance and teachers too, equals that of a replay of what the agent sent, each batch once.
    """
    seed = random.randrange(1 << 32)
    dice, began = random.Random(seed), time.monotonic()
    with Lab() as lab, restless(tmp_path, lab, random.Random(seed + 1)) as both:
        wait_for(lambda: both.relay.sent or both.relay.refused, 60, 0.2)
        replicas = Replicas(lab, dice)
        for number in range(REPLICAS):
            replicas.schedule()
            if number > REPLICAS // 2:
                replicas.strike()
        for blow in range(BLOWS):
            replicas.strike()
            time.sleep(dice.uniform(0, 1.5))
            if blow == BLOWS // 2:
                both.kill_service()
        time.sleep(3)
        both.end()
        relay = both.relay
    batches = [decode_batch(body) for body in relay.sent]
    deltas = of_replicas(batches)
    learned = read(both.settings.url)
    one = replayed(tmp_path / "one", batches)
    alone = one_process([each for each in deltas if learned.windows[identity(each)][1]])

    containers = {each.container.id for each in deltas}
    told = Counter(known for _, known in learned.windows.values())
    with capsys.disabled():
        sys.stdout.write(
            f"\nseed {seed}: {dict(replicas.befell)}, {len(containers)} containers, "
            f"{len(deltas)} windows of which {told[True]} were learned, {len(learned.state.ngrams)} n-grams, "
            f"{relay.sent_again} batches sent again, {time.monotonic() - began:.0f} s\n"
        )
    assert relay.refused == []
    assert both.waits() == []
    assert {identity(each): each.calls for each in deltas} == {
        name: calls for name, (calls, _) in learned.windows.items()
    }
    assert len({each.container.pod_uid for each in deltas}) >= REPLICAS + replicas.befell["rescheduled"]
    assert replicas.befell["killed"]
    assert replicas.befell["rescheduled"]
    assert relay.sent_again
    assert told[True] > 0.9 * len(deltas)
    for name in COUNTED:
        assert (getattr(learned.state, name) == getattr(alone, name)).all(), name
    assert (learned.state.windows, learned.state.windows_from_start) == (
        alone.windows,
        alone.windows_from_start,
    )
    assert learned == one

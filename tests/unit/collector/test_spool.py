"""Spool: what was taken is delivered or accounted for, in order, whenever the agent is killed."""

import errno
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
import structlog
from hypothesis import given, settings, strategies as st

from collector.disk import Disk
from collector.errors import SpoolLockedError
from collector.spool import Spool
from tests.unit.collector.fakes import container
from wire.codec import decode_batch, encode_batch
from wire.profile import AgentStatus, Batch, LossCause, ProfileDelta

WINDOW = 10_000

Identity = tuple[str, int]


def delta(id_: str, window: int, calls: int, ngrams: int = 1) -> ProfileDelta:
    """Return a delta of so many calls."""
    return ProfileDelta(
        node="node-a",
        boot_id="boot-1",
        container=container(id_),
        start=window * WINDOW,
        end=(window + 1) * WINDOW,
        arch="x86_64",
        ngrams=tuple(7919 * each for each in range(1, ngrams + 1)),
        counts=(calls - ngrams + 1, *[1] * (ngrams - 1)),
    )


def batch(window: int, calls: dict[str, int], ngrams: int = 1) -> Batch:
    """Return the batch of one window."""
    return Batch(
        node="node-a",
        boot_id="boot-1",
        sent_at=window * WINDOW,
        agent=AgentStatus(version="0", window_s=10),
        deltas=tuple(delta(id_, window, count, ngrams) for id_, count in calls.items()),
    )


def accounted(deltas: dict[Identity, ProfileDelta]) -> Counter:
    """Return calls by container id, counted and discarded ones alike."""
    calls: Counter = Counter()
    for one in deltas.values():
        calls[one.container.id] += one.calls + one.lost.get(LossCause.DISCARDED, 0)
    return calls


def by_identity(batches: Iterable[Batch]) -> dict[Identity, ProfileDelta]:
    """Return deltas as a service keeps them; none may come twice."""
    deltas = [one for each in batches for one in each.deltas]
    kept = {(one.container.id, one.start): one for one in deltas}
    assert len(kept) == len(deltas)
    return kept


def drain(spool: Spool) -> list[Batch]:
    """Take out all that waits, as the uplink does."""
    taken = []
    while entry := spool.head():
        taken.append(decode_batch(spool.body(entry)))
        spool.remove(entry)
    return taken


class Killed(BaseException):
    """The process ended here."""


class KillingDisk(Disk):
    """Ends the process before its n-th step, or in the middle of it where that is a write."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def write(self, path: Path, data: bytes) -> None:
        try:
            self._step()
        except Killed:
            path.write_bytes(data[: len(data) // 2])
            raise
        path.write_bytes(data)

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        super().rename(source, target)

    def sync(self, folder: Path) -> None:  # noqa: ARG002 - the device is left out of it
        self._step()

    def unlink(self, path: Path) -> None:
        self._step()
        super().unlink(path)


class FullDisk(Disk):
    """Has no room until told otherwise."""

    def __init__(self) -> None:
        self.error: int | None = errno.ENOSPC

    def write(self, path: Path, data: bytes) -> None:
        if self.error is not None:
            path.write_bytes(data[:10])
            raise OSError(self.error, "No space left on device", str(path))
        super().write(path, data)


def test_batches_come_out_as_they_went_in(tmp_path):
    """The bytes are those of the codec, oldest first, before and after a restart."""
    spool = Spool(tmp_path, 1 << 20)
    batches = [batch(window, {"web": window + 1}) for window in range(3)]
    for each in batches:
        spool.append(each)
    first = spool.head()
    assert spool.body(first) == encode_batch(batches[0])
    spool.remove(first)
    spool.close()

    again = Spool(tmp_path, 1 << 20)

    assert again.batches == 2
    assert again.used_bytes == sum(len(encode_batch(each)) for each in batches[1:])
    assert drain(again) == batches[1:]
    assert not list(tmp_path.glob("*.batch"))
    again.close()


def test_a_full_spool_discards_the_oldest_and_says_how_many_calls_that_were(tmp_path):
    """The bound holds; what had to go is a loss in the container's next delta, dead containers' too."""
    spool = Spool(tmp_path, 6_000)
    taken = []
    for window in range(30):
        taken.append(batch(window, {"web": 1_000, "old" if window < 10 else "new": 700}, ngrams=60))
        spool.append(taken[-1])
        assert spool.used_bytes <= 6_000

    left = drain(spool)

    assert spool.discarded_deltas > 0
    assert accounted(by_identity(left)) == accounted(by_identity(taken))
    assert [each.sent_at for each in left] == sorted(each.sent_at for each in left)
    assert left[-1].sent_at == taken[-1].sent_at
    spool.close()


def test_a_batch_handed_out_to_be_sent_is_neither_discarded_nor_changed(tmp_path):
    """The service may have it already: discarding it too would count its calls twice."""
    spool = Spool(tmp_path, 3_000)
    spool.append(batch(0, {"web": 1_000}, ngrams=60))
    entry = spool.head()
    body = spool.body(entry)
    for window in range(1, 20):
        spool.append(batch(window, {"web": 1_000}, ngrams=60))

    assert spool.head() is entry
    assert spool.body(entry) == body
    assert accounted(by_identity(drain(spool))) == Counter(web=20_000)
    spool.close()


class Agency:
    """An agent with its spool, killed once, and a service that keeps each delta once."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder = folder
        self.disk = KillingDisk(steps)
        self.spool: Spool | None = None
        self.service: dict[Identity, ProfileDelta] = {}
        self.taken: Counter = Counter()
        self.in_doubt: Counter = Counter()
        self.windows = 0

    def do(self, id_: str, calls: int) -> None:
        """Append a batch, or deliver one where there are no calls."""
        try:
            self.spool = self.spool or Spool(self.folder, 2_500, disk=self.disk)
            if calls:
                self._append(self.spool, id_, calls)
            else:
                self._deliver(self.spool)
        except Killed:
            self._start_again()

    def finish(self) -> None:
        """Deliver all that waits."""
        self.disk.left = 1 << 30
        while self.spool and self.spool.batches:
            self._deliver(self.spool)
        if self.spool:
            self.spool.close()

    def _append(self, spool: Spool, id_: str, calls: int) -> None:
        self.windows += 1
        self.in_doubt = Counter({id_: calls})
        spool.append(batch(self.windows, {id_: calls}, ngrams=60))
        self.taken, self.in_doubt = self.taken + self.in_doubt, Counter()

    def _deliver(self, spool: Spool) -> None:
        if entry := spool.head():
            for one in decode_batch(spool.body(entry)).deltas:
                assert self.service.setdefault((one.container.id, one.start), one) == one
            spool.remove(entry)

    def _start_again(self) -> None:
        self.disk.left = 1 << 30
        if self.spool:
            self.spool.close()
        self.spool = Spool(self.folder, 2_500, disk=self.disk)
        waiting = by_identity(decode_batch(path.read_bytes()) for path in self.folder.glob("*.batch"))
        total = accounted(waiting | self.service)
        assert total in (self.taken, self.taken + self.in_doubt)
        self.taken, self.in_doubt = total, Counter()


@pytest.mark.parametrize("steps", range(60))
def test_a_kill_at_every_step_of_a_full_spool_is_survived(tmp_path, steps):
    """Where each new batch pushes out an old one, no step is left out: each is the last of one run."""
    agency = Agency(tmp_path, steps)

    for turn in range(16):
        agency.do("web", 1_000 + turn)
        agency.do("db" if turn % 2 else "job", 500 + turn)
        if turn % 5 == 4:
            agency.do("", 0)
    assert agency.disk.left > 60, "the kill did not happen"
    agency.finish()

    assert accounted(agency.service) == agency.taken


appends = st.tuples(st.sampled_from(["web", "db", "job"]), st.integers(60, 5_000))


@settings(max_examples=60, deadline=None)
@given(
    history=st.lists(st.one_of(appends, st.just(("", 0))), min_size=1, max_size=25), steps=st.integers(0, 90)
)
def test_a_kill_between_any_two_steps_loses_nothing_and_doubles_nothing(tmp_path_factory, history, steps):
    """After a kill at any step, calls taken are delivered once or reported as discarded once."""
    agency = Agency(tmp_path_factory.mktemp("spool"), steps)

    for id_, calls in history:
        agency.do(id_, calls)
    agency.finish()

    assert accounted(agency.service) == agency.taken
    assert not list(agency.folder.glob("*.tmp"))


def test_half_written_files_are_removed_at_the_start(tmp_path):
    """What a killed agent left half written is no batch and goes away; foreign files stay."""
    (tmp_path / "000000000004.tmp").write_bytes(b"half")
    (tmp_path / "README").write_text("mine")

    spool = Spool(tmp_path, 1 << 20)

    assert spool.batches == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README", "lock"]
    spool.close()


def test_a_full_disk_sends_batches_to_memory_and_back(tmp_path):
    """Without room on disk batches wait in memory, in order, and go to disk once there is room again."""
    disk = FullDisk()
    disk.error = None
    spool = Spool(tmp_path, 1 << 20, disk=disk)
    batches = [batch(window, {"web": 100}) for window in range(4)]
    spool.append(batches[0])
    disk.error = errno.ENOSPC
    spool.append(batches[1])
    spool.append(batches[2])
    assert len(list(tmp_path.glob("*.batch"))) == 1
    assert not list(tmp_path.glob("*.tmp"))
    assert spool.batches == 3
    disk.error = None
    spool.append(batches[3])

    assert len(list(tmp_path.glob("*.batch"))) == 4
    assert drain(spool) == batches
    spool.close()


def test_a_disk_that_stays_full_is_told_once(tmp_path):
    """One line when it begins and one when it ends, also where the uplink empties the memory in between."""
    disk = FullDisk()
    spool = Spool(tmp_path, 1 << 20, disk=disk)
    with structlog.testing.capture_logs() as logs:
        for window in range(4):
            spool.append(batch(window, {"web": 100}))
            drain(spool)
        disk.error = None
        spool.append(batch(4, {"web": 100}))
    spool.close()

    assert [line["event"] for line in logs] == ["spool_in_memory", "spool_on_disk_again"]
    assert "No space left on device" in logs[0]["reason"]


def test_memory_is_bounded_too(tmp_path):
    """With a full disk and no service the oldest in memory are discarded, and their calls reported."""
    spool = Spool(tmp_path, 1 << 20, memory_bytes=2_500, disk=FullDisk())
    taken = [batch(window, {"web": 1_000}, ngrams=60) for window in range(20)]
    for each in taken:
        spool.append(each)
        assert spool.used_bytes <= 2_500

    left = drain(spool)

    assert spool.discarded_deltas > 0
    assert accounted(by_identity(left)) == accounted(by_identity(taken))
    spool.close()


def test_a_folder_that_cannot_be_made_is_replaced_by_memory_until_it_can(tmp_path):
    """An agent starts without its folder; when the folder comes, what it holds from before is sent first."""
    before = Spool(tmp_path / "there", 1 << 20)
    before.append(batch(0, {"web": 1}))
    before.close()
    (tmp_path / "there").rename(tmp_path / "away")
    (tmp_path / "there").write_text("a file where the folder should be")
    spool = Spool(tmp_path / "there", 1 << 20)
    spool.append(batch(1, {"web": 1}))
    (tmp_path / "there").unlink()
    (tmp_path / "away").rename(tmp_path / "there")
    spool.append(batch(2, {"web": 1}))

    assert [each.sent_at for each in drain(spool)] == [0, WINDOW, 2 * WINDOW]
    spool.close()


def test_two_agents_cannot_share_a_folder(tmp_path):
    """The second is told so in one sentence that names the folder; after the first has closed it may."""
    first = Spool(tmp_path, 1 << 20)

    with pytest.raises(SpoolLockedError, match=str(tmp_path)):
        Spool(tmp_path, 1 << 20)

    first.close()
    Spool(tmp_path, 1 << 20).close()


def test_what_the_service_refuses_is_put_aside_in_bounds(tmp_path):
    """A refused batch leaves the queue; only as many are kept as an eighth of the bound holds."""
    size = len(encode_batch(batch(1, {"web": 1_000}, ngrams=60)))
    spool = Spool(tmp_path, 8 * (2 * size + 200))
    for window in range(1, 6):
        spool.append(batch(window, {"web": 1_000}, ngrams=60))
    while entry := spool.head():
        spool.reject(entry)

    kept = sorted((tmp_path / "rejected").iterdir())
    assert len(kept) == 2
    assert decode_batch(kept[-1].read_bytes()).sent_at == 5 * WINDOW
    assert (spool.rejected_batches, spool.discarded_deltas, spool.batches) == (5, 5, 0)
    spool.close()


def test_what_was_put_aside_survives_the_next_run(tmp_path):
    """A restart with an empty queue gives no number a second time, so nothing put aside is overwritten."""
    for window in range(1, 3):
        spool = Spool(tmp_path, 1 << 20)
        spool.append(batch(window, {"web": 1}))
        spool.reject(spool.head())
        spool.close()

    kept = sorted((tmp_path / "rejected").iterdir())
    assert [decode_batch(path.read_bytes()).sent_at for path in kept] == [WINDOW, 2 * WINDOW]


def test_losses_beyond_what_one_batch_carries_are_told(tmp_path, monkeypatch):
    """Where more containers were discarded than a batch may speak of, the log says whose calls are gone."""
    monkeypatch.setattr("collector.carry.MAX_OWED", 2)
    jobs = batch(0, {f"job-{calls}": calls for calls in (10, 20, 30, 40)})
    spool = Spool(tmp_path, len(encode_batch(jobs)))
    with structlog.testing.capture_logs() as logs:
        spool.append(jobs)
        spool.append(batch(1, {"web": 1_000}))
    spool.close()

    assert [line["event"] for line in logs] == ["spool_full", "owed_dropped"]
    assert (logs[1]["containers"], logs[1]["calls"]) == (2, 30)


def test_two_parts_of_one_window_never_carry_losses_under_one_name(tmp_path):
    """Where each part of a large window pushes out a batch of the same container, its losses all arrive."""
    taken = [batch(window, {"old": 1_000}, ngrams=60) for window in range(2)]
    parts = [batch(2, {"web": 1_000}, ngrams=60), batch(2, {"db": 1_000}, ngrams=60)]
    spool = Spool(tmp_path, sum(len(encode_batch(each)) for each in parts) + 600)
    for each in [*taken, *parts]:
        spool.append(each)

    left = drain(spool)

    names = [(one.container.id, one.start) for each in left for one in each.deltas]
    assert sorted(names) == [("db", 20_000), ("old", 29_998), ("old", 29_999), ("web", 20_000)]
    assert accounted(by_identity(left)) == accounted(by_identity([*taken, *parts]))
    spool.close()


def test_a_damaged_file_does_not_stop_the_rest(tmp_path):
    """A batch that cannot be read back is discarded like another; its calls cannot be known."""
    spool = Spool(tmp_path, 2_500)
    for window in range(3):
        spool.append(batch(window, {"web": 1_000}, ngrams=60))
    for path in tmp_path.glob("*.batch"):
        path.write_bytes(b"noise")
    for window in range(3, 9):
        spool.append(batch(window, {"web": 1_000}, ngrams=60))

    assert spool.used_bytes <= 2_500
    spool.close()

"""LossBook: differences of sums that only grow."""

from dataclasses import dataclass, field

import numpy as np

from collector.sensor.layout import LOSSES
from collector.sensor.losses import LossBook
from wire.profile import LossCause

CPUS = 2


@dataclass
class FakeMap:
    """A per-CPU hash in memory."""

    elements: dict[bytes, np.ndarray] = field(default_factory=dict)
    value_bytes: int = LOSSES.itemsize * CPUS

    def add(self, cgroup_id: int, cause: str, parity: int, cpu: int, count: int) -> None:
        key = cgroup_id.to_bytes(8, "little")
        self.elements.setdefault(key, np.zeros(CPUS, LOSSES))[cause][cpu][parity] += count

    def items(self) -> tuple[bytes, bytes]:
        return b"".join(self.elements), b"".join(value.tobytes() for value in self.elements.values())

    def lookup(self, key: bytes) -> bytes | None:
        return self.elements[key].tobytes() if key in self.elements else None

    def update(self, key: bytes, value: bytes) -> None:
        self.elements[key] = np.frombuffer(value, LOSSES).copy()

    def delete(self, key: bytes) -> None:
        self.elements.pop(key, None)


def test_a_loss_is_told_once_summed_over_cpus_and_in_its_own_epoch() -> None:
    """Losses of the running epoch wait for its end, and those told are not told again."""
    kernel = FakeMap()
    book = LossBook(kernel, CPUS)
    kernel.add(7, "quota", 0, 0, 3)
    kernel.add(7, "quota", 0, 1, 4)
    kernel.add(7, "table_full", 1, 0, 5)
    kernel.add(9, "untracked", 0, 1, 1)

    assert book.take(0) == {7: {LossCause.QUOTA: 7}, 9: {LossCause.UNTRACKED: 1}}
    assert book.take(1) == {7: {LossCause.TABLE_FULL: 5}}
    assert book.take(0) == book.take(1) == {}


def test_a_forgotten_cgroup_starts_from_zero() -> None:
    """Its record is gone, and so is what was known of it."""
    kernel = FakeMap()
    book = LossBook(kernel, CPUS)
    kernel.add(7, "quota", 0, 0, 3)
    book.take(0)
    book.forget(7)
    kernel.add(7, "quota", 0, 0, 2)

    assert book.take(0) == {7: {LossCause.QUOTA: 2}}


def test_opening_a_record_keeps_what_it_holds() -> None:
    """A cgroup that the kernel has admitted already is not set back."""
    kernel = FakeMap()
    book = LossBook(kernel, CPUS)
    kernel.add(7, "quota", 0, 0, 3)
    book.open(7)
    book.open(8)

    assert book.take(0) == {7: {LossCause.QUOTA: 3}}
    assert len(kernel.elements) == 2


def test_an_owner_is_named_in_whole_until_two_drains_after_its_death() -> None:
    """A slot holds the lower half of a cgroup id; the upper half comes back with it."""
    kernel = FakeMap()
    book = LossBook(kernel, CPUS)
    whole = 3 << 32 | 7
    kernel.add(whole, "quota", 0, 0, 0)
    named = []
    for _ in range(2):
        book.take(0)
        named.append(book.name(7))
    book.forget(whole)
    for _ in range(3):
        book.take(0)
        named.append(book.name(7))

    assert named == [whole, whole, whole, whole, 7]
    assert book.name(8) == 8

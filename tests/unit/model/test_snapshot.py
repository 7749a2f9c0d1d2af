"""Baseline snapshots: nothing is lost on the way, and nothing else is let in."""

import json
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from model import snapshot
from model.baseline import Baseline
from model.errors import SnapshotError, VersionError
from model.settings import BaselineSettings
from tests.unit.model.workloads import SHELL, Server, sequence, tokens, window
from wire.errors import UnknownSyscallTableError
from wire.ngram import N, pack

PROPERTY = settings(deadline=None, max_examples=40)

counts = st.dictionaries(
    st.builds(pack, st.lists(st.integers(1, 5), min_size=1, max_size=N)),
    st.integers(1, 1 << 40),
    min_size=1,
    max_size=20,
)


def trained(parts: list[dict[int, int]]) -> Baseline:
    """Return a baseline of some windows."""
    baseline = Baseline()
    for part in parts:
        healthy = window(part)
        baseline.learn_window(healthy, baseline.score_window(healthy))
    return baseline


@PROPERTY
@given(st.lists(counts, max_size=8), counts)
def test_a_baseline_lives_on_in_its_snapshot(parts: list[dict[int, int]], asked: dict[int, int]) -> None:
    """It scores every window as before, bit for bit, and its snapshot is the same bytes again."""
    baseline = trained(parts)

    data = snapshot.to_bytes(baseline)
    restored = snapshot.from_bytes(data)

    assert snapshot.to_bytes(restored) == data
    assert restored.summary() == baseline.summary()
    assert restored.score_window(window(asked)) == baseline.score_window(window(asked))


def test_a_restored_baseline_goes_on_learning_alike() -> None:
    """Baseline and copy stay equal through further windows and forget the same old scores."""
    server = Server(seed=31)
    baseline = trained([server.counts(50) for _ in range(40)])
    restored = snapshot.from_bytes(snapshot.to_bytes(baseline))
    for _ in range(30):
        healthy = window(server.counts(50))
        for each in (baseline, restored):
            each.learn_window(healthy, each.score_window(healthy))

    intruded = window(sequence(tokens(SHELL), injected=True))

    assert snapshot.to_bytes(restored) == snapshot.to_bytes(baseline)
    assert restored.score_window(intruded) == baseline.score_window(intruded)


def test_a_full_baseline_stays_full() -> None:
    """The refused calls are remembered, and the same cap refuses no more of what is stored."""
    few = BaselineSettings(max_ngrams=2)
    baseline = Baseline(settings=few)
    healthy = window({1: 5, 2: 5, 3: 7})
    baseline.learn_window(healthy, baseline.score_window(healthy))

    restored = snapshot.from_bytes(snapshot.to_bytes(baseline), settings=few)

    assert restored.full
    assert restored.summary().refused_calls == 7
    assert snapshot.to_bytes(restored) == snapshot.to_bytes(baseline)


GOOD = zlib.decompress(snapshot.to_bytes(trained([{1: 5, 2: 3}, {1: 5}])))


def changed(**fields: Any) -> bytes:
    """Return a snapshot whose header says something else."""
    start = 12
    (length,) = struct.unpack_from("<I", GOOD, 8)
    header = json.dumps(json.loads(GOOD[start : start + length]) | fields).encode()
    return zlib.compress(GOOD[:8] + struct.pack("<I", len(header)) + header + GOOD[start + length :])


def with_words(at: int, *words: int) -> bytes:
    """Return a snapshot of which some 64-bit words after the header are others."""
    (length,) = struct.unpack_from("<I", GOOD, 8)
    plain, offset = bytearray(GOOD), 12 + length + 8 * at
    struct.pack_into(f"<{len(words)}Q", plain, offset, *words)
    return zlib.compress(bytes(plain))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut off"),
        (b"not zlib", "not zlib"),
        (zlib.compress(b"x"), "nonselfB"),
        (zlib.compress(GOOD)[:-5], "cut off"),
        (zlib.compress(GOOD + b"x"), "bytes of arrays"),
        (zlib.compress(GOOD[:8] + struct.pack("<I", 3) + b"{}}"), "not JSON"),
        (zlib.compress(GOOD[:8] + struct.pack("<I", 2) + b"[]"), "JSON object"),
        (zlib.compress(GOOD[:8] + struct.pack("<I", 1 << 31) + b"{}"), "version"),
        (changed(arch=7), "arch as text"),
        (changed(windows=-1), "windows as a whole number"),
        (changed(windows=True), "windows as a whole number"),
        (changed(windows=1), "at most 1 windows"),
        (changed(lengths=[2, 2, 2]), "lengths of 4 arrays"),
        (changed(lengths=[2, 2, 1, 2]), "one count and one number of windows"),
        (changed(lengths=[1 << 60, 2, 2, 1]), "bytes of arrays"),
        (with_words(0, 2, 1), "ascending"),
        (with_words(0, 1, 1 << 61), "below"),
        (with_words(2, 1 << 62, 3), "add up to less"),
        (with_words(2, 0, 3), "at least one call"),
        (with_words(4, 0), "at least one window"),
        (with_words(6, 0x7FF0000000000000), "finite scores"),
    ],
)
def test_what_is_no_snapshot_is_refused(data: bytes, message: str) -> None:
    """The message names what does not fit."""
    with pytest.raises(SnapshotError, match=message):
        snapshot.from_bytes(data)


def test_another_version_is_refused_as_such() -> None:
    """A reader can tell an upgrade from damage."""
    with pytest.raises(VersionError, match="version 1; the snapshot has 2"):
        snapshot.from_bytes(changed(version=2))


def test_an_architecture_without_names_is_refused() -> None:
    """The error is that of the syscall tables."""
    with pytest.raises(UnknownSyscallTableError, match="riscv64"):
        snapshot.from_bytes(changed(arch="riscv64"))


def test_a_bomb_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decompression ends at the largest size a snapshot may have."""
    monkeypatch.setattr(snapshot, "MAX_PLAIN_BYTES", 1000)

    with pytest.raises(SnapshotError, match="at most 1000 bytes"):
        snapshot.from_bytes(zlib.compress(bytes(10_000)))


@PROPERTY
@given(st.binary(max_size=200), st.integers(0, len(GOOD) - 1))
def test_damage_never_raises_anything_else(noise: bytes, at: int) -> None:
    """Bytes overwritten anywhere give a baseline or a SnapshotError, and no other failure."""
    damaged = zlib.compress(GOOD[:at] + noise + GOOD[at + len(noise) :])
    try:
        restored = snapshot.from_bytes(damaged)
    except (SnapshotError, UnknownSyscallTableError):
        return

    restored.score_window(window({1: 1}))

"""Baseline snapshots: nothing is lost on the way, and nothing else is let in."""

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
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
    """Return a baseline of some windows; every fourth is of a container's start."""
    baseline = Baseline()
    for index, part in enumerate(parts):
        healthy = replace(window(part), start=index if index % 4 == 3 else None)
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


VERSION_1, VERSION_2 = (
    zlib.decompress(
        (Path(__file__).parents[2] / "golden" / "snapshot" / f"baseline-v{each}.bin").read_bytes()
    )
    for each in (1, 2)
)
GOOD = zlib.decompress(snapshot.to_bytes(trained([{1: 5, 2: 3}, {1: 5}])))


def changed(**fields: Any) -> bytes:
    """Return a snapshot whose header says something else."""
    return with_header(GOOD, lambda header: header | fields)


def with_numbers(**numbers: Any) -> bytes:
    """Return a snapshot that tells other numbers."""
    return with_header(GOOD, lambda header: header | {"numbers": header["numbers"] | numbers})


def with_sections(**words: int) -> bytes:
    """Return a snapshot whose header tells other lengths of sections, or further sections."""
    return with_header(
        GOOD, lambda header: header | {"sections": [*(dict(header["sections"]) | words).items()]}
    )


def with_header(plain: bytes, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    """Return a snapshot with another header."""
    start = 12
    (length,) = struct.unpack_from("<I", plain, 8)
    header = json.dumps(change(json.loads(plain[start : start + length]))).encode()
    return zlib.compress(plain[:8] + struct.pack("<I", len(header)) + header + plain[start + length :])


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
        (with_numbers(windows=-1), "windows as a whole number"),
        (with_numbers(windows=True), "windows as a whole number"),
        (with_numbers(windows=1), "at most 1 windows"),
        (changed(numbers=3), "numbers as a JSON object"),
        (changed(sections=3), "sections as pairs"),
        (changed(sections=[["ngrams", -1]]), "sections as pairs"),
        (changed(sections=[["ngrams", 1], ["ngrams", 1]]), "sections of different names"),
        (with_sections(held_by=1, sizes_held=3), "one count and one number of windows"),
        (with_sections(ngrams=1 << 60), "bytes of arrays"),
        (with_words(0, 2, 1), "ascending"),
        (with_words(0, 1, 1 << 61), "below"),
        (with_words(2, 1 << 62, 3), "add up to less"),
        (with_words(2, 0, 3), "at least one call"),
        (with_words(4, 0), "at least one window"),
        (with_words(8, 3), "one number of windows for each size"),
        (with_words(6, 8, 5), "rounded sizes"),
        (with_words(6, 5, 1001), "rounded sizes"),
        (with_words(10, 0x7FF0000000000000), "finite scores"),
        (with_sections(**{"record.calls": 0, "record.pairs": 2}), "one number of remembered windows"),
    ],
)
def test_what_is_no_snapshot_is_refused(data: bytes, message: str) -> None:
    """The message names what does not fit."""
    with pytest.raises(SnapshotError, match=message):
        snapshot.from_bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed(version=5), "versions 1 to 4; the snapshot has 5"),
        (changed(version=None), "versions 1 to 4; the snapshot has None"),
        (with_sections(later=0), "no section 'later'"),
        (with_numbers(later=0), "no number 'later'"),
        (with_sections(scores=0), "no section 'scores'"),
        (
            with_header(VERSION_2, lambda header: header | {"sections": [["record.least", 0]]}),
            "no section 'record.least'",
        ),
    ],
)
def test_what_a_later_release_wrote_is_refused_as_such(data: bytes, message: str) -> None:
    """A reader can tell an upgrade from damage, and never drops what it does not know."""
    with pytest.raises(VersionError, match=message):
        snapshot.from_bytes(data)


def test_an_absent_section_is_empty() -> None:
    """A section that was added later than a snapshot was written needs no new version."""
    plain = zlib.decompress(snapshot.to_bytes(Baseline()))
    without = with_header(plain, lambda header: header | {"sections": [["ngrams", 0]]})

    assert snapshot.to_bytes(snapshot.from_bytes(without)) == snapshot.to_bytes(Baseline())


@pytest.mark.parametrize("fields", [{"lengths": [2, 2, 2]}, {"lengths": None}, {"largest_calls": 1 << 62}])
def test_a_damaged_version_1_is_refused(fields: dict[str, Any]) -> None:
    """Its arrays have no names, so there must be exactly four, and its one size must fit."""
    with pytest.raises(SnapshotError, match=r"lengths of 4|below 2"):
        snapshot.from_bytes(with_header(VERSION_1, lambda header: header | fields))


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
@given(
    st.sampled_from([GOOD, VERSION_1, VERSION_2]),
    st.binary(max_size=200),
    st.integers(0, min(map(len, (GOOD, VERSION_1, VERSION_2))) - 1),
)
def test_damage_never_raises_anything_else(good: bytes, noise: bytes, at: int) -> None:
    """Bytes overwritten anywhere give a baseline or a SnapshotError, and no other failure."""
    damaged = zlib.compress(good[:at] + noise + good[at + len(noise) :])
    try:
        restored = snapshot.from_bytes(damaged)
    except (SnapshotError, UnknownSyscallTableError):
        return

    restored.score_window(window({1: 1}))

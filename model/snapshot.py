"""Bytes of a baseline: a JSON header, then named sections of 64-bit words, all compressed; data, never code.

Layout of version 4 after decompression: eight bytes `nonselfB`, the header's
length as 32 bits, the header, and the sections in the order that the header
lists them, each a name and a number of words, little-endian and without gaps.
A section may be absent, and is then empty. One that this release does not know
is refused, not kept: what it counts would go stale with the next window, and a
later release would believe it. So a section or number can be added within
version 4, as long as an older release may refuse it.

What is remembered of windows is a section for each view and phase; one that is absent was never judged.
Those of stops, `record.stop.*` and the number `stop_scores_seen`, were added within version 4 and are there
once a stop was learned: a release that knows no stops goes on to read what holds none.
Up to version 3 there was one record of all phases, which is read as that of steady windows.
Version 2 remembered one score for each window, which is read as that of the view `sequences`.
Version 1 had four arrays without names, and the largest window instead of all sizes.
`tests/golden/snapshot/` holds bytes of every version ever shipped.
"""

import json
import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NoReturn, TypeGuard

import numpy as np
from numpy.typing import NDArray

from model.baseline import Baseline
from model.errors import SnapshotError, VersionError
from model.record import WIDTH
from model.settings import BaselineSettings
from model.sizes import rounded
from model.state import BaselineState
from model.views import VIEWS, View
from wire.ngram import INJECTED

VERSION: Final = 4
MAX_PLAIN_BYTES: Final = 256 << 20
"""Largest snapshot after decompression; a bomb stops here."""
_MAGIC: Final = b"nonselfB"
_LENGTH: Final = struct.Struct("<I")
_COUNTED: Final = {"ngrams": "<u8", "counts": "<i8", "held_by": "<i8", "sizes": "<i8", "sizes_held": "<i8"}
_COLUMNS: Final = (*(view.value for view in VIEWS), "least")
"""Of `model.record`."""
_RECORD: Final = tuple(f"record.{name}" for name in _COLUMNS)
_START_RECORD: Final = tuple(f"record.start.{name}" for name in _COLUMNS)
_STOP_RECORD: Final = tuple(f"record.stop.{name}" for name in _COLUMNS)
_V2_SCORES: Final = "scores"
_SECTIONS: Final = _COUNTED | dict.fromkeys((_V2_SCORES, *_RECORD, *_START_RECORD, *_STOP_RECORD), "<f8")
_COMPLETENESS: Final = "completeness."
"""Begins the names of what `model.completeness` counts: `<i8`, further names of its own."""
_NUMBERS: Final = ("windows", "windows_from_start", "refused_calls", "scores_seen")
_V4_NUMBERS: Final = ("start_scores_seen",)
_STOPS_SEEN: Final = "stop_scores_seen"
_V1_ARRAYS: Final = ("ngrams", "counts", "held_by", "scores")
_DEFAULTS: Final = BaselineSettings()
_Sections = dict[str, NDArray[Any]]


def to_bytes(baseline: Baseline) -> bytes:
    """Return a baseline as versioned data; the same baseline always gives the same bytes.

    Examples:
        >>> from_bytes(to_bytes(Baseline())).windows_learned
        0
    """
    state = baseline.state()
    sections = {name: getattr(state, name).astype(dtype, copy=False) for name, dtype in _COUNTED.items()}
    records = [(_RECORD, state.scores), (_START_RECORD, state.start_scores)]
    numbers = [*_NUMBERS, *_V4_NUMBERS]
    if state.stop_scores_seen or len(state.stop_scores):
        records.append((_STOP_RECORD, state.stop_scores))
        numbers.append(_STOPS_SEEN)
    for names, rows in records:
        sections |= {name: column.astype("<f8") for name, column in zip(names, rows.T, strict=True)}
    for name, counted in sorted(state.completeness.items()):
        sections[_COMPLETENESS + name] = counted.astype("<i8", copy=False)
    header = {
        "version": VERSION,
        "arch": state.arch,
        "numbers": {name: getattr(state, name) for name in numbers},
        "sections": [[name, len(section)] for name, section in sections.items()],
    }
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    parts = (section.tobytes() for section in sections.values())
    return zlib.compress(b"".join((_MAGIC, _LENGTH.pack(len(text)), text, *parts)), level=1)


def from_bytes(data: bytes, *, settings: BaselineSettings = _DEFAULTS) -> Baseline:
    """Read a baseline back, trusting nothing of the bytes.

    Raises:
        VersionError: The version, or a section or number of it, is not one this release reads.
        SnapshotError: Anything else that does not fit; the message names it.
        UnknownSyscallTableError: The snapshot is of an architecture without a syscall table.
    """
    plain = _decompress(data)
    start = len(_MAGIC) + _LENGTH.size
    if len(plain) < start or not plain.startswith(_MAGIC):
        _fail(f"bytes that begin with {_MAGIC!r}", repr(plain[: len(_MAGIC)]))
    end = start + _LENGTH.unpack_from(plain, len(_MAGIC))[0]
    header = _header(plain[start:end])
    listed = _listed_v1(header) if header["version"] == 1 else _listed(header)
    words = sum(length for _, length in listed)
    if len(plain) != end + 8 * words:
        _fail(f"{8 * words} bytes of arrays", str(len(plain) - end))
    sections: _Sections = {name: np.empty(0, dtype[1:]) for name, dtype in _COUNTED.items()}
    for name, length in listed:
        dtype = _SECTIONS.get(name, "<i8")
        # A copy: the words must be writable, and must not keep all other bytes in memory.
        sections[name] = np.frombuffer(plain, dtype=dtype, count=length, offset=end).astype(dtype[1:])
        end += 8 * length
    state = _state_of(header, sections)
    _check(state)
    return Baseline.from_state(state, settings=settings)


def _decompress(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(data, MAX_PLAIN_BYTES)
    except zlib.error as error:
        msg = f"The snapshot is not zlib data: {error}."
        raise SnapshotError(msg) from error
    if not unpacker.eof:
        _fail(f"a complete snapshot of at most {MAX_PLAIN_BYTES} bytes", "one that was cut off or is larger")
    return plain


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"The snapshot's header is not JSON: {error}."
        raise SnapshotError(msg) from error
    if not isinstance(header, dict):
        _fail("a JSON object as header", type(header).__name__)
    if not _is_count(header.get("version")) or not 1 <= header["version"] <= VERSION:
        read = f"versions 1 to {VERSION}"
        msg = f"This release reads snapshots of {read}; the snapshot has {header.get('version')!r}."
        raise VersionError(msg)
    if not isinstance(header.get("arch"), str):
        _fail("arch as text", repr(header.get("arch")))
    return header


def _listed(header: dict[str, Any]) -> list[tuple[str, int]]:
    listed = header.get("sections")
    if not isinstance(listed, list) or not all(map(_is_named_length, listed)):
        _fail("sections as pairs of a name and a number of words", repr(listed))
    names = [name for name, _ in listed]
    if len(set(names)) < len(names):
        _fail("sections of different names", repr(names))
    records = {2: (_V2_SCORES,), 3: _RECORD}.get(header["version"], (*_RECORD, *_START_RECORD, *_STOP_RECORD))
    known = {*_COUNTED, *records}
    _refuse_unknown("section", {name for name in names if not name.startswith(_COMPLETENESS)} - known)
    return [(name, length) for name, length in listed]


def _listed_v1(header: dict[str, Any]) -> list[tuple[str, int]]:
    lengths = header.get("lengths")
    if not isinstance(lengths, list) or len(lengths) != len(_V1_ARRAYS) or not all(map(_is_count, lengths)):
        _fail(f"lengths of {len(_V1_ARRAYS)} arrays", repr(lengths))
    return list(zip(_V1_ARRAYS, lengths, strict=True))


def _state_of(header: dict[str, Any], sections: _Sections) -> BaselineState:
    numbers: dict[str, Any] = header
    names: tuple[str, ...] = _NUMBERS
    if header["version"] == 1:
        largest = _number(header, "largest_calls")
        if largest >= 1 << 62:
            _fail("largest_calls below 2**62", str(largest))
        if largest:
            sections |= {"sizes": np.array([rounded(largest)]), "sizes_held": np.array([1])}
    else:
        told = header.get("numbers")
        if not isinstance(told, dict):
            _fail("numbers as a JSON object", repr(told))
        numbers = told
        names = _NUMBERS if header["version"] < 4 else (*_NUMBERS, *_V4_NUMBERS)
        if header["version"] >= 4 and _STOPS_SEEN in numbers:
            names = (*names, _STOPS_SEEN)
        _refuse_unknown("number", set(numbers) - set(names))
    fields: dict[str, Any] = {name: _number(numbers, name) for name in names}
    fields |= {name: sections[name] for name in _COUNTED}
    return BaselineState(
        arch=header["arch"],
        **fields,
        scores=_record_of(sections, _RECORD),
        start_scores=_record_of(sections, _START_RECORD),
        stop_scores=_record_of(sections, _STOP_RECORD),
        completeness={
            name.removeprefix(_COMPLETENESS): section
            for name, section in sections.items()
            if name.startswith(_COMPLETENESS)
        },
    )


def _record_of(sections: _Sections, names: Sequence[str]) -> NDArray[np.float64]:
    """Return the rows of `model.record`: what no section tells was never judged, and is NaN."""
    columns = {name: sections[name] for name in names if len(sections.get(name, ()))}
    if names is _RECORD and _V2_SCORES in sections:
        columns = {f"record.{View.SEQUENCES.value}": sections[_V2_SCORES]}
    lengths = {len(column) for column in columns.values()} or {0}
    if len(lengths) > 1:
        _fail("one number of remembered windows in all views", repr(sorted(lengths)))
    rows = np.full((lengths.pop(), WIDTH), np.nan)
    for name, column in columns.items():
        rows[:, names.index(name)] = column
    return rows


def _check(state: BaselineState) -> None:
    if not len(state.ngrams) == len(state.counts) == len(state.held_by):
        _fail("one count and one number of windows for each n-gram", "others")
    if bool(np.any(state.ngrams[1:] <= state.ngrams[:-1])):
        _fail("distinct n-grams in ascending order", "a value out of order")
    if len(state.ngrams) and int(state.ngrams[-1]) >= INJECTED << 1:
        _fail("n-grams below 2**61", str(int(state.ngrams[-1])))
    if float(state.counts.sum(dtype=np.float64)) >= 1 << 62:
        _fail("counts that add up to less than 2**62", "others")
    if bool(np.any(state.counts < state.held_by)) or bool(np.any(state.held_by < 1)):
        _fail("every n-gram in at least one window, and at least one call in each", "fewer")
    if len(state.ngrams) and int(state.held_by.max()) > state.windows:
        _fail(f"n-grams in at most {state.windows} windows", str(int(state.held_by.max())))
    for rows in (state.scores, state.start_scores, state.stop_scores):
        if not bool(np.all(np.isnan(rows) | np.isfinite(rows) & (rows >= 0))):
            _fail("finite scores of at least 0", "others")
    _check_sizes(state.sizes.tolist(), state.sizes_held.tolist(), state.windows)


def _check_sizes(sizes: list[int], held: list[int], windows: int) -> None:
    if len(sizes) != len(held) or min([*held, 1]) < 1 or sum(held) > windows:
        _fail(f"one number of windows for each size, {windows} together at most", "others")
    if any(one >= other for one, other in pairwise([0, *sizes])) or any(
        rounded(each) != each for each in sizes
    ):
        _fail("rounded sizes in ascending order", "others")


def _refuse_unknown(what: str, unknown: set[str]) -> None:
    if unknown:
        msg = f"This release knows no {what} {min(unknown)!r} in a snapshot; a later release wrote it."
        raise VersionError(msg)


def _number(numbers: dict[str, Any], name: str) -> int:
    value = numbers.get(name)
    if not _is_count(value):
        _fail(f"{name} as a whole number of at least 0", repr(value))
    return value


def _is_named_length(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and _is_count(value[1])


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _fail(expected: str, got: str) -> NoReturn:
    msg = f"The snapshot does not fit: expected {expected}; got {got}."
    raise SnapshotError(msg)

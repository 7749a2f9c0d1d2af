"""Bytes of a baseline: a JSON header, then raw little-endian arrays, all compressed; data, never code.

Layout after decompression: eight bytes `nonselfB`, the header's length as
32 bits, the header, and the arrays in the order of `_ARRAYS`, without gaps.
`tests/golden/snapshot/` holds bytes of every version ever shipped.
"""

import json
import struct
import zlib
from typing import Any, Final, NoReturn, TypeGuard

import numpy as np
from numpy.typing import NDArray

from model.baseline import Baseline
from model.errors import SnapshotError, VersionError
from model.settings import BaselineSettings
from model.state import BaselineState
from wire.ngram import INJECTED

VERSION: Final = 1
MAX_PLAIN_BYTES: Final = 256 << 20
"""Largest snapshot after decompression; a bomb stops here."""
_MAGIC: Final = b"nonselfB"
_LENGTH: Final = struct.Struct("<I")
_ARRAYS: Final = (("ngrams", "<u8"), ("counts", "<i8"), ("held_by", "<i8"), ("scores", "<f8"))
_NUMBERS: Final = ("windows", "windows_from_start", "largest_calls", "refused_calls", "scores_seen")
_DEFAULTS: Final = BaselineSettings()


def to_bytes(baseline: Baseline) -> bytes:
    """Return a baseline as versioned data; the same baseline always gives the same bytes.

    Examples:
        >>> from_bytes(to_bytes(Baseline())).windows_learned
        0
    """
    state = baseline.state()
    arrays = [getattr(state, name).astype(dtype, copy=False) for name, dtype in _ARRAYS]
    header = {"version": VERSION, "arch": state.arch}
    header |= {name: getattr(state, name) for name in _NUMBERS}
    header |= {"lengths": [len(array) for array in arrays]}
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    plain = b"".join((_MAGIC, _LENGTH.pack(len(text)), text, *(array.tobytes() for array in arrays)))
    return zlib.compress(plain, level=1)


def from_bytes(data: bytes, *, settings: BaselineSettings = _DEFAULTS) -> Baseline:
    """Read a baseline back, trusting nothing of the bytes.

    Raises:
        VersionError: The version is not one this release reads.
        SnapshotError: Anything else that does not fit; the message names it.
        UnknownSyscallTableError: The snapshot is of an architecture without a syscall table.
    """
    plain = _decompress(data)
    start = len(_MAGIC) + _LENGTH.size
    if len(plain) < start or not plain.startswith(_MAGIC):
        _fail(f"bytes that begin with {_MAGIC!r}", repr(plain[: len(_MAGIC)]))
    end = start + _LENGTH.unpack_from(plain, len(_MAGIC))[0]
    header = _header(plain[start:end])
    lengths = header.get("lengths")
    if not isinstance(lengths, list) or len(lengths) != len(_ARRAYS) or not all(map(_is_count, lengths)):
        _fail(f"lengths of {len(_ARRAYS)} arrays", repr(lengths))
    if len(plain) != end + 8 * sum(lengths):
        _fail(f"{8 * sum(lengths)} bytes of arrays", str(len(plain) - end))
    arrays: dict[str, NDArray[Any]] = {}
    for (name, dtype), length in zip(_ARRAYS, lengths, strict=True):
        arrays[name] = np.frombuffer(plain, dtype=dtype, count=length, offset=end).astype(dtype[1:])
        end += 8 * length
    state = BaselineState(
        arch=header["arch"],
        windows=_number(header, "windows"),
        windows_from_start=_number(header, "windows_from_start"),
        largest_calls=_number(header, "largest_calls"),
        refused_calls=_number(header, "refused_calls"),
        scores_seen=_number(header, "scores_seen"),
        ngrams=arrays["ngrams"],
        counts=arrays["counts"],
        held_by=arrays["held_by"],
        scores=arrays["scores"],
    )
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
    except ValueError as error:
        msg = f"The snapshot's header is not JSON: {error}."
        raise SnapshotError(msg) from error
    if not isinstance(header, dict):
        _fail("a JSON object as header", type(header).__name__)
    if header.get("version") != VERSION:
        msg = f"This release reads snapshot version {VERSION}; the snapshot has {header.get('version')!r}."
        raise VersionError(msg)
    if not isinstance(header.get("arch"), str):
        _fail("arch as text", repr(header.get("arch")))
    return header


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
    if not bool(np.all(np.isfinite(state.scores) & (state.scores >= 0))):
        _fail("finite scores of at least 0", "others")


def _number(header: dict[str, Any], name: str) -> int:
    value = header.get(name)
    if not _is_count(value):
        _fail(f"{name} as a whole number of at least 0", repr(value))
    return value


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _fail(expected: str, got: str) -> NoReturn:
    msg = f"The snapshot does not fit: expected {expected}; got {got}."
    raise SnapshotError(msg)

"""Reads recorded traces: one a line, with split, label, group, trace id and sequence, tab separated."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from api.errors import DataError
from model.evaluation.traces import Split, Traces

_FIELDS: Final = ("split", "label", "group", "trace id", "sequence")
_ATTACK: Final = {
    "normal": False, "benign": False, "0": False,
    "attack": True, "malicious": True, "anomaly": True, "intrusion": True, "1": True,
}  # fmt: skip
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class TraceFile:
    """What one file holds."""

    traces: Traces
    split: Split
    """Learned are the normal traces of the splits whose name begins with `train`; all others are judged."""
    groups: list[str]
    """Group of each trace."""


def read_traces(path: Path) -> TraceFile:
    """Read a file, gzipped or not.

    Raises:
        DataError: A line is not as expected; the message names it.
        OSError: The file cannot be read.
    """
    codes: dict[str, int] = {}
    sequences: list[np.ndarray[tuple[int], np.dtype[np.int32]]] = []
    groups: list[str] = []
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for number, line in enumerate(_lines(path), start=1):
        fields = line.rstrip("\r\n").split("\t")
        if number == 1 and fields[0] == "split":
            continue
        if len(fields) != len(_FIELDS):
            raise _expected(
                path, number, f"{len(_FIELDS)} tab-separated fields ({', '.join(_FIELDS)})", len(fields)
            )
        split, label, group, _, sequence = fields
        if label.lower() not in _ATTACK:
            raise _expected(path, number, f"a label ({', '.join(_ATTACK)})", repr(label))
        calls = sequence.split()
        if not calls:
            raise _expected(path, number, "a sequence of at least one call", "none")
        is_attack = _ATTACK[label.lower()]
        learned = split.lower().startswith("train")
        parts[2 if is_attack else 0 if learned else 1].append(len(sequences))
        sequences.append(np.array([codes.setdefault(call, len(codes)) for call in calls], dtype=np.int32))
        groups.append(group)
    if not sequences:
        msg = f"{path}: expected at least one trace, got an empty file."
        raise DataError(msg)
    learned_rows, normal, attack = (np.array(rows, dtype=np.int64) for rows in parts)
    return TraceFile(Traces.of(sequences, len(codes)), Split(learned_rows, normal, attack), groups)


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    try:
        with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as lines:
            yield from lines
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError) as error:
        msg = f"{path}: expected text in UTF-8, gzipped or not; got something else ({error})."
        raise DataError(msg) from error


def _expected(path: Path, line: int, expected: str, came: object) -> DataError:
    return DataError(f"{path}, line {line}: expected {expected}, got {came}.")

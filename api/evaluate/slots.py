"""Reads recordings as windows of the length asked for: aligned shorter ones are summed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from api.errors import DataError
from wire.errors import WireError
from wire.profile import AgentStatus, Batch, LossCause, Mark, ProfileDelta
from wire.recording import RecordingReader, span


class Instance(NamedTuple):
    """One container in one boot of one node."""

    node: str
    boot_id: str
    container_id: str


@dataclass(frozen=True, slots=True)
class Span:
    """When a recording was made, Unix time in milliseconds."""

    start: int
    end: int


@dataclass(slots=True)
class Progressed:
    """How far a recording was read."""

    bytes: int = 0
    cut_off: bool = False


def span_of(path: Path) -> Span:
    """Return when a recording was made.

    Raises:
        DataError: It cannot be read as a recording, or holds no batch.
    """
    try:
        found = span(path)
    except WireError as error:
        raise DataError(str(error)) from error
    if found is None:
        msg = f"{path}: expected a recording of at least one batch; got none."
        raise DataError(msg)
    return Span(*found)


def read(path: Path, window_ms: int, progressed: Progressed) -> Iterator[Batch]:
    """Yield, slot after slot, a batch for each node as its agent would have sent it with this window.

    Args:
        path: The recording.
        window_ms: Length of a window, a whole multiple of the recording's own.
        progressed: Is kept up to date.

    Raises:
        DataError: It cannot be read as a recording, or its windows do not add up to those asked for.
    """
    parts: defaultdict[Instance, list[ProfileDelta]] = defaultdict(list)
    slot, batch, begun = -1, None, set[int]()
    try:
        with RecordingReader(path) as reader:
            for batch in reader:
                _check(path, batch.agent, window_ms)
                begun.add(batch.agent.started_at)
                for delta in batch.deltas:
                    if delta.start // window_ms > slot and parts:
                        yield from _summed(parts, batch, slot * window_ms, window_ms, begun)
                        parts.clear()
                    slot = max(slot, delta.start // window_ms)
                    parts[Instance(delta.node, delta.boot_id, delta.container.id)].append(delta)
                progressed.bytes = reader.complete_bytes
            progressed.cut_off = reader.cut_off
    except WireError as error:
        raise DataError(str(error)) from error
    if parts and batch is not None:
        end = max(delta.end for each in parts.values() for delta in each)
        last = _summed(parts, batch, slot * window_ms, window_ms, begun)
        yield from last if end >= (slot + 1) * window_ms else map(_as_partial, last)


def _check(path: Path, agent: AgentStatus, window_ms: int) -> None:
    own_ms = agent.window_s * 1000
    if window_ms % own_ms:
        asked = f"{window_ms / 1000:g}"
        msg = f"{path}: expected --window-s to be a whole multiple of {agent.window_s:g}; got {asked}."
        raise DataError(msg)


def _summed(
    parts: dict[Instance, list[ProfileDelta]], like: Batch, start: int, window_ms: int, begun: set[int]
) -> Iterator[Batch]:
    deltas: defaultdict[tuple[str, str], list[ProfileDelta]] = defaultdict(list)
    for instance in sorted(parts):
        made = add(parts[instance], start, window_ms)
        deltas[instance.node, instance.boot_id].append(made)
    for (node, boot_id), found in deltas.items():
        batch = replace(like, node=node, boot_id=boot_id, sent_at=start + window_ms, deltas=tuple(found))
        # Where an agent began in its middle, nobody saw the rest of this window.
        half_seen = any(start < each < start + window_ms for each in begun)
        yield _as_partial(batch) if half_seen else batch


def _as_partial(batch: Batch) -> Batch:
    return replace(
        batch, deltas=tuple(replace(each, marks=each.marks | {Mark.PARTIAL}) for each in batch.deltas)
    )


def add(parts: Sequence[ProfileDelta], start: int, window_ms: int) -> ProfileDelta:
    """Return the windows of one container within one longer window as that longer window.

    Args:
        parts: At least one, in order of time.
        start: Of the longer window.
        window_ms: Its length.
    """
    last = parts[-1]
    if len(parts) == 1 and (last.start, last.end) == (start, start + window_ms):
        return last
    ngrams = np.concatenate([np.array(part.ngrams, dtype=np.uint64) for part in parts])
    counts = np.concatenate([np.array(part.counts, dtype=np.int64) for part in parts])
    distinct, places = np.unique(ngrams, return_inverse=True)
    sums = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(sums, places, counts)
    lost = {cause: sum(part.lost.get(cause, 0) for part in parts) for cause in LossCause}
    marks = frozenset[Mark]().union(*(part.marks for part in parts))
    if Mark.UNIDENTIFIED not in last.marks:
        # Asked late is asked all the same: the container was named before the longer window ended.
        marks -= {Mark.UNIDENTIFIED}
    return replace(
        last,
        start=start,
        end=start + window_ms,
        ngrams=tuple(distinct.tolist()),
        counts=tuple(sums.tolist()),
        lost={cause: count for cause, count in lost.items() if count},
        marks=marks,
        ended=any(part.ended for part in parts),
    )

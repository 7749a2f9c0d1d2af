"""From the sensor's counts per cgroup to one profile delta per container."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collector.probe import CgroupCounts
from collector.windows import Window
from wire.profile import ContainerKind, ContainerRef, LossCause, Mark, ProfileDelta

MAX_NGRAMS: Final = 1 << 18
"""Distinct n-grams in one delta, about 6 MiB as sent; the rarest beyond are counted as lost to a quota."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where this agent's deltas come from."""

    node: str
    boot_id: str
    arch: str


def to_delta(
    origin: Origin,
    window: Window,
    container: ContainerRef,
    parts: Sequence[CgroupCounts],
    *,
    ended: bool = False,
) -> ProfileDelta:
    """Join the counts of a container's cgroups.

    Args:
        origin: This agent.
        window: What the counts stand for.
        container: Who it is.
        parts: At least one.
        ended: The container's last process ended within the window.
    """
    ngrams, counts = _joined(parts)
    lost: Counter[LossCause] = Counter()
    for part in parts:
        lost.update(part.lost)
    marks = set()
    if window.partial:
        marks.add(Mark.PARTIAL)
    if any(part.over_quota for part in parts):
        marks.add(Mark.QUOTA)
    if not is_named(container):
        marks.add(Mark.UNIDENTIFIED)
    if ngrams.size > MAX_NGRAMS:
        kept = np.sort(np.argpartition(counts, -MAX_NGRAMS)[-MAX_NGRAMS:])
        lost[LossCause.QUOTA] += int(counts.sum() - counts[kept].sum())
        marks.add(Mark.QUOTA)
        ngrams, counts = ngrams[kept], counts[kept]
    return ProfileDelta(
        node=origin.node,
        boot_id=origin.boot_id,
        container=container,
        start=window.start,
        end=window.end,
        arch=origin.arch,
        ngrams=tuple(ngrams.tolist()),
        counts=tuple(counts.tolist()),
        lost={cause: count for cause, count in lost.items() if count},
        marks=frozenset(marks),
        ended=ended,
    )


def is_named(container: ContainerRef) -> bool:
    """Tell whether the runtime said anything of a container beyond its id."""
    if container.kind is ContainerKind.SANDBOX:
        return True
    return bool(container.name or container.pod or container.image)


def _joined(parts: Sequence[CgroupCounts]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    if len(parts) == 1:
        return parts[0].ngrams, parts[0].counts
    ngrams, places = np.unique(np.concatenate([part.ngrams for part in parts]), return_inverse=True)
    counts = np.zeros(ngrams.size, dtype=np.uint64)
    np.add.at(counts, places, np.concatenate([part.counts for part in parts]))
    return ngrams, counts

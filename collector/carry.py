"""Discarded deltas leave their call counts behind, as a loss in the container's next delta."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from wire.profile import Batch, ContainerRef, LossCause, Mark, ProfileDelta

MAX_OWED: Final = 1_000
"""Containers whose loss one batch may carry without other news of them; beyond, the least are dropped."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What a container's discarded deltas held."""

    container: ContainerRef
    calls: int


def owed_by(batches: Iterable[Batch]) -> dict[str, Owed]:
    """Return what is lost for each container id if these batches are thrown away.

    Calls that the deltas themselves report as lost are part of it: nobody else will report them.
    """
    owed: dict[str, Owed] = {}
    for batch in batches:
        for delta in batch.deltas:
            known = owed.get(delta.container.id)
            calls = delta.calls + delta.lost_calls + delta.lost.get(LossCause.DISCARDED, 0)
            owed[delta.container.id] = Owed(delta.container, calls + (known.calls if known else 0))
    return owed


def carry(batch: Batch, owed: Mapping[str, Owed], used: Collection[tuple[str, int]] = ()) -> Batch:
    """Return the batch with the losses added to it.

    A container with no delta in the batch, perhaps dead by now, gets one of a
    single millisecond at the batch's end, with nothing in it but the loss:
    a name that no counted window of its own can have.

    Args:
        batch: One with at least one delta.
        owed: Losses by container id.
        used: (Container id, start) of such deltas in earlier parts of the same window.
    """
    if not owed:
        return batch
    carried = [
        _with_loss(delta, owed[delta.container.id].calls) if delta.container.id in owed else delta
        for delta in batch.deltas
    ]
    last = batch.deltas[-1]
    for each in _absent(batch, owed)[:MAX_OWED]:
        start = last.end - 1
        while (each.container.id, start) in used:
            start -= 1
        bare = replace(
            last,
            container=each.container,
            start=start,
            end=start + 1,
            ngrams=(),
            counts=(),
            lost={},
            marks=frozenset({Mark.PARTIAL}),
        )
        carried.append(_with_loss(bare, each.calls))
    return replace(batch, deltas=tuple(carried))


def uncarried(batch: Batch, owed: Mapping[str, Owed]) -> list[Owed]:
    """Return the losses that `carry` leaves out, since the batch carries as many as it may."""
    return _absent(batch, owed)[MAX_OWED:]


def _absent(batch: Batch, owed: Mapping[str, Owed]) -> list[Owed]:
    present = {delta.container.id for delta in batch.deltas}
    return sorted((each for id_, each in owed.items() if id_ not in present), key=lambda each: -each.calls)


def _with_loss(delta: ProfileDelta, calls: int) -> ProfileDelta:
    discarded = delta.lost.get(LossCause.DISCARDED, 0) + calls
    return replace(delta, lost={**delta.lost, LossCause.DISCARDED: discarded}) if discarded else delta

"""What one version has learned that another has not: n-grams and system calls."""

from collections.abc import Sequence
from typing import Annotated, Final

import numpy as np
from pydantic import Field
from sqlalchemy.orm import Session

from api.baselines import content
from api.baselines.schemas import BaselineDiffOut, DifferenceOut, NgramCountOut
from api.errors import NotPossibleError
from api.paging import NoQuery
from model.state import BaselineState
from wire.ngram import TOKEN_MASK, names
from wire.syscalls import START, SyscallTable, load_table

_FIRST: Final = 20


class DiffQuery(NoQuery):
    """With which version one is compared."""

    with_: Annotated[
        int, Field(ge=1, lt=1 << 63, alias="with", description="Id of the version taken as the earlier one.")
    ]


def compare(session: Session, before: int, after: int) -> BaselineDiffOut:
    """Return what `after` has learned that `before` has not, and the reverse.

    Raises:
        NotFoundError: One of them does not exist.
        NotPossibleError: What one of them learned is gone, or they are of different architectures.
    """
    old, new = (content.state_of(session, content.find(session, each)) for each in (before, after))
    if old.arch != new.arch:
        msg = f"Expected versions of one architecture; got {old.arch} and {new.arch}."
        raise NotPossibleError(msg)
    return BaselineDiffOut(before=before, after=after, **between(old, new).model_dump())


def between(old: BaselineState, new: BaselineState) -> DifferenceOut:
    """Return what one has learned that an earlier one of the same architecture has not, and the reverse."""
    table = load_table(new.arch)
    added, gone = _without(new, old), _without(old, new)
    known, now = _syscalls(old), _syscalls(new)
    return DifferenceOut(
        common=len(new.ngrams) - len(added),
        new=_show(added, table),
        vanished=_show(gone, table),
        new_syscalls=[table.name(each) for each in sorted(now - known)],
        vanished_syscalls=[table.name(each) for each in sorted(known - now)],
    )


def _without(one: BaselineState, other: BaselineState) -> Sequence[int]:
    """Return the n-grams that one has and the other has not, the most frequent first."""
    alone = ~np.isin(one.ngrams, other.ngrams, assume_unique=True)
    order = np.argsort(-one.counts[alone], kind="stable")
    ngrams: list[int] = one.ngrams[alone][order].tolist()
    return ngrams


def _syscalls(state: BaselineState) -> set[int]:
    """Return the tokens of all calls that were learned: each call is the newest of some n-gram."""
    return set(np.unique(state.ngrams & np.uint64(TOKEN_MASK)).tolist()) - {START}


def _show(ngrams: Sequence[int], table: SyscallTable) -> NgramCountOut:
    first = [names(ngram, table) for ngram in ngrams[:_FIRST]]
    return NgramCountOut(count=len(ngrams), first=first)

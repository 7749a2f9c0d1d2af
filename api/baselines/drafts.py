"""What a wish to learn a workload anew comes to: a preview, or a new version."""

from typing import NamedTuple

from sqlalchemy.orm import Session

from api.baselines import content, relearning, showing
from api.baselines.diff import between
from api.baselines.relearning import Relearning, Stock
from api.baselines.repository import VersionView
from api.baselines.schemas import RelearnedOut, RelearnIn
from api.clock import to_datetime, to_ms
from api.errors import NotPossibleError, existing
from model.state import BaselineState


class Draft(NamedTuple):
    """What was learned anew so far, and what it is compared with."""

    version_id: int
    since_ms: int
    before: BaselineState
    learned: Relearning


def draw_up(session: Session, version_id: int, wish: RelearnIn) -> Draft:
    """Learn all that is kept by now.

    Raises:
        NotFoundError: There is no version of this id.
        NotPossibleError: It is not live, or no window with counts is left since that time.
    """
    view = content.find(session, version_id)
    if view.live is None:
        msg = f"To relearn, expected the live version; version {view.row.number} is at rest."
        raise NotPossibleError(msg)
    since_ms = to_ms(wish.since)
    stock = relearning.take_stock(session, view.workload.id, since_ms)
    if stock.windows == stock.missing:
        msg = f"There is nothing to learn from. {_tell(stock, since_ms)}"
        raise NotPossibleError(msg)
    before = content.state_of(session, view)
    learned = Relearning.of(session, view, since_ms, before.arch)
    learned.read(session)
    return Draft(version_id, since_ms, before, learned)


def preview(session: Session, made: Draft) -> RelearnedOut:
    """Return what a draft would change.

    Raises:
        NotPossibleError: The workload raises alerts, and the new version could not.
    """
    view = content.find(session, made.version_id)
    made.learned.finish()
    relearning.check_enough(view, made.learned.learner)
    stock = relearning.take_stock(session, view.workload.id, made.since_ms)
    return _show(made, view, stock, dry_run=True)


def carry_out(session: Session, made: Draft, *, reason: str, actor: str, now_ms: int) -> RelearnedOut:
    """Make a draft the live version, with what was learned since it was drawn up.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Args:
        session: A write transaction.
        made: The draft.
        reason: Why.
        actor: Who asks.
        now_ms: Now.

    Raises:
        NotPossibleError: What it was learned from has changed, or the workload raises alerts and the new
            version could not.
    """
    view = content.find(session, made.version_id)
    made.learned.read(session)
    made.learned.finish()
    relearning.check_enough(view, made.learned.learner)
    stock = relearning.take_stock(session, view.workload.id, made.since_ms)
    version = relearning.put_live(session, view, made.learned, actor=actor, reason=reason, now_ms=now_ms)
    after = existing(content.find(session, version.id), "the new version")
    return _show(made, after, stock, dry_run=False)


def _show(made: Draft, view: VersionView, stock: Stock, *, dry_run: bool) -> RelearnedOut:
    baseline = made.learned.learner.baseline
    return RelearnedOut(
        dry_run=dry_run,
        windows=baseline.windows_learned,
        missing=stock.missing,
        oldest=None if stock.oldest is None else to_datetime(stock.oldest),
        quarantined=stock.held,
        text=_tell(stock, made.since_ms),
        completeness=baseline.unseen().verdict,
        difference=between(made.before, baseline.state()),
        baseline=showing.show(view),
    )


def _tell(stock: Stock, since_ms: int) -> str:
    since = f"since {to_datetime(since_ms):%Y-%m-%d %H:%M} UTC"
    if not stock.windows:
        return f"No window was learned {since}."
    if not stock.missing:
        text = f"All {stock.windows} windows that were learned {since} have their counts."
    else:
        text = (
            f"Of {stock.windows} windows that were learned {since}, {stock.missing} have no counts any more "
            "(learned_kept_hours)"
        )
        if stock.oldest is not None:
            text += f"; the oldest that has is of {to_datetime(stock.oldest):%Y-%m-%d %H:%M}"
        text += "."
    if stock.held:
        text += f" {stock.held} are quarantined, and no part of it."
    return text

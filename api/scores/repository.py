"""Reads scores with the containers they belong to."""

from typing import Final, NamedTuple

from sqlalchemy import Select, literal, select
from sqlalchemy.orm import Session, defer

from api.db.alert_tables import FindingRow
from api.db.slices import Slice
from api.db.tables import ContainerRow, NodeRow, ScoreRow


class ScoreView(NamedTuple):
    """A score, its container and its node's name."""

    row: ScoreRow
    container: ContainerRow
    node: str


# Most of a row, and read from JSON: a page that does not show them is twice as fast without.
_EXPLAINING: Final = (defer(ScoreRow.contributions), defer(ScoreRow.views))
_UNSEEN: Final = (defer(ContainerRow.labels), defer(ContainerRow.bets))


def _views() -> Select[ScoreRow, ContainerRow, str]:
    return (
        select(ScoreRow, ContainerRow, NodeRow.name)
        .join(ContainerRow, ContainerRow.id == ScoreRow.container_id)
        .join(NodeRow, NodeRow.id == ContainerRow.node_id)
    )


def find(session: Session, score_id: int) -> ScoreView | None:
    """Return one score."""
    row = session.execute(_views().where(ScoreRow.id == score_id)).one_or_none()
    return ScoreView(*row) if row else None


def list_page(
    session: Session,
    page: Slice,
    *,
    workload_id: int | None,
    verdict: str | None,
    quarantined: bool | None,
    suppression_id: int | None,
    explain: bool = True,
) -> list[ScoreView]:
    """Return one page of scores in the order in which they were made, if asked for with what carried them."""
    query = _views().options(*_UNSEEN)
    if not explain:
        query = query.options(*_EXPLAINING)
    if workload_id is not None:
        query = query.where(ScoreRow.workload_id == workload_id)
    if verdict is not None:
        # Written out, since SQLite takes a partial index for no value that comes later.
        query = query.where(ScoreRow.verdict == literal(verdict, literal_execute=True))
    if quarantined is not None:
        query = query.where(ScoreRow.quarantined if quarantined else ~ScoreRow.quarantined)
    if suppression_id is not None:
        silenced = select(FindingRow.score_id).where(FindingRow.suppression_id == suppression_id)
        query = query.where(ScoreRow.id.in_(silenced))
    return [
        ScoreView(*row)
        for row in session.execute(page.of(query, ScoreRow.id, ScoreRow.scored_at, by_time=True))
    ]

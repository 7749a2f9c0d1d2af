"""Reads and writes matches, and what engines report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session, aliased, defer, load_only

from api.db.rule_tables import MatchRow, NodeEngineRow
from api.db.slices import Slice
from api.db.tables import ContainerRow, NodeRow, ScoreRow, WorkloadRow
from wire.match import EngineReport
from wire.profile import AgentStatus

# SQLite takes 32,766 values in a statement, older ones 999.
_CHUNK: Final = 300
_AT: Final = MatchRow.time_ns // 1_000_000
# Made once: an alias that is made anew for each page costs as much as the page's rows.
_EARLIER: Final = aliased(ScoreRow)
# The last one that began before: found at once, however many windows a container has.
_BEGUN: Final = (
    select(_EARLIER.id)
    .where(_EARLIER.container_id == MatchRow.container_id, _EARLIER.start <= _AT)
    .order_by(_EARLIER.start.desc())
    .limit(1)
    .correlate(MatchRow)
    .scalar_subquery()
)
_OF_WINDOWS: Final = load_only(
    ScoreRow.start,
    ScoreRow.end,
    ScoreRow.score,
    ScoreRow.p_value,
    ScoreRow.novelty,
    ScoreRow.verdict,
    ScoreRow.learned,
    ScoreRow.not_unlearned,
)
"""What is shown of the window of a match; all else, read from JSON, would take longer than the match."""


class MatchView(NamedTuple):
    """A match, and where it happened; container and workload are None until the worker took it."""

    row: MatchRow
    node: str
    workload: WorkloadRow | None
    container: ContainerRow | None


def count_pending(session: Session) -> int:
    """Return how many matches wait for the worker."""
    return session.scalar(select(func.count()).select_from(MatchRow).where(MatchRow.outcome.is_(None))) or 0


def find_digests(session: Session, node_id: int, boot_id: str, keys: Sequence[int]) -> dict[int, bytes]:
    """Return the digests of those matches that are known, by their sequence."""
    known: dict[int, bytes] = {}
    for first in range(0, len(keys), _CHUNK):
        rows = session.execute(
            select(MatchRow.sequence, MatchRow.digest).where(
                MatchRow.node_id == node_id,
                MatchRow.boot_id == boot_id,
                MatchRow.sequence.in_(keys[first : first + _CHUNK]),
            )
        )
        known |= {row.sequence: row.digest for row in rows}
    return known


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store new matches in the order given."""
    if rows:
        session.execute(insert(MatchRow), rows)


def find_or_add_node(session: Session, name: str, boot_id: str, now_ms: int) -> NodeRow:
    """Return the node of a batch; its first sign of life may be a match, before any profile."""
    row = session.scalar(select(NodeRow).where(NodeRow.name == name))
    if row is None:
        row = NodeRow(
            name=name,
            boot_id=boot_id,
            agent=asdict(AgentStatus(version="", window_s=0)),
            sent_at=0,
            created_at=now_ms,
            seen_at=now_ms,
            last_end=None,
            deltas=0,
            lost={},
        )
        session.add(row)
        session.flush()
    return row


def write_engine(session: Session, node_id: int, engine: EngineReport, *, sent_at: int, now_ms: int) -> None:
    """Keep what an engine says of itself, unless a newer report is known."""
    row = session.get(NodeEngineRow, node_id)
    if row is None:
        row = NodeEngineRow(node_id=node_id)
        session.add(row)
    elif row.sent_at > sent_at:
        return
    row.ruleset, row.error = engine.ruleset, engine.error
    row.counters, row.sent_at, row.reported_at = dict(engine.counters), sent_at, now_ms
    row.rules = [asdict(each) for each in engine.rules]


def list_page(session: Session, page: Slice, *conditions: ColumnElement[bool]) -> list[MatchView]:
    """Return one page of matches in the order in which they were raised."""
    query = _views().where(*conditions)
    return [
        MatchView(*row)
        for row in session.execute(page.of(query, MatchRow.finding_id, MatchRow.raised_at, by_time=True))
    ]


def list_newest(session: Session, most: int, *conditions: ColumnElement[bool]) -> list[MatchView]:
    """Return the newest matches that were raised and meet the conditions, oldest first."""
    query = _views().where(MatchRow.finding_id.is_not(None), *conditions)
    rows = session.execute(query.order_by(MatchRow.finding_id.desc()).limit(most)).all()
    return [MatchView(*row) for row in reversed(rows)]


def find_windows(session: Session, views: Sequence[MatchView]) -> dict[int, ScoreRow]:
    """Return the score of the window that each match fell into, by the match's id, where there is one."""
    asked = [view.row.id for view in views if view.row.container_id is not None]
    found: dict[int, ScoreRow] = {}
    for first in range(0, len(asked), _CHUNK):
        rows = session.execute(
            select(MatchRow.id, ScoreRow)
            .options(_OF_WINDOWS)
            .select_from(MatchRow)
            .join(ScoreRow, ScoreRow.id == _BEGUN)
            .where(MatchRow.id.in_(asked[first : first + _CHUNK]), ScoreRow.end > _AT)
        )
        found |= {row.id: row.ScoreRow for row in rows}
    return found


def _views() -> Any:  # noqa: ANN401 - the type of a select over four tables says less than MatchView does
    return (
        select(MatchRow, NodeRow.name, WorkloadRow, ContainerRow)
        .join(NodeRow, NodeRow.id == MatchRow.node_id)
        .outerjoin(WorkloadRow, WorkloadRow.id == MatchRow.workload_id)
        .outerjoin(ContainerRow, ContainerRow.id == MatchRow.container_id)
        .options(defer(ContainerRow.labels), defer(ContainerRow.bets))
    )

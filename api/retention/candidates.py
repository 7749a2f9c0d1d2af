"""What may be deleted: nothing of an alert that no person has closed, and no score that is not rolled up.

Readers look for candidates, and nobody waits for them; the writer deletes by id what is still free to go.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, delete, false, func, or_, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from api.alerts.repository import MOST_FINDINGS
from api.db.alert_tables import AlertRow, FindingRow
from api.db.baseline_tables import BaselineVersionRow
from api.db.rule_tables import MatchRow
from api.db.tables import InboxRow, ScoreRow, WorkloadRow
from api.lifecycle import versions
from api.retention.repository import find_mark
from api.standing import UNCLOSED
from api.vocabulary import AlertKind, BaselineState, MatchOutcome

KEEPER: Final = "retention"
"""Who retires versions, in the audit record."""
GIVEN_UP: Final = "The window was held out of learning, and its like did not come often enough."


class Place(NamedTuple):
    """Where a search for candidates goes on: the time and id of the last one found."""

    at: int = -1
    id: int = 0


class Candidate(NamedTuple):
    """Something that may be deleted."""

    at: int
    """By which its age is told, Unix milliseconds."""
    id: int
    start: int
    """Of its window; of all else when it came."""


def _free(*, mark: int) -> ColumnElement[bool]:
    """Scores that are part of the roll-ups and that nothing in use refers to."""
    return and_(
        ScoreRow.id <= mark,
        or_(~ScoreRow.quarantined, ScoreRow.matches > 0),
        ~select(WorkloadRow.id).where(WorkloadRow.last_score_id == ScoreRow.id).exists(),
    )


_NO_FINDING: Final = ~select(FindingRow.id).where(FindingRow.score_id == ScoreRow.id).exists()


def _of_no_unclosed(alert_id: InstrumentedAttribute[int | None]) -> ColumnElement[bool]:
    # By the key of one alert: those that nobody has closed may be more than fit a list.
    held = select(AlertRow.id).where(AlertRow.id == alert_id, UNCLOSED).correlate_except(AlertRow)
    return or_(alert_id.is_(None), ~held.exists())


_FINDING_FREE: Final = _of_no_unclosed(FindingRow.alert_id)
_SETTLED: Final = and_(MatchRow.outcome.is_not(None), MatchRow.outcome != MatchOutcome.WAITING.value)


def _match_free(*, whole: bool) -> ColumnElement[bool]:
    silent = MatchRow.outcome == MatchOutcome.SUPPRESSED.value
    if not whole:
        return and_(_SETTLED, or_(MatchRow.payload.is_(None), silent))
    return and_(_SETTLED, MatchRow.payload.is_not(None), _of_no_unclosed(MatchRow.alert_id))


def find_scores(session: Session, after: Place, *, before_ms: int | None, limit: int) -> list[Candidate]:
    """Return scores without a finding that may go, oldest first; None takes those of every age."""
    query = select(ScoreRow.scored_at, ScoreRow.id, ScoreRow.start).where(
        _free(mark=find_mark(session)), _NO_FINDING, tuple_(ScoreRow.scored_at, ScoreRow.id) > tuple_(*after)
    )
    if before_ms is not None:
        query = query.where(ScoreRow.scored_at < before_ms)
    rows = session.execute(query.order_by(ScoreRow.scored_at, ScoreRow.id).limit(limit))
    return [Candidate(*row) for row in rows]


def delete_scores(session: Session, ids: Sequence[int]) -> list[int]:
    """Delete scores that are still free to go, with the identities of their deltas; return their ids."""
    rows = session.execute(
        select(ScoreRow.id, ScoreRow.inbox_id).where(
            ScoreRow.id.in_(ids), _free(mark=find_mark(session)), _NO_FINDING
        )
    ).all()
    _delete_windows(session, [score_id for score_id, _ in rows], [inbox_id for _, inbox_id in rows])
    return [score_id for score_id, _ in rows]


def find_findings(session: Session, after: Place, *, before_ms: int | None, limit: int) -> list[Candidate]:
    """Return findings of no alert that waits for a person, oldest first."""
    query = (
        select(FindingRow.created_at, FindingRow.id, ScoreRow.start)
        .join(ScoreRow, ScoreRow.id == FindingRow.score_id)
        .where(FindingRow.id > after.id, _FINDING_FREE, _free(mark=find_mark(session)))
    )
    found = [Candidate(*row) for row in session.execute(query.order_by(FindingRow.id).limit(limit))]
    # Ids grow with the time: nothing after the first young one is old, and no index of times is needed.
    return [each for each in found if before_ms is None or each.at < before_ms]


def delete_findings(session: Session, ids: Sequence[int]) -> list[int]:
    """Delete findings that are still free to go, with their windows; return their ids."""
    return _delete_found(
        session,
        select(FindingRow.id, ScoreRow.id, ScoreRow.inbox_id)
        .join(ScoreRow, ScoreRow.id == FindingRow.score_id)
        .where(FindingRow.id.in_(ids), _FINDING_FREE, _free(mark=find_mark(session))),
    )


def find_surplus(session: Session, after: Place, *, before_ms: int | None, limit: int) -> list[Candidate]:
    """Return findings of unclosed alerts beyond the newest of each that REST shows, oldest first."""
    cuts = _cuts().cte().prefix_with("MATERIALIZED")
    query = (
        select(FindingRow.created_at, FindingRow.id, ScoreRow.start)
        .join(cuts, cuts.c.alert_id == FindingRow.alert_id)
        .join(ScoreRow, ScoreRow.id == FindingRow.score_id)
        .where(FindingRow.id <= cuts.c.newest, FindingRow.id > after.id, _free(mark=find_mark(session)))
    )
    if before_ms is not None:
        query = query.where(FindingRow.created_at < before_ms)
    return [Candidate(*row) for row in session.execute(query.order_by(FindingRow.id).limit(limit))]


def delete_surplus(session: Session, ids: Sequence[int]) -> list[int]:
    """Delete findings that are still too many in their alert, with their windows; return their ids."""
    of_these = select(FindingRow.alert_id).where(FindingRow.id.in_(ids))
    cuts = _cuts().where(AlertRow.id.in_(of_these)).cte().prefix_with("MATERIALIZED")
    return _delete_found(
        session,
        select(FindingRow.id, ScoreRow.id, ScoreRow.inbox_id)
        .join(cuts, cuts.c.alert_id == FindingRow.alert_id)
        .join(ScoreRow, ScoreRow.id == FindingRow.score_id)
        .where(FindingRow.id.in_(ids), FindingRow.id <= cuts.c.newest, _free(mark=find_mark(session))),
    )


def _cuts() -> Select[int, int | None]:
    """Return the unclosed alerts of a flood, each with the newest of its findings that is one too many."""
    own = aliased(FindingRow)
    newest = (
        select(own.id)
        .where(own.alert_id == AlertRow.id)
        .order_by(own.id.desc())
        .offset(MOST_FINDINGS)
        .limit(1)
        .correlate(AlertRow)
        .scalar_subquery()
    )
    return select(AlertRow.id.label("alert_id"), newest.label("newest")).where(
        UNCLOSED, AlertRow.kind == AlertKind.ANOMALY.value, AlertRow.findings > MOST_FINDINGS
    )


def _delete_found(session: Session, query: Select[int, int, int]) -> list[int]:
    rows = session.execute(query).all()
    session.execute(delete(FindingRow).where(FindingRow.id.in_([row[0] for row in rows])))
    _delete_windows(session, [row[1] for row in rows], [row[2] for row in rows])
    return [row[0] for row in rows]


def find_matches(
    session: Session, after: Place, *, before_ms: int | None, whole: bool, limit: int
) -> list[Candidate]:
    """Return matches that may go, oldest first: those kept whole, as samples of an alert, or all others.

    Of a match that is not kept whole only the identity is left, which no alert shows.
    """
    query = select(MatchRow.received_at, MatchRow.id, MatchRow.received_at).where(
        _match_free(whole=whole), tuple_(MatchRow.received_at, MatchRow.id) > tuple_(*after)
    )
    if before_ms is not None:
        query = query.where(MatchRow.received_at < before_ms)
    rows = session.execute(query.order_by(MatchRow.received_at, MatchRow.id).limit(limit))
    return [Candidate(*row) for row in rows]


def delete_matches(session: Session, ids: Sequence[int], *, whole: bool) -> list[int]:
    """Delete matches that are still free to go; return their ids."""
    found = session.scalars(select(MatchRow.id).where(MatchRow.id.in_(ids), _match_free(whole=whole))).all()
    session.execute(delete(MatchRow).where(MatchRow.id.in_(found)))
    return list(found)


def find_unscored(session: Session, after: Place, *, before_ms: int | None, limit: int) -> list[Candidate]:
    """Return deltas that were handled and have no score: those of sandboxes, and those set aside."""
    query = select(InboxRow.processed_at, InboxRow.id, InboxRow.start).where(
        InboxRow.id > after.id,
        InboxRow.processed_at.is_not(None),
        ~select(ScoreRow.id).where(ScoreRow.inbox_id == InboxRow.id).exists(),
    )
    if before_ms is not None:
        query = query.where(InboxRow.processed_at < before_ms)
        # Deltas are handled in the order of ids: what came after the first young score is young.
        young = session.scalar(
            select(ScoreRow.inbox_id)
            .where(ScoreRow.scored_at >= before_ms)
            .order_by(ScoreRow.scored_at, ScoreRow.id)
            .limit(1)
        )
        query = query if young is None else query.where(InboxRow.id < young)
    rows = session.execute(query.order_by(InboxRow.id).limit(limit))
    return [Candidate(at or 0, row_id, start) for at, row_id, start in rows]


def delete_unscored(session: Session, ids: Sequence[int]) -> list[int]:
    """Delete deltas that have no score; return their ids."""
    session.execute(delete(InboxRow).where(InboxRow.id.in_(ids)))
    return list(ids)


def find_counts(session: Session, after: Place, *, before_ms: int, limit: int) -> list[Candidate]:
    """Return windows handled before a time whose counts are kept; quarantined ones keep theirs."""
    rows = session.execute(
        select(InboxRow.processed_at, InboxRow.id, InboxRow.start)
        .where(
            InboxRow.payload.is_not(None),
            InboxRow.processed_at < before_ms,
            InboxRow.error.is_(None),
            tuple_(InboxRow.processed_at, InboxRow.id) > tuple_(*after),
            ~select(ScoreRow.id).where(ScoreRow.inbox_id == InboxRow.id, ScoreRow.quarantined).exists(),
        )
        .order_by(InboxRow.processed_at, InboxRow.id)
        .limit(limit)
    )
    return [Candidate(at or 0, row_id, start) for at, row_id, start in rows]


def delete_counts(session: Session, ids: Sequence[int]) -> list[int]:
    """Drop the counts of windows, and keep the windows; return their ids."""
    session.execute(update(InboxRow).where(InboxRow.id.in_(ids)).values(payload=None))
    return list(ids)


def end_quarantine(session: Session, before_ms: int) -> None:
    """Give up the windows that waited for their release since before a time."""
    session.execute(
        update(ScoreRow)
        .where(ScoreRow.quarantined, ScoreRow.scored_at < before_ms)
        .values(quarantined=False, not_learned=GIVEN_UP)
    )


class Versions(NamedTuple):
    """Which stale versions of each workload are kept."""

    rollback: int
    """The newest so many stay, however old."""
    most: int
    """At most so many; 0 is no limit."""


def find_versions(
    session: Session,
    after: Place,
    *,
    before_ms: int | None,
    limit: int,
    kept: Versions,
    among: Sequence[int] | None = None,
) -> list[Candidate]:
    """Return stale versions that may go: too old, or too many of one workload; oldest first.

    Args:
        session: A transaction.
        after: Where the search goes on.
        before_ms: Those that became stale before this time are too old.
        limit: Most that are returned.
        kept: How many of each workload stay.
        among: Only of these; None looks at all.
    """
    place = (
        func.row_number()
        .over(
            partition_by=BaselineVersionRow.workload_id,
            order_by=(BaselineVersionRow.changed_at.desc(), BaselineVersionRow.number.desc()),
        )
        .label("place")
    )
    known = select(
        BaselineVersionRow.id, BaselineVersionRow.workload_id, BaselineVersionRow.changed_at, place
    ).where(BaselineVersionRow.state == BaselineState.STALE.value)
    if among is not None:
        of_workloads = select(BaselineVersionRow.workload_id).where(BaselineVersionRow.id.in_(among))
        known = known.where(BaselineVersionRow.workload_id.in_(of_workloads))
    stale = known.subquery()
    # An alert was raised by the version that was live when it opened, which became stale after that.
    judged = select(AlertRow.id).where(
        AlertRow.workload_id == stale.c.workload_id,
        AlertRow.kind == AlertKind.ANOMALY.value,
        UNCLOSED,
        AlertRow.created_at <= stale.c.changed_at,
    )
    surplus = stale.c.place > kept.most if kept.most else false()
    old = stale.c.changed_at < before_ms if before_ms is not None else false()
    query = select(stale.c.changed_at, stale.c.id, stale.c.changed_at).where(
        stale.c.place > kept.rollback,
        or_(surplus, old),
        ~judged.exists(),
        tuple_(stale.c.changed_at, stale.c.id) > tuple_(*after),
    )
    if among is not None:
        query = query.where(stale.c.id.in_(among))
    rows = session.execute(query.order_by(stale.c.changed_at, stale.c.id).limit(limit))
    return [Candidate(*row) for row in rows]


def retire_versions(
    session: Session, ids: Sequence[int], *, before_ms: int, kept: Versions, now_ms: int
) -> list[int]:
    """Delete what versions had learned that are still free to go; their records stay. Return their ids."""
    free = find_versions(session, Place(), before_ms=before_ms, limit=len(ids), kept=kept, among=ids)
    for each in free:
        version = session.get_one(BaselineVersionRow, each.id)
        old = version.changed_at < before_ms
        reason = (
            "It was stale for longer than stale_version_days."
            if old
            else "The workload has more stale versions than stale_versions."
        )
        versions.retire(session, version, actor=KEEPER, reason=reason, now_ms=now_ms)
    return [each.id for each in free]


def _delete_windows(session: Session, scores: Sequence[int], deltas: Sequence[int]) -> None:
    session.execute(delete(ScoreRow).where(ScoreRow.id.in_(scores)))
    session.execute(delete(InboxRow).where(InboxRow.id.in_(deltas)))

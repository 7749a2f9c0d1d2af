"""Decides what is shown of matches."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from api.attack import read_attack
from api.clock import to_datetime
from api.db.alert_tables import AlertRow
from api.db.rule_tables import MatchRow
from api.db.tables import ScoreRow
from api.falco.shape import to_falco
from api.matches import repository
from api.matches.repository import MatchView
from api.matches.schemas import AttackOut, MatchOut, MatchQuery, ProcessOut, WindowOut
from api.scores.service import show_container
from api.vocabulary import level_of, priorities_of
from wire.match import Priority, SignatureMatch, decode_match

_NEAR_MOST = 100


def list_page(session: Session, query: MatchQuery) -> list[MatchOut]:
    """Return one page of matches."""
    return show_all(session, repository.list_page(session, query.slice(), *_conditions(query)))


def list_falco(session: Session, query: MatchQuery) -> tuple[list[dict[str, Any]], int]:
    """Return one page of matches in Falco's shape, and the position after its last one.

    Only matches that are whole are among them: of a flood, an alert's samples.
    """
    page = query.slice()
    # What is suppressed raised no alert.
    conditions = (*_conditions(query), MatchRow.payload.is_not(None), MatchRow.suppression_id.is_(None))
    views = repository.list_page(session, page, *conditions)
    alerts = [to_falco(match) for view in views if (match := _payload(view.row))]
    return alerts, (views[-1].row.finding_id or 0) if views else page.after


def falco_of(session: Session, row_id: int | None) -> dict[str, Any] | None:
    """Return a match in Falco's shape; None where it is no longer kept whole."""
    row = session.get(MatchRow, row_id) if row_id is not None else None
    match = _payload(row) if row else None
    return to_falco(match) if match else None


def of_alert(session: Session, alert_id: int) -> list[MatchOut]:
    """Return the samples of an alert, oldest first."""
    views = repository.list_newest(
        session, _NEAR_MOST, MatchRow.alert_id == alert_id, MatchRow.payload.is_not(None)
    )
    return show_all(session, views)


def near(session: Session, alert: AlertRow, gap_ms: int) -> list[MatchOut]:
    """Return the newest matches of an alert's workload that lie within a gap of its windows, oldest first."""
    views = repository.list_newest(
        session,
        _NEAR_MOST,
        MatchRow.workload_id == alert.workload_id,
        MatchRow.time_ns >= (alert.start - gap_ms) * 1_000_000,
        MatchRow.time_ns < (alert.end + gap_ms) * 1_000_000,
    )
    return show_all(session, views)


def of_rows(session: Session, row_ids: Sequence[int]) -> dict[int, MatchOut]:
    """Return matches by the ids of their rows."""
    if not row_ids:
        return {}
    views = repository.list_newest(session, len(row_ids), MatchRow.id.in_(row_ids))
    return {view.row.id: shown for view, shown in zip(views, show_all(session, views), strict=True)}


def show_all(session: Session, views: Sequence[MatchView]) -> list[MatchOut]:
    """Return matches as REST shows them, each with its window where that was scored."""
    windows = repository.find_windows(session, views)
    return [_show(view, windows.get(view.row.id)) for view in views]


def _conditions(query: MatchQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.workload is not None:
        conditions.append(MatchRow.workload_id == query.workload)
    if query.rule is not None:
        conditions.append(MatchRow.rule == query.rule)
    if query.alert is not None:
        conditions.append(MatchRow.alert_id == query.alert)
    if query.suppression is not None:
        conditions.append(MatchRow.suppression_id == query.suppression)
    if query.level is not None:
        conditions.append(MatchRow.priority.in_([each.value for each in priorities_of(query.level)]))
    return conditions


def _payload(row: MatchRow) -> SignatureMatch | None:
    return None if row.payload is None else decode_match(row.payload)


def _show(view: MatchView, window: ScoreRow | None) -> MatchOut:
    row, match = view.row, _payload(view.row)
    tags = sorted(match.tags) if match else []
    attack = read_attack(tags)
    priority = Priority(row.priority)
    return MatchOut(
        id=row.finding_id or 0,
        alert_id=row.alert_id,
        suppression=row.suppression_id,
        workload_id=row.workload_id or 0,
        rule=row.rule,
        priority=priority,
        level=level_of(priority),
        source=match.source if match else None,
        tags=tags,
        attack=AttackOut(
            tactics=list(attack.tactics), techniques=list(attack.techniques), version=attack.version
        ),
        time=to_datetime(row.time_ns / 1_000_000),
        time_ns=row.time_ns,
        received_at=to_datetime(row.received_at),
        node=view.node,
        container=show_container(view.container, view.node) if view.container else None,
        whole=match is not None,
        output=match.output if match else None,
        output_fields=dict(match.output_fields) if match else None,
        ancestors=[
            ProcessOut(pid=each.pid, name=each.name, exe=each.exe, cmdline=each.cmdline)
            for each in match.ancestors
        ]
        if match
        else None,
        truncated=list(match.truncated) if match else None,
        ruleset=match.ruleset if match else None,
        open_condition=match.open_condition if match else None,
        window=_show_window(window) if window else None,
    )


def _show_window(row: ScoreRow) -> WindowOut:
    return WindowOut.model_validate(
        {
            "score_id": row.id,
            "start": to_datetime(row.start),
            "end": to_datetime(row.end),
            "score": row.score,
            "p_value": row.p_value,
            "novelty": row.novelty,
            "verdict": row.verdict,
            "learned": row.learned,
            "not_unlearned": row.not_unlearned,
        }
    )

"""Decides what is shown of an alert."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.orm import Session

from api.alerts import repository
from api.alerts.repository import AlertView, FindingView, ToldView
from api.alerts.schemas import (
    AlertConfidenceOut,
    AlertDetailOut,
    AlertFormat,
    AlertOrder,
    AlertOut,
    AlertQuery,
    FindingOut,
)
from api.clock import to_datetime
from api.db.tables import ScoreRow
from api.errors import InvalidError, NotPossibleError, existing
from api.falco.shape import to_falco
from api.falco.telling import anomaly_of
from api.formats import cef, ecs, ocsf
from api.formats.facts import Alert
from api.matches import service as matches
from api.matches.schemas import MatchOut, MatchQuery
from api.scores.repository import ScoreView
from api.scores.service import show, show_container, show_contributions
from api.standing import status_of
from api.vocabulary import AlertKind

_ARCH: Final = "x86_64"
"""Of the names of calls, as in the list of scores."""
_SHAPES: Final[Mapping[AlertFormat, Callable[[Alert], object]]] = {
    AlertFormat.OCSF: ocsf.render,
    AlertFormat.ECS: ecs.render,
    AlertFormat.CEF: cef.render,
}


def list_page(session: Session, query: AlertQuery) -> list[AlertOut]:
    """Return one page of alerts."""
    page = replace(query.slice(), backwards=query.order is AlertOrder.NEWEST)
    views = repository.list_page(session, page, query)
    return _show_all(session, views)


def of_ids(session: Session, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return alerts by id, each as the list shows it, in JSON; one that does not exist is missing."""
    return {each.id: each.model_dump(mode="json") for each in shown(session, ids)}


def shown(session: Session, ids: Collection[int]) -> list[AlertOut]:
    """Return alerts as the list shows them, oldest first; one that does not exist is missing."""
    return _show_all(session, repository.list_of(session, ids))


def list_shaped(
    session: Session, query: AlertQuery, *, default: AlertFormat | None
) -> tuple[Sequence[object], int]:
    """Return one page in another product's shape, and the position after its last entry.

    Args:
        session: Where to read.
        query: What is asked for.
        default: The format where the query names none.

    Raises:
        InvalidError: A filter is set that entries of the format do not have.
    """
    wanted = default if default and query.format is AlertFormat.NONSELF else query.format
    if wanted not in _SHAPES:
        return list_falco(session, query)
    items = list_page(session, query)
    shaped = [_SHAPES[wanted](each.model_dump(mode="json")) for each in items]
    return shaped, items[-1].id if items else query.slice().after


def list_falco(session: Session, query: AlertQuery) -> tuple[list[dict[str, Any]], int]:
    """Return one page of matches, or of windows, in Falco's shape, and the position after its last one.

    Raises:
        InvalidError: A filter is set that they do not have.
    """
    ranked = query.kind is AlertKind.ANOMALY
    usable = {"since", "until", "limit", "cursor", "workload"} | (set() if ranked else {"rule", "level"})
    others = query.model_dump(exclude=usable | {"format", "kind"}, exclude_defaults=True)
    if others:
        names = ", ".join(sorted(usable))
        of = "anomalies" if ranked else "matches"
        msg = f"format: expected no filters of {of} but kind, {names} with format=falco."
        raise InvalidError(msg)
    if ranked:
        page = query.slice()
        told = repository.list_told(session, page, query.workload)
        return [_to_falco(each) for each in told], told[-1].finding.row.id if told else page.after
    wanted = query.model_dump(include=usable)
    return matches.list_falco(session, MatchQuery.model_validate(wanted))


def get_shaped(session: Session, alert_id: int, shape: AlertFormat) -> object:
    """Return one alert in another product's shape; in Falco's, its newest match or window.

    Raises:
        NotFoundError: There is none of this id.
        NotPossibleError: Falco's shape is asked for, and its newest match or window is no longer kept.
    """
    view = existing(repository.find(session, alert_id), f"alert {alert_id}")
    if shape is not AlertFormat.FALCO:
        [alert] = _show_all(session, [view])
        return _SHAPES[shape](alert.model_dump(mode="json"))
    if view.row.kind == AlertKind.SIGNATURE.value:
        told = matches.falco_of(session, view.row.last_match_id)
    else:
        finding = repository.newest_findings(session, [alert_id]).get(alert_id)
        told = _to_falco(ToldView(finding, view.workload)) if finding else None
    if told is None:
        msg = f"What alert {alert_id} was raised by is no longer kept whole."
        raise NotPossibleError(msg)
    return told


def _to_falco(told: ToldView) -> dict[str, Any]:
    row, score, container, node = told.finding
    values = {column.key: getattr(score, column.key) for column in ScoreRow.__table__.columns}
    return to_falco(
        anomaly_of(
            values,
            told.workload,
            container,
            alert_id=row.alert_id or 0,
            finding_id=row.id,
            node=node,
            arch=_ARCH,
        )
    )


def get(session: Session, alert_id: int, window_s: int) -> AlertDetailOut:
    """Return one alert with its windows or matches.

    Raises:
        NotFoundError: There is none of this id.
    """
    view = existing(repository.find(session, alert_id), f"alert {alert_id}")
    windows = [
        FindingOut(
            id=finding.row.id,
            created_at=to_datetime(finding.row.created_at),
            score=show(ScoreView(finding.score, finding.container, finding.node), explain=True),
        )
        for finding in repository.list_findings(session, alert_id)
    ]
    if view.row.kind == AlertKind.SIGNATURE.value:
        listed = matches.of_alert(session, alert_id)
    else:
        listed = matches.near(session, view.row, window_s * 1000)
    [shown] = _show_all(session, [view])
    return AlertDetailOut.model_validate({**shown.model_dump(), "windows": windows, "matches": listed})


def _newest_matches(session: Session, views: Sequence[AlertView]) -> dict[int, MatchOut]:
    return matches.of_rows(session, [row_id for view in views if (row_id := view.row.last_match_id)])


def _show_all(session: Session, views: Sequence[AlertView]) -> list[AlertOut]:
    newest = _newest_matches(session, views)
    ranked = [view.row.id for view in views if view.row.kind == AlertKind.ANOMALY.value]
    windows = repository.newest_findings(session, ranked) if ranked else {}
    return [_show(view, newest.get(view.row.last_match_id or 0), windows.get(view.row.id)) for view in views]


def _show(view: AlertView, match: MatchOut | None, window: FindingView | None) -> AlertOut:
    row, workload = view.row, view.workload
    ranked = row.kind == AlertKind.ANOMALY.value
    container, confidence = match.container if match else None, None
    if window is not None:
        container = show_container(window.container, window.node)
        confidence = AlertConfidenceOut.model_validate(window.score, from_attributes=True)
    shown = {
        "id": row.id,
        "kind": row.kind,
        "status": status_of(row),
        "workload": {
            "id": workload.id,
            "kind": workload.kind,
            "cluster": workload.cluster,
            "namespace": workload.namespace,
            "name": workload.name,
            "container": workload.container,
        },
        "created_at": to_datetime(row.created_at),
        "updated_at": to_datetime(row.updated_at),
        "last_finding_at": to_datetime(row.last_finding_at) if row.last_finding_at is not None else None,
        "start": to_datetime(row.start),
        "end": to_datetime(row.end),
        "findings": row.findings,
        "p_value": row.p_value if ranked else None,
        "score": row.score if ranked else None,
        "contributions": show_contributions(row.contributions),
        "container": container,
        "confidence": confidence,
        "suppression": row.suppression_id,
        "triage": row.triage,
        "verdict": row.verdict,
        "assignee": row.assignee,
        "revision": row.revision,
        "message": row.message,
        "techniques": (row.techniques or "").split(),
        "url": f"/v1/alerts/{row.id}",
        "rule": row.rule,
        "level": row.level,
        "match": match,
    }
    return AlertOut.model_validate(shown)

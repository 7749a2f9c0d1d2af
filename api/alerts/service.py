"""Decides what is shown of an alert."""

from typing import Any

from sqlalchemy.orm import Session

from api.alerts import repository
from api.alerts.repository import AlertView
from api.alerts.schemas import AlertDetailOut, AlertOut, AlertQuery, FindingOut
from api.clock import to_datetime
from api.errors import NotFoundError
from api.scores.repository import ScoreView
from api.scores.service import show, show_contributions


def list_page(session: Session, query: AlertQuery) -> list[AlertOut]:
    """Return one page of alerts."""
    views = repository.list_page(
        session,
        query.slice(),
        workload_id=query.workload,
        status=query.status.value if query.status else None,
    )
    return [AlertOut.model_validate(_show(view)) for view in views]


def get(session: Session, alert_id: int) -> AlertDetailOut:
    """Return one alert with its windows.

    Raises:
        NotFoundError: There is none of this id.
    """
    view = repository.find(session, alert_id)
    if view is None:
        msg = f"There is no alert {alert_id}."
        raise NotFoundError(msg)
    windows = [
        FindingOut(
            id=finding.row.id,
            created_at=to_datetime(finding.row.created_at),
            score=show(ScoreView(finding.score, finding.container, finding.node), explain=True),
        )
        for finding in repository.list_findings(session, alert_id)
    ]
    return AlertDetailOut.model_validate({**_show(view), "windows": windows})


def _show(view: AlertView) -> dict[str, Any]:
    row, workload = view.row, view.workload
    return {
        "id": row.id,
        "kind": row.kind,
        "status": row.status,
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
        "start": to_datetime(row.start),
        "end": to_datetime(row.end),
        "findings": row.findings,
        "p_value": row.p_value,
        "score": row.score,
        "contributions": show_contributions(row.contributions),
    }

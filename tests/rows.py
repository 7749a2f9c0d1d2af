"""Rows as the worker writes them, for tests that need more of them than it could score in time."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from api import standing
from api.db.alert_tables import AlertRow, FindingRow
from api.db.tables import ContainerRow, InboxRow, NodeRow, ScoreRow, WorkloadRow
from tests.service import NOW_MS, WINDOW_MS


@dataclass(frozen=True, kw_only=True)
class Window:
    """One score, with its finding where it has one."""

    workload: int = 1
    start: int
    p_value: float | None = 0.5
    verdict: str = "normal"
    scored_at: int | None = None
    """None: as soon as it has ended."""
    finding: bool = False
    alert: int | None = None
    quarantined: bool = False
    calls: int = 100
    lost: int = 0
    mode: str = "learning"
    learned: bool = False
    windows_per_week: float | None = None
    alpha: float = 1 / 60_480
    contributions: tuple[dict[str, Any], ...] = ()


def add_workloads(session: Session, count: int) -> None:
    """Store a node, and workloads of one container each, with the ids from 1 on."""
    session.add(
        NodeRow(
            id=1,
            name="node-a",
            boot_id="boot-1",
            agent={"window_s": 10},
            sent_at=0,
            created_at=0,
            seen_at=0,
            deltas=0,
            lost={},
        )
    )
    for each in range(1, count + 1):
        session.add(
            WorkloadRow(
                id=each,
                kind="pod",
                cluster="",
                namespace="shop",
                name=f"app{each}",
                container="web",
                identity_source="label",
                mode="enforcement-alert",
                mode_changed_at=0,
                created_at=0,
                windows=0,
            )
        )
        session.flush()
        session.add(
            ContainerRow(
                id=each,
                node_id=1,
                boot_id="boot-1",
                container_id=f"c{each}",
                workload_id=each,
                kind="container",
                runtime="containerd",
                name="web",
                pod=f"app{each}-0",
                namespace="shop",
                pod_uid="",
                image="",
                image_digest="",
                labels={},
                cgroup="",
                seen_from_start=True,
                first_start=0,
                last_end=0,
            )
        )
    session.flush()


def add_alert(session: Session, alert_id: int, *, status: str, workload: int = 1) -> None:
    """Store an alert that has a status of REST."""
    session.add(
        AlertRow(
            id=alert_id,
            workload_id=workload,
            kind="anomaly",
            status=standing.OPEN if status == "open" else standing.PASSED,
            triage="closed" if status == "closed" else "new",
            created_at=NOW_MS,
            updated_at=NOW_MS,
            start=NOW_MS,
            end=NOW_MS,
            findings=1,
            p_value=1e-6,
            score=9.0,
            contributions=[],
        )
    )
    session.flush()


def add_windows(session: Session, windows: list[Window], *, first: int) -> None:
    """Store windows, with scores and deltas of the ids from `first` on."""
    if not windows:
        return
    session.execute(insert(InboxRow), [_delta(each, first + at) for at, each in enumerate(windows)])
    session.execute(insert(ScoreRow), [_score(each, first + at) for at, each in enumerate(windows)])
    findings = [
        {
            "id": first + at,
            "workload_id": each.workload,
            "score_id": first + at,
            "alert_id": each.alert,
            "kind": "anomaly",
            "created_at": _scored_at(each),
        }
        for at, each in enumerate(windows)
        if each.finding
    ]
    if findings:
        session.execute(insert(FindingRow), findings)


def _scored_at(window: Window) -> int:
    return window.start + WINDOW_MS if window.scored_at is None else window.scored_at


def _delta(window: Window, row_id: int) -> dict[str, Any]:
    return {
        "id": row_id,
        "node_id": 1,
        "boot_id": "boot-1",
        "container_id": f"c{window.workload}-{row_id}",
        "start": window.start,
        "digest": b"d" * 32,
        "payload": None,
        "received_at": _scored_at(window),
        "processed_at": _scored_at(window),
    }


def _score(window: Window, row_id: int) -> dict[str, Any]:
    return {
        "id": row_id,
        "inbox_id": row_id,
        "workload_id": window.workload,
        "container_id": window.workload,
        "start": window.start,
        "end": window.start + WINDOW_MS,
        "scored_at": _scored_at(window),
        "mode": window.mode,
        "verdict": window.verdict,
        "score": 12.0,
        "p_value": window.p_value,
        "alpha": window.alpha,
        "resolution": 0.001,
        "extrapolated": False,
        "novelty": 0.0,
        "calls": window.calls,
        "lost": {"quota": window.lost} if window.lost else {},
        "marks": [],
        "evidence": [],
        "learned": window.learned,
        "quarantined": window.quarantined,
        "contributions": list(window.contributions),
        "rest": 0.0,
        "matches": 0,
        "windows_per_week": window.windows_per_week,
    }

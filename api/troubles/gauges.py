"""Gauges of what waits, of what was lost, and of what is wrong, set when `/metrics` is asked."""

import shutil
from pathlib import Path

from sqlalchemy.orm import Session

from api.metrics import Metrics
from api.troubles import repository, sources
from api.troubles.kinds import TroubleKind


def measure(session: Session, metrics: Metrics, now_ms: int) -> None:
    """Set the gauges that are read from the database."""
    oldest = sources.find_oldest_pending(session)
    metrics.set("nonself_inbox_oldest_seconds", max(0, now_ms - oldest) / 1000 if oldest is not None else 0)
    for row in sources.list_nodes(session):
        metrics.set("nonself_node_silent_seconds", max(0, now_ms - row.seen_at) / 1000, node=row.name)
        metrics.set("nonself_node_discarded_deltas", row.agent.get("discarded_deltas", 0), node=row.name)
        for cause, count in row.lost.items():
            metrics.set("nonself_node_lost_calls", count, node=row.name, cause=cause)
    counts = dict.fromkeys(TroubleKind, 0) | repository.count_open(session)
    for kind, count in counts.items():
        metrics.set("nonself_troubles", count, kind=str(kind))
    for level, count in sources.count_open_alerts(session).items():
        metrics.set("nonself_alerts_open", count, level=level)


def measure_disk(folder: Path, metrics: Metrics) -> None:
    """Set the gauges of the file system of a folder; where it cannot be asked, they stay as they were."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return
    metrics.set("nonself_disk_bytes", usage.free, part="free")
    metrics.set("nonself_disk_bytes", usage.used, part="used")

"""Windows of a new image that were held out, and raise an alert since nothing like them returned."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.alert_tables import FindingRow
from api.db.tables import NodeRow, ScoreRow, WorkloadRow
from api.db.upgrade_tables import UpgradeRow
from api.falco.anomaly import Anomaly
from api.falco.telling import anomaly_of
from api.lifecycle import upgrades
from api.vocabulary import Mode
from api.worker import repository
from api.worker.grouping import AlertBook
from api.worker.ledger import Ledgers
from api.worker.repository import Held
from api.worker.suppressing import Suppressions
from api.worker.windows import delta_of

_AT_ONCE: Final = 256
_NEVER_CAME: Final = "The image is new, and nothing like the window returned in time."


@dataclass(frozen=True, slots=True)
class Late:
    """A window that is due."""

    held: Held
    finding: FindingRow


def find(session: Session, upgrade: UpgradeRow, before_ms: int | None) -> list[Late]:
    """Return some windows that are held out of an image's version and began by a time; None: at any time."""
    query = select(ScoreRow.id).where(*upgrades.held(upgrade))
    if before_ms is not None:
        query = query.where(ScoreRow.start <= before_ms)
    ids = session.scalars(query.order_by(ScoreRow.id).limit(_AT_ONCE)).all()
    if not ids:
        return []
    findings = {
        each.score_id: each
        for each in session.scalars(select(FindingRow).where(FindingRow.score_id.in_(ids)))
    }
    held = repository.find_held(session, ids)
    return [Late(each, findings[each.score.id]) for each in held if each.score.id in findings]


def window_ms(session: Session, upgrade: UpgradeRow) -> int | None:
    """Return the length of the newest window that is held out of an image's version; None where none is."""
    newest = select(ScoreRow.end - ScoreRow.start).where(*upgrades.held(upgrade)).order_by(ScoreRow.id.desc())
    return session.scalar(newest.limit(1))


def enter_all(
    session: Session,
    due: Iterable[Late],
    alerts: AlertBook,
    ledgers: Ledgers,
    suppressions: Suppressions,
) -> Iterator[Anomaly]:
    """Let windows raise their alerts, as `enter` does; yield what is told of them."""
    for each in due:
        if told := enter(session, each, alerts, ledgers, suppressions):
            yield told


def enter(
    session: Session, late: Late, alerts: AlertBook, ledgers: Ledgers, suppressions: Suppressions
) -> Anomaly | None:
    """Let a window raise the alert that it would have raised at once; return what is told of it.

    Where a suppression silences it, or the workload learns again, it only is held out no longer.
    """
    score, container, finding = late.held.score, late.held.container, late.finding
    workload = session.get_one(WorkloadRow, score.workload_id)
    score.quarantined, score.not_learned = False, _NEVER_CAME
    row = {
        name: getattr(score, name)
        for name in ("start", "end", "score", "p_value", "alpha", "novelty", "calls", "contributions")
    }
    ledgers.enter(workload, row)
    if workload.mode != Mode.ENFORCEMENT.value:
        return None
    finding.suppression_id = suppressions.of_anomaly(workload.id, score.contributions, finding.unseen or [])
    if finding.suppression_id is not None:
        return None
    node = session.get_one(NodeRow, container.node_id)
    arch = delta_of(late.held.inbox).arch if late.held.inbox.payload else "x86_64"
    alert = alerts.enter(workload, row, arch)
    finding.alert_id = alert.id
    session.flush()
    return anomaly_of(
        row, workload, container, alert_id=alert.id, finding_id=finding.id, node=node.name, arch=arch
    )

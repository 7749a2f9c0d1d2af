"""Decides what is shown of a node."""

from collections import Counter

from sqlalchemy.orm import Session

from api.clock import to_datetime
from api.db.rule_tables import NodeEngineRow
from api.db.tables import NodeRow
from api.nodes import repository
from api.nodes.schemas import EngineOut, NodeOut
from api.paging import PageQuery
from api.rules import repository as rules
from wire.match import RuleState


def list_page(session: Session, query: PageQuery, now_ms: int, window_s: int) -> list[NodeOut]:
    """Return one page of nodes."""
    rows = repository.list_page(
        session,
        query.slice(),
    )
    engines = repository.find_engines(session, [row.id for row in rows])
    digest = rules.read_bundle(session).digest if engines else ""
    return [_show(row, engines.get(row.id), digest, now_ms, window_s) for row in rows]


def _show(row: NodeRow, engine: NodeEngineRow | None, digest: str, now_ms: int, window_s: int) -> NodeOut:
    started_at = row.agent.get("started_at", 0)
    return NodeOut.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "boot_id": row.boot_id,
            "created_at": to_datetime(row.created_at),
            "seen_at": to_datetime(row.seen_at),
            "lag_s": max(0, now_ms - row.seen_at) / 1000,
            "last_end": to_datetime(row.last_end) if row.last_end is not None else None,
            "deltas": row.deltas,
            "lost": row.lost,
            "warning": _warning(row.agent["window_s"], window_s),
            "agent": {**row.agent, "started_at": to_datetime(started_at) if started_at else None},
            "rules": _show_engine(engine, digest) if engine else None,
        }
    )


def _warning(agent_s: float, service_s: int) -> str | None:
    # A node that is known by its rule engine alone has no windows.
    if agent_s in {0, service_s}:
        return None
    return (
        f"The agent's windows last {agent_s:g} seconds and the service is set to {service_s}; "
        "alpha follows the agent's, and baselines compare windows of different lengths."
    )


def _show_engine(row: NodeEngineRow, digest: str) -> EngineOut:
    return EngineOut(
        ruleset=row.ruleset,
        current=row.ruleset == digest,
        error=row.error,
        states=dict(Counter(RuleState(each["state"]) for each in row.rules)),
        counters=row.counters,
        reported_at=to_datetime(row.reported_at),
    )

"""Decides what is shown of a score."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from api.clock import to_datetime
from api.db.tables import ContainerRow
from api.errors import existing
from api.scores import repository
from api.scores.repository import ScoreView
from api.scores.schemas import ContainerOut, ContributionOut, ScoreOut, ScoreQuery
from wire.ngram import is_injected, names
from wire.syscalls import load_table


def list_page(session: Session, query: ScoreQuery) -> list[ScoreOut]:
    """Return one page of scores."""
    views = repository.list_page(
        session,
        query.slice(),
        workload_id=query.workload,
        verdict=query.verdict.value if query.verdict else None,
        quarantined=query.quarantined,
        suppression_id=query.suppression,
    )
    return [show(view, explain=query.explain) for view in views]


def get(session: Session, score_id: int) -> ScoreOut:
    """Return one score with what carried it.

    Raises:
        NotFoundError: There is none of this id.
    """
    view = existing(repository.find(session, score_id), f"score {score_id}")
    return show(view, explain=True)


def show(view: ScoreView, *, explain: bool) -> ScoreOut:
    """Return a score as REST shows it."""
    row = view.row
    return ScoreOut.model_validate(
        {
            "id": row.id,
            "workload_id": row.workload_id,
            "container": show_container(view.container, view.node),
            "start": to_datetime(row.start),
            "end": to_datetime(row.end),
            "scored_at": to_datetime(row.scored_at),
            "mode": row.mode,
            "verdict": row.verdict,
            "score": row.score,
            "p_value": row.p_value,
            "phase": row.phase,
            "view": row.view,
            "views": row.views if explain else None,
            "alpha": row.alpha,
            "version_id": row.version_id,
            "resolution": row.resolution,
            "extrapolated": row.extrapolated,
            "novelty": row.novelty,
            "calls": row.calls,
            "matches": row.matches,
            "lost": row.lost,
            "marks": row.marks,
            "evidence": row.evidence,
            "learned": row.learned,
            "quarantined": row.quarantined,
            "not_learned": row.not_learned,
            "not_unlearned": row.not_unlearned,
            "contributions": show_contributions(row.contributions) if explain else None,
            "rest": row.rest if explain else None,
        }
    )


def show_container(row: ContainerRow, node: str) -> ContainerOut:
    """Return a container as REST shows it."""
    return ContainerOut(
        id=row.container_id,
        node=node,
        runtime=row.runtime,
        name=row.name,
        pod=row.pod,
        namespace=row.namespace,
        image=row.image,
        image_digest=row.image_digest,
        seen_from_start=row.seen_from_start,
    )


def show_contributions(stored: Sequence[Mapping[str, Any]], arch: str = "x86_64") -> list[ContributionOut]:
    """Return stored contributions with their calls by name."""
    table = load_table(arch)
    return [
        ContributionOut(
            ngram=hex(each["ngram"]),
            syscalls=names(each["ngram"], table),
            injected=is_injected(each["ngram"]),
            count=each["count"],
            bits=each["bits"],
            baseline_count=each["baseline_count"],
            # Rows of earlier releases have no rank, and as nearest their longest known ending.
            baseline_rank=each.get("baseline_rank"),
            nearest=each["nearest"],
            known_ending=each.get("known_ending"),
        )
        for each in stored
    ]

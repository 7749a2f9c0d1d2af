"""Decides whether a baseline is good enough for a seccomp profile, and says what it lacks."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.tables import InboxRow, ScoreRow, WorkloadRow
from api.errors import InvalidError, NotPossibleError, existing
from api.seccomp.profile import Calls, build_profile, build_resource, known_names, read_calls
from api.seccomp.schemas import LeftOutOut, ProfileFormat, SeccompOut, SeccompQuery
from api.worker.windows import delta_of
from api.workloads.repository import find_baseline
from model import snapshot
from model.summary import BaselineSummary
from model.unseen import CompletenessVerdict

_MOST_QUARANTINED: Final = 200


def export(session: Session, workload_id: int, query: SeccompQuery) -> SeccompOut:
    """Return the profile of a workload.

    Raises:
        NotFoundError: There is no workload of this id.
        InvalidError: `also` names a call that does not exist.
        NotPossibleError: The baseline is not good enough, and `incomplete` was not asked for.
    """
    row = existing(session.get(WorkloadRow, workload_id), f"workload {workload_id}")
    stored = find_baseline(session, workload_id)
    if stored is None:
        msg = "Nothing was learned of this workload yet."
        raise NotPossibleError(msg)
    baseline = snapshot.from_bytes(stored.snapshot)
    summary = baseline.summary()
    lacking, warnings = _lacking(summary), _warnings(summary)
    if lacking and not query.incomplete:
        said = "A profile of it would break the workload; asked for as incomplete it is given all the same."
        msg = f"{' '.join(lacking)} {said}"
        raise NotPossibleError(msg)
    also = _also(query.also, summary.arch)
    calls = read_calls(baseline.state().ngrams.tolist(), summary.arch)
    held = _quarantined(session, workload_id, summary.arch) - calls.names
    profile = build_profile(calls, summary.arch, also)
    allowed = set(profile["syscalls"][0]["names"])
    if query.format is ProfileFormat.RESOURCE:
        profile = build_resource(
            profile,
            name=row.name if row.container in {"", row.name} else f"{row.name}-{row.container}",
            namespace=row.namespace,
            annotations={
                "nonself.io/windows-learned": str(summary.windows_learned),
                "nonself.io/completeness": summary.unseen.verdict.value,
                "nonself.io/arch": summary.arch,
            },
        )
    return SeccompOut(
        workload_id=workload_id,
        format=query.format,
        profile=profile,
        learned=sorted(calls.names),
        exec_only=sorted(calls.injected_only),
        added=sorted(allowed - calls.names),
        left_out=LeftOutOut(quarantined=sorted(held - allowed), unnamed=sorted(calls.unnamed)),
        warnings=[*lacking, *warnings, *_said_of(calls, held - allowed)],
    )


def _lacking(summary: BaselineSummary) -> list[str]:
    lacking = [each.text for each in summary.evidence.reasons]
    if summary.windows_from_start == 0:
        lacking.append("No container was seen from its start, so the calls of starting are missing.")
    return lacking


def _warnings(summary: BaselineSummary) -> list[str]:
    unseen = summary.unseen
    if unseen.verdict is CompletenessVerdict.CONVERGED:
        return []
    share = f"up to {unseen.high:.2%} of future windows"
    said = f"Learning is not complete ({unseen.verdict.value}): {share} may hold a sequence never learned."
    return [said]


def _said_of(calls: Calls, held: frozenset[str]) -> list[str]:
    said = []
    if not calls.compat:
        said.append("A 32-bit call, of which none was learned, ends the process.")
    if calls.unnamed:
        said.append(f"Learned calls without a name are refused: {', '.join(sorted(calls.unnamed))}.")
    if held:
        said.append(f"Calls of quarantined windows are refused: {', '.join(sorted(held))}.")
    said.append(
        "What was learned are calls, also those that the kernel or the runtime's own profile refused: "
        "compare with that profile before you allow more than it does."
    )
    return said


def _also(text: str, arch: str) -> list[str]:
    wanted = [each.strip() for each in text.split(",") if each.strip()]
    if unknown := sorted(set(wanted) - known_names(arch)):
        msg = f"also: expected calls of {arch}, with commas; got {', '.join(unknown)}."
        raise InvalidError(msg)
    return wanted


def _quarantined(session: Session, workload_id: int, arch: str) -> frozenset[str]:
    rows = session.scalars(
        select(InboxRow)
        .join(ScoreRow, ScoreRow.inbox_id == InboxRow.id)
        .where(ScoreRow.workload_id == workload_id, ScoreRow.quarantined, InboxRow.payload.is_not(None))
        .order_by(ScoreRow.id.desc())
        .limit(_MOST_QUARANTINED)
    )
    return frozenset().union(*(read_calls(delta_of(row).ngrams, arch).names for row in rows))

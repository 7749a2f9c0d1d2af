"""Exports a version as a signed bundle, and takes one of a trusted key as a new version: all or nothing."""

import json
from dataclasses import dataclass
from importlib.metadata import version as release
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit import record
from api.baselines import bundle, content, repository, showing
from api.baselines.bundle import BASELINE, TAUGHT_BY, Cause, Opened
from api.baselines.gate import Gate
from api.baselines.report import build
from api.baselines.repository import VersionView
from api.baselines.schemas import VersionOut
from api.clock import to_datetime
from api.db.baseline_tables import BaselineVersionRow, TrustedKeyRow
from api.db.tables import WorkloadRow
from api.errors import DataError, NotPossibleError
from api.keys import repository as keys, service as key_service
from api.keys.schemas import KeyState
from api.lifecycle import versions
from api.lifecycle.provenance import Provenance
from api.settings import ServiceSettings
from api.vocabulary import BaselineState, Origin
from api.worker import repository as workloads
from api.workloads.identity import Source, WorkloadKey
from model import snapshot
from model.baseline import Baseline
from model.errors import ModelError
from model.teachers import Teachers
from wire.errors import UnknownSyscallTableError
from wire.ngram import N
from wire.syscalls import COMPAT_OF, load_table

_Text = Field(max_length=4096)


class _Told(BaseModel):
    """Base of what must stand in a manifest; further members are kept and not read."""

    model_config = ConfigDict(extra="allow", strict=True)


class _Workload(_Told):
    kind: str = _Text
    namespace: str = _Text
    name: str = Field(min_length=1, max_length=4096)
    container: str = _Text
    identity_source: str = _Text


class _Learned(_Told):
    arch: str = _Text
    syscall_table: str = _Text
    n: int
    windows_learned: int = Field(ge=0)


class _Manifest(_Told):
    workload: _Workload
    baseline: _Learned
    provenance: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is done with a bundle that is taken."""

    promote: bool
    reason: str
    namespace: str | None = None
    """Of the workload here; None is that of the bundle."""
    name: str | None = None


def export(
    session: Session,
    version_id: int,
    key: Ed25519PrivateKey,
    settings: ServiceSettings,
    *,
    actor: str,
    now_ms: int,
) -> bytes:
    """Return a version as a signed bundle, and record who asked for it.

    Raises:
        NotFoundError: There is none of this id.
        NotPossibleError: What it learned is gone.
    """
    view = content.find(session, version_id)
    learned = content.read(session, view)
    parts = {BASELINE: learned.snapshot} | ({TAUGHT_BY: learned.taught_by} if learned.taught_by else {})
    manifest = _tell(session, view, settings, actor=actor, now_ms=now_ms)
    made = bundle.write(manifest, parts, key)
    detail = {"workload": view.workload.id, "number": view.row.number, "sha256": bundle.digest(made)}
    record(
        session, now_ms=now_ms, actor=actor, action="baseline.export", target=str(version_id), detail=detail
    )
    return made


def take(
    session: Session, data: bytes, settings: ServiceSettings, wish: Wish, *, actor: str, now_ms: int
) -> VersionOut:
    """Store a bundle's baseline as a new version of its workload; make that where there is none.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        BundleError: It is refused; the sentence and the member `cause` say why.
        NotPossibleError: It was imported before.
    """
    opened = bundle.open_(data)
    signer = _trusted(session, opened, now_ms)
    manifest = bundle.verify(opened)
    told, provenance = _read(manifest)
    baseline = _learned(opened, told)
    workload = _workload(session, told.workload, settings, wish, now_ms)
    _check_fits(session, workload, baseline, told)
    _check_window(provenance, settings)
    digest = bundle.digest(opened.manifest)
    _check_new(session, workload, digest)
    row = versions.begin(session, workload.id, now_ms=now_ms, origin=Origin.IMPORTED)
    row.snapshot, row.taught_by = opened.parts[BASELINE], opened.parts.get(TAUGHT_BY)
    row.windows_learned = baseline.windows_learned
    row.completeness = baseline.unseen().verdict.value
    row.provenance = provenance.to_plain()
    row.manifest = {"sha256": digest, "signed_by": signer.name, "told": manifest}
    session.flush()
    versions.check_ranks(row)
    versions.move(
        session,
        row,
        BaselineState.READY,
        actor=actor,
        reason=f"Imported from a bundle signed by {signer.name!r}: {wish.reason}",
        now_ms=now_ms,
        bundle=digest,
    )
    if wish.promote:
        versions.activate(session, workload, row, actor=actor, reason=wish.reason, now_ms=now_ms)
    return showing.show(content.find(session, row.id))


def _tell(
    session: Session, view: VersionView, settings: ServiceSettings, *, actor: str, now_ms: int
) -> dict[str, Any]:
    """Return the manifest: everything a reader should know before trusting a baseline."""
    report = build(session, view, settings, Gate(), now_ms=now_ms)
    learned = content.read(session, view)
    summary = snapshot.from_bytes(learned.snapshot).summary()
    workload = view.workload
    return {
        "workload": {
            "kind": workload.kind,
            "cluster": workload.cluster,
            "namespace": workload.namespace,
            "name": workload.name,
            "container": workload.container,
            "identity_source": workload.identity_source,
        },
        "baseline": {
            "number": view.row.number,
            "state": view.row.state,
            "arch": summary.arch,
            "syscall_table": bundle.table_digest(load_table(summary.arch)),
            "n": N,
            "windows_learned": summary.windows_learned,
            "windows_from_start": summary.windows_from_start,
            "starts_learned": summary.unseen.starts.learned,
            "calls_learned": summary.calls_learned,
            "distinct_ngrams": summary.distinct_ngrams,
        },
        "images": report.images,
        "kernels": report.kernels,
        "quarantined_windows_left_out": report.quarantined,
        "provenance": learned.provenance.to_plain(),
        "report": json.loads(report.model_dump_json(exclude={"baseline"})),
        "exported": {
            "by": actor,
            "at": to_datetime(now_ms).isoformat(),
            "cluster": settings.cluster,
            "release": release("nonself"),
        },
    }


def _trusted(session: Session, opened: Opened, now_ms: int) -> TrustedKeyRow:
    text = key_service.to_text(opened.public_key)
    row = keys.find_by_bytes(session, opened.public_key)
    if row is None:
        bundle.refuse(Cause.UNKNOWN_KEY, f"The bundle is signed with a key that is not trusted: {text}.")
    state = key_service.state_of(row, now_ms)
    if state is KeyState.REVOKED:
        at = to_datetime(row.revoked_at or 0).isoformat()
        bundle.refuse(Cause.REVOKED_KEY, f"The bundle is signed with the key {row.name!r}, revoked {at}.")
    if state is KeyState.EXPIRED:
        at = to_datetime(row.expires_at or 0).isoformat()
        bundle.refuse(Cause.EXPIRED_KEY, f"The bundle is signed with the key {row.name!r}, expired {at}.")
    return row


def _read(manifest: dict[str, Any]) -> tuple[_Manifest, Provenance]:
    try:
        told = _Manifest.model_validate(manifest)
        return told, Provenance.from_plain(told.provenance)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        bundle.refuse(Cause.MALFORMED, f"The bundle's manifest does not fit: {where}: {first['msg']}.")
    except DataError as error:
        bundle.refuse(Cause.MALFORMED, f"The bundle's manifest does not fit: provenance: {error}")


def _learned(opened: Opened, told: _Manifest) -> Baseline:
    said = told.baseline
    try:
        table = load_table(said.arch)
    except UnknownSyscallTableError:
        known = ", ".join(sorted(COMPAT_OF))
        bundle.refuse(
            Cause.ARCHITECTURE,
            f"The bundle is of architecture {said.arch!r}; this release knows the calls of {known}.",
        )
    ours = bundle.table_digest(table)
    if (said.syscall_table, said.n) != (ours, N):
        bundle.refuse(
            Cause.SYSCALL_TABLE,
            f"The bundle was learned with another syscall table or n: expected table {ours} and n {N}; "
            f"got {said.syscall_table} and {said.n}.",
        )
    try:
        baseline = snapshot.from_bytes(opened.parts[BASELINE])
        Teachers.from_bytes(opened.parts.get(TAUGHT_BY))
    except (ModelError, ValueError) as error:
        bundle.refuse(Cause.SNAPSHOT, f"The bundle's baseline cannot be read: {error}")
    if (baseline.arch, baseline.windows_learned) != (said.arch, said.windows_learned):
        bundle.refuse(
            Cause.SNAPSHOT,
            f"The bundle's manifest speaks of {said.windows_learned} windows of {said.arch}; "
            f"its baseline has {baseline.windows_learned} of {baseline.arch}.",
        )
    return baseline


def _workload(
    session: Session, told: _Workload, settings: ServiceSettings, wish: Wish, now_ms: int
) -> WorkloadRow:
    key = WorkloadKey(
        kind=told.kind,
        cluster=settings.cluster,
        namespace=told.namespace if wish.namespace is None else wish.namespace,
        name=wish.name or told.name,
        container=told.container,
    )
    known = workloads.find_workload(session, key)
    if known is not None:
        return known
    sources = {each.value: each for each in Source}
    source = sources.get(told.identity_source, Source.NONE)
    return workloads.add_workload(session, key, source, settings.default_mode, now_ms)


def _check_fits(session: Session, workload: WorkloadRow, baseline: Baseline, told: _Manifest) -> None:
    live = repository.find_live(session, workload.id)
    if live is None:
        return
    here = snapshot.from_bytes(live.snapshot).arch
    if here != baseline.arch:
        bundle.refuse(
            Cause.ARCHITECTURE,
            f"The bundle is of architecture {told.baseline.arch!r}; "
            f"the workload {told.workload.name!r} runs on {here!r} here.",
        )


def _check_window(provenance: Provenance, settings: ServiceSettings) -> None:
    learned_ms, here_ms = provenance.length_ms, settings.window_s * 1000
    if learned_ms is not None and learned_ms != here_ms:
        bundle.refuse(
            Cause.WINDOW,
            f"The bundle was learned from windows of {learned_ms / 1000:g} s; "
            f"those of this service are {here_ms / 1000:g} s long.",
        )


def _check_new(session: Session, workload: WorkloadRow, digest: str) -> None:
    query = select(BaselineVersionRow.number, BaselineVersionRow.state, BaselineVersionRow.manifest).where(
        BaselineVersionRow.workload_id == workload.id,
        BaselineVersionRow.origin == Origin.IMPORTED.value,
        BaselineVersionRow.state != BaselineState.RETIRED.value,
    )
    for number, state, manifest in session.execute(query):
        if manifest and manifest["sha256"] == digest:
            msg = f"This bundle was imported before: it is version {number}, which is {state}."
            raise NotPossibleError(msg)

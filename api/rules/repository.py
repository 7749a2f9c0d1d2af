"""Reads and writes rule sets, which of them is active, and selections."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.rule_tables import (
    NodeEngineRow,
    RuleActivationRow,
    RuleSelectionRow,
    RuleSetRow,
    RuleTextRow,
)
from api.db.selections import read_selections
from api.db.slices import Slice
from api.db.tables import NodeRow
from wire.bundle import RuleBundle, RuleFile, Selection


class EngineView(NamedTuple):
    """What the engine of a node last said, and the node's name."""

    row: NodeEngineRow
    node: str


def digest_of(text: str) -> str:
    """Return the digest under which a text is stored."""
    return hashlib.sha256(text.encode()).hexdigest()


def find_active(session: Session) -> RuleSetRow | None:
    """Return the active rule set; None where there never was one."""
    return session.scalar(
        select(RuleSetRow)
        .join(RuleActivationRow, RuleActivationRow.rule_set_id == RuleSetRow.id)
        .order_by(RuleActivationRow.id.desc())
        .limit(1)
    )


def find(session: Session, version: int) -> RuleSetRow | None:
    """Return a rule set."""
    return session.get(RuleSetRow, version)


def list_page(session: Session, page: Slice) -> list[RuleSetRow]:
    """Return one page of rule sets, oldest first."""
    return list(session.scalars(page.of(select(RuleSetRow), RuleSetRow.id, RuleSetRow.created_at)))


def read_files(session: Session, row: RuleSetRow | None) -> tuple[RuleFile, ...]:
    """Return the files of a rule set, in their order."""
    if row is None:
        return ()
    digests = [each["digest"] for each in row.files]
    texts = {
        each.digest: each.text
        for each in session.scalars(select(RuleTextRow).where(RuleTextRow.digest.in_(digests)))
    }
    return tuple(RuleFile(name=each["name"], text=texts[each["digest"]]) for each in row.files)


def read_bundle(session: Session) -> RuleBundle:
    """Return what agents are to evaluate now."""
    active = find_active(session)
    return RuleBundle(
        version=active.id if active else 0,
        files=read_files(session, active),
        selections=tuple(read_selections(session)),
    )


def add(
    session: Session,
    files: Sequence[RuleFile],
    *,
    rules: int,
    shipped: bool,
    now_ms: int,
    actor: str,
    comment: str,
) -> RuleSetRow:
    """Store a rule set; it is not active yet."""
    for each in files:
        digest = digest_of(each.text)
        if session.get(RuleTextRow, digest) is None:
            session.add(RuleTextRow(digest=digest, text=each.text))
            session.flush()
    row = RuleSetRow(
        digest=RuleBundle(version=0, files=tuple(files)).digest,
        files=[{"name": each.name, "digest": digest_of(each.text)} for each in files],
        rules=rules,
        shipped=shipped,
        created_at=now_ms,
        actor=actor,
        comment=comment,
    )
    session.add(row)
    session.flush()
    return row


def activate(session: Session, version: int, *, now_ms: int, actor: str, reason: str) -> None:
    """Make a rule set the active one."""
    session.add(RuleActivationRow(rule_set_id=version, created_at=now_ms, actor=actor, reason=reason))
    session.flush()


def replace_selection(
    session: Session, selection: Selection, *, now_ms: int, actor: str, reason: str
) -> RuleSelectionRow:
    """Store a selection as the newest; an older one of the same name and place goes."""
    same = session.scalar(
        select(RuleSelectionRow).where(
            RuleSelectionRow.by == selection.by.value,
            RuleSelectionRow.pattern == selection.pattern,
            RuleSelectionRow.namespace == selection.scope.namespace,
            RuleSelectionRow.workload == selection.scope.workload,
        )
    )
    if same is not None:
        session.delete(same)
        session.flush()
    row = RuleSelectionRow(
        enable=selection.enable,
        by=selection.by.value,
        pattern=selection.pattern,
        namespace=selection.scope.namespace,
        workload=selection.scope.workload,
        created_at=now_ms,
        actor=actor,
        reason=reason,
    )
    session.add(row)
    session.flush()
    return row


def list_engines(session: Session) -> list[EngineView]:
    """Return what every node's engine last said, in the order of the nodes."""
    rows = session.execute(
        select(NodeEngineRow, NodeRow.name)
        .join(NodeRow, NodeRow.id == NodeEngineRow.node_id)
        .order_by(NodeEngineRow.node_id)
    )
    return [EngineView(*row) for row in rows]

"""Decides what is shown of versions and selections, and what may be switched."""

from sqlalchemy.orm import Session

from api.audit import record
from api.clock import to_datetime
from api.db import selections
from api.db.rule_tables import RuleSelectionRow, RuleSetRow
from api.db.tables import WorkloadRow
from api.errors import InvalidError, NotFoundError, existing
from api.paging import PageQuery
from api.rules import repository, versions
from api.rules.schemas import (
    FileOut,
    RuleDiffOut,
    RuleSetOut,
    SelectionIn,
    SelectionOut,
    SelectionsOut,
    UploadOut,
)
from api.rules.versions import Upload
from wire.bundle import MAX_SELECTIONS, By, RuleBundle


def upload(session: Session, wish: Upload, *, dry_run: bool, now_ms: int, actor: str) -> UploadOut:
    """Put a file among the rules, or only say what that would make.

    Raises:
        InvalidError: Name, size, characters or position cannot be.
        RulesError: The rules would not load.
    """
    made = versions.draft(session, wish)
    if dry_run:
        shown = RuleSetOut(
            id=0,
            active=False,
            digest=RuleBundle(version=0, files=made.files).digest,
            files=[FileOut(name=each.name, digest=repository.digest_of(each.text)) for each in made.files],
            rules=made.rules,
            shipped=False,
            created_at=to_datetime(now_ms),
            actor=actor,
            comment=wish.comment,
        )
    else:
        shown = show(session, versions.store(session, made, now_ms=now_ms, actor=actor, comment=wish.comment))
    return UploadOut(dry_run=dry_run, version=shown, warnings=[each.as_json() for each in made.warnings])


def drop(session: Session, name: str, *, reason: str, now_ms: int, actor: str) -> RuleSetOut:
    """Take a file out of the rules.

    Raises:
        NotFoundError: There is none of this name.
        RulesError: The others would not load without it.
    """
    made = versions.draft_without(session, name)
    return show(session, versions.store(session, made, now_ms=now_ms, actor=actor, comment=reason))


def list_versions(session: Session, query: PageQuery) -> list[RuleSetOut]:
    """Return one page of versions."""
    return [show(session, row) for row in repository.list_page(session, query.slice())]


def get_version(session: Session, version: int) -> RuleSetOut:
    """Return one version.

    Raises:
        NotFoundError: There is none of this number.
    """
    return show(session, versions.find(session, version))


def get_file(session: Session, version: int, name: str) -> str:
    """Return the text of a file.

    Raises:
        NotFoundError: There is no such version or file.
    """
    for each in repository.read_files(session, versions.find(session, version)):
        if each.name == name:
            return each.text
    msg = f"Version {version} of the rules has no file {name!r}."
    raise NotFoundError(msg)


def compare(session: Session, before: int, after: int) -> RuleDiffOut:
    """Return what changed between two versions.

    Raises:
        NotFoundError: One of them does not exist.
    """
    old = repository.read_files(session, versions.find(session, before))
    new = repository.read_files(session, versions.find(session, after))
    return RuleDiffOut(before=before, after=after, diff=versions.differences(old, new))


def show(session: Session, row: RuleSetRow) -> RuleSetOut:
    """Return a version as REST shows it."""
    active = repository.find_active(session)
    return RuleSetOut(
        id=row.id,
        active=active is not None and active.id == row.id,
        digest=row.digest,
        files=[FileOut(**each) for each in row.files],
        rules=row.rules,
        shipped=row.shipped,
        created_at=to_datetime(row.created_at),
        actor=row.actor,
        comment=row.comment,
    )


def list_selections(session: Session) -> SelectionsOut:
    """Return all selections."""
    return SelectionsOut(items=[_show_selection(row) for row in selections.list_rows(session)])


def select(session: Session, wish: SelectionIn, *, now_ms: int, actor: str) -> SelectionOut:
    """Switch rules on or off; a pattern that fits none now may fit one that comes later.

    Raises:
        NotFoundError: There is no such workload.
        InvalidError: There are too many selections.
    """
    if wish.workload is not None:
        existing(session.get(WorkloadRow, wish.workload), f"workload {wish.workload}")
    row = repository.replace_selection(
        session, wish.selection(), now_ms=now_ms, actor=actor, reason=wish.reason
    )
    if len(selections.list_rows(session)) > MAX_SELECTIONS:
        msg = f"Expected at most {MAX_SELECTIONS} selections; this would be one more."
        raise InvalidError(msg)
    shown = _show_selection(row)
    detail = shown.model_dump(mode="json", exclude={"id", "created_at", "actor"}, exclude_none=True)
    record(session, now_ms=now_ms, actor=actor, action="rules.select", target=str(row.id), detail=detail)
    return shown


def unselect(session: Session, selection_id: int, *, reason: str, now_ms: int, actor: str) -> SelectionOut:
    """Take a selection back; what it named follows the others, or its file.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = existing(session.get(RuleSelectionRow, selection_id), f"selection {selection_id}")
    shown = _show_selection(row)
    session.delete(row)
    detail = shown.model_dump(mode="json", exclude={"id", "created_at", "actor"}, exclude_none=True)
    record(
        session,
        now_ms=now_ms,
        actor=actor,
        action="rules.unselect",
        target=str(selection_id),
        detail=detail | {"reason": reason},
    )
    return shown


def _show_selection(row: RuleSelectionRow) -> SelectionOut:
    return SelectionOut(
        id=row.id,
        enable=row.enable,
        rule=row.pattern if row.by == By.RULE.value else None,
        tag=row.pattern if row.by == By.TAG.value else None,
        namespace=row.namespace or None,
        workload=row.workload or None,
        created_at=to_datetime(row.created_at),
        actor=row.actor,
        reason=row.reason,
    )

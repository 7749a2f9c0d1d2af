"""Decides how rule sets come to be: a file is uploaded or dropped, all is checked, then it changes."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from api.audit import record
from api.db.rule_tables import RuleSetRow
from api.errors import InvalidError, NotFoundError, RulesError, existing
from api.rules import repository
from api.rules.language import read_rules
from signatures.problems import Problem
from wire.bundle import MAX_FILE_CHARS, MAX_FILES, RuleFile

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.ya?ml")
_NO_NEWLINE: Final = "\n\\ No newline at end of file\n"
_NOT_TEXT: Final = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that somebody wants among the rules."""

    file: RuleFile
    position: int | None = None
    """Place among the files, from 0; None keeps the place of the file it replaces, or is the end."""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A rule set that was checked and would be good."""

    files: tuple[RuleFile, ...]
    rules: int
    warnings: tuple[Problem, ...]


def draft(session: Session, upload: Upload) -> Draft:
    """Return what the active rule set would be with a file in it.

    Raises:
        InvalidError: Its name, size, characters or position cannot be.
        RulesError: The rules would not load; the members say where and why.
    """
    _check_file(upload.file)
    files = list(repository.read_files(session, repository.find_active(session)))
    names = [each.name for each in files]
    position = upload.position
    if upload.file.name in names:
        at = names.index(upload.file.name)
        del files[at]
        position = at if position is None else position
    position = len(files) if position is None else position
    if position > len(files):
        msg = f"position: expected 0 to {len(files)}; got {position}."
        raise InvalidError(msg)
    files.insert(position, upload.file)
    if len(files) > MAX_FILES:
        msg = f"Expected at most {MAX_FILES} files; this would be one more."
        raise InvalidError(msg)
    return check(files)


def draft_without(session: Session, name: str) -> Draft:
    """Return what the active rule set would be without a file.

    Raises:
        NotFoundError: It has no file of this name.
        RulesError: Other files need it.
    """
    files = repository.read_files(session, repository.find_active(session))
    left = [each for each in files if each.name != name]
    if len(left) == len(files):
        msg = f"The active rules have no file {name!r}."
        raise NotFoundError(msg)
    return check(left)


def check(files: Sequence[RuleFile]) -> Draft:
    """Return files that load.

    Raises:
        RulesError: They do not.
    """
    loaded = read_rules(tuple(files))
    if loaded.errors:
        first = loaded.errors[0]
        place = f"{first.place.file}:{first.place.line}:{first.place.column}"
        msg = f"{place}: {first.code.value}: {first.message.rstrip('.')}."
        raise RulesError(
            msg,
            errors=[each.as_json() for each in loaded.errors],
            warnings=[each.as_json() for each in loaded.warnings],
        )
    return Draft(files=tuple(files), rules=len(loaded.rules), warnings=loaded.warnings)


def store(
    session: Session, made: Draft, *, now_ms: int, actor: str, comment: str, shipped: bool = False
) -> RuleSetRow:
    """Store a draft as the next version, and make it the active one; one equal to that changes nothing."""
    active = repository.find_active(session)
    if active is not None and repository.read_files(session, active) == made.files:
        return active
    row = repository.add(
        session,
        made.files,
        rules=made.rules,
        shipped=shipped,
        now_ms=now_ms,
        actor=actor,
        comment=comment,
    )
    repository.activate(session, row.id, now_ms=now_ms, actor=actor, reason=comment)
    detail = {"from": active.id if active else None, "to": row.id, "digest": row.digest, "reason": comment}
    record(session, now_ms=now_ms, actor=actor, action="rules.version", target=str(row.id), detail=detail)
    return row


def roll_to(session: Session, version: int, *, now_ms: int, actor: str, reason: str) -> RuleSetRow:
    """Make an earlier, or later, version the active one again.

    Raises:
        NotFoundError: There is none of this number.
        RulesError: This release no longer loads it.
    """
    row = find(session, version)
    check(repository.read_files(session, row))
    active = repository.find_active(session)
    if active is not None and active.id == version:
        return row
    repository.activate(session, version, now_ms=now_ms, actor=actor, reason=reason)
    detail = {"from": active.id if active else None, "to": version, "reason": reason}
    record(session, now_ms=now_ms, actor=actor, action="rules.activate", target=str(version), detail=detail)
    return row


def find(session: Session, version: int) -> RuleSetRow:
    """Return a rule set.

    Raises:
        NotFoundError: There is none of this number.
    """
    return existing(repository.find(session, version), f"version {version} of the rules")


def differences(before: Sequence[RuleFile], after: Sequence[RuleFile]) -> str:
    r"""Return a unified diff of two rule sets, file by file; empty where they are equal.

    Examples:
        >>> old, new = RuleFile(name="a.yaml", text="- a\n"), RuleFile(name="a.yaml", text="- b\n")
        >>> print(differences([old], [new]), end="")
        --- a/a.yaml
        +++ b/a.yaml
        @@ -1 +1 @@
        -- a
        +- b
    """
    old = {each.name: each.text for each in before}
    new = {each.name: each.text for each in after}
    parts: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        lines = difflib.unified_diff(
            old.get(name, "").splitlines(keepends=True),
            new.get(name, "").splitlines(keepends=True),
            f"a/{name}" if name in old else "/dev/null",
            f"b/{name}" if name in new else "/dev/null",
        )
        parts += (line if line.endswith("\n") else line + _NO_NEWLINE for line in lines)
    return "".join(parts)


def _check_file(file: RuleFile) -> None:
    if not _NAME.fullmatch(file.name):
        msg = (
            "name: expected 1 to 128 letters, digits, '.', '_' and '-' that end in .yaml or .yml; "
            f"got {file.name[:200]!r}."
        )
        raise InvalidError(msg)
    if len(file.text) > MAX_FILE_CHARS:
        msg = f"content: expected at most {MAX_FILE_CHARS} characters; got {len(file.text)}."
        raise InvalidError(msg)
    if _NOT_TEXT.search(file.text):
        msg = "content: expected text without NUL characters and lone surrogates; got one."
        raise InvalidError(msg)

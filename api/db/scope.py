"""What a request may see of the database: nothing until it is known who asks, then what its token may.

Every session that the store opens is narrowed here, and nowhere else (ADR 0085):
a route cannot forget it, and a table that cannot be narrowed is refused, not shown.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Alias, ColumnElement, Select, Table, inspect, or_, select
from sqlalchemy.orm import ORMExecuteState, Session, object_mapper, with_loader_criteria
from sqlalchemy.sql import visitors
from sqlalchemy.sql.base import ExecutableOption
from sqlalchemy.sql.elements import ColumnClause, TextClause

from api.db.tables import Base, WorkloadRow
from api.errors import ForbiddenError

_KEY: Final = "nonself_scope"
_COMPANIONS: Final = frozenset({"audit", "inbox", "nodes", "rollup_marks", "stream_marks"})
"""Tables without a workload, of which a limited token may see what is joined to a row of its own."""
_WRITTEN_BESIDE: Final = frozenset({"audit"})
"""Tables without a workload into which a limited token may write, for what it does to its own."""
_ALONE: Final = frozenset({"rollup_marks", "stream_marks"})
"""Tables of the whole installation that say nothing of anybody's workloads."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Workloads that may be seen: those of some namespaces and some by id; everything where neither is named.

    Examples:
        >>> Scope().limited, Scope(namespaces=frozenset({"shop"})).limited
        (False, True)
        >>> str(Scope(namespaces=frozenset({"shop", "bank"}), workloads=frozenset({7})))
        'namespaces bank, shop and workload 7'
    """

    namespaces: frozenset[str] = frozenset()
    workloads: frozenset[int] = frozenset()

    @property
    def limited(self) -> bool:
        """Whether anything is out of sight."""
        return bool(self.namespaces or self.workloads)

    def covers(self, workload: int, namespace: str) -> bool:
        """Tell whether a workload may be seen, where its rows do not come from a session of the store.

        Examples:
            >>> Scope(namespaces=frozenset({"shop"})).covers(7, "bank"), EVERYTHING.covers(7, "bank")
            (False, True)
        """
        return not self.limited or namespace in self.namespaces or workload in self.workloads

    def __str__(self) -> str:
        parts = [
            f"{noun}{'s' if len(names) > 1 else ''} {', '.join(map(str, sorted(names)))}"
            for noun, names in (("namespace", self.namespaces), ("workload", self.workloads))
            if names
        ]
        return " and ".join(parts) or "everything"


EVERYTHING: Final = Scope()


@dataclass(slots=True)
class Visit:
    """One request on its way through the service."""

    scope: Scope | None = None
    """Null until it is known who asks."""


_visit: ContextVar[Visit | None] = ContextVar("nonself_visit", default=None)


@contextmanager
def visiting() -> Iterator[Visit]:
    """Let what runs within see nothing of the database until the visit has a scope.

    Threads that answer for the request take the visit with them; workers, which serve nobody, have none.
    """
    visit = Visit()
    token = _visit.set(visit)
    try:
        yield visit
    finally:
        _visit.reset(token)


def admit(scope: Scope) -> None:
    """Say what the request at hand may see from now on."""
    visit = _visit.get()
    if visit is not None:
        visit.scope = scope


def narrow(session: Session, *, whole: bool) -> None:
    """Limit a new session to what the request at hand may see.

    Args:
        session: It has read nothing yet.
        whole: For what the service does by itself on behalf of nobody, such as looking up a token.

    Raises:
        RuntimeError: A route reads before it has asked who wants to know; a mistake of ours.
    """
    visit = _visit.get()
    if whole or visit is None:
        return
    if visit.scope is None:
        msg = "A request opened the database before anybody was authenticated."
        raise RuntimeError(msg)
    if visit.scope.limited:
        session.info[_KEY] = visit.scope


def refuse_whole(scope: Scope) -> None:
    """Refuse a request for something of the whole installation.

    Raises:
        ForbiddenError: The scope is limited.
    """
    if scope.limited:
        msg = f"This concerns the whole installation; the token is limited to {scope}."
        raise ForbiddenError(msg)


def apply(state: ORMExecuteState) -> None:
    """Narrow one statement of a session; refuse one that cannot be narrowed."""
    scope: Scope | None = state.session.info.get(_KEY)
    # A column that is loaded late belongs to a row that was seen.
    if scope is None or state.is_column_load:
        return
    if state.is_insert:
        refuse_whole(scope)
    if not state.is_orm_statement:
        refuse_whole(scope)
    found, narrowed = _touched(state.statement), frozenset(_rows())
    if found.text or not found.tables <= narrowed | _COMPANIONS or (found.tables & narrowed) - found.rows:
        refuse_whole(scope)
    if not found.tables & narrowed and not found.tables <= _ALONE:
        refuse_whole(scope)
    state.statement = state.statement.options(*_options(scope, len(narrowed)))


def check_new(session: Session, _context: object, _instances: object) -> None:
    """Refuse rows of a limited session that are new to workloads not its own, before they are written.

    Raises:
        ForbiddenError: One is not; nothing was written.
    """
    scope: Scope | None = session.info.get(_KEY)
    if scope is None:
        return
    rows = _rows()
    for new in (*session.new, *filter(_moved, session.dirty)):
        mapper = object_mapper(new)
        name = mapper.local_table.name  # type: ignore[attr-defined] # a Table, as all of ours
        if name in _WRITTEN_BESIDE:
            continue
        owner = next((each for each in _OWNERS if each in mapper.columns), None)
        of = getattr(new, owner) if owner else None
        if name not in rows or of is None:
            refuse_whole(scope)
        owning = WorkloadRow if owner == "workload_id" else rows["alerts"]
        own = select(owning).where(inspect(owning).columns["id"] == of)
        with session.no_autoflush:
            if session.scalar(own) is None:
                refuse_whole(scope)


def refuse_connection(session: Session) -> None:
    """Refuse the connection below a limited session, where nothing would be narrowed.

    Raises:
        ForbiddenError: The session is limited.
    """
    refuse_whole(session.info.get(_KEY, EVERYTHING))


def _moved(row: object) -> bool:
    """Tell whether a row that was seen is to belong to somebody else."""
    state = inspect(row)
    names = ("namespace",) if isinstance(row, WorkloadRow) else _OWNERS
    return any(state.attrs[each].history.has_changes() for each in names if each in state.mapper.columns)


@dataclass(slots=True)
class _Touched:
    """What a statement asks for."""

    tables: set[str] = field(default_factory=set)
    rows: set[str] = field(default_factory=set)
    """Tables that are named through their row class; only there are conditions added."""
    text: bool = False


def _touched(statement: Any) -> _Touched:  # noqa: ANN401 - any statement
    found = _Touched()
    for element in visitors.iterate(statement):
        if isinstance(element, TextClause):
            found.text = True
        table = element.table if isinstance(element, ColumnClause) else element
        if isinstance(table, Alias):
            table = table.element
        if isinstance(table, Table):
            found.tables.add(table.name)
            if {"parententity", "parentmapper"} & set(element._annotations):  # noqa: SLF001 - no other way
                found.rows.add(table.name)
    return found


_OWNERS: Final = ("workload_id", "alert_id")
"""Columns that say whose a row is; the first of them that a table has counts."""


def _rows() -> dict[str, type[Base]]:
    """Return the classes of rows that belong to a workload, by their tables' names."""
    return {
        mapper.local_table.name: mapper.class_  # type: ignore[attr-defined] # a Table, as all of ours
        for mapper in Base.registry.mappers
        if mapper.class_ is WorkloadRow or any(name in mapper.columns for name in _OWNERS)
    }


@lru_cache(maxsize=256)
def _options(scope: Scope, _tables: int) -> tuple[ExecutableOption, ...]:
    """Return what narrows a statement; made anew once a module has brought more tables."""
    return tuple(
        with_loader_criteria(row, condition, include_aliases=True)
        for row, condition in _conditions(scope).items()
    )


def _conditions(scope: Scope) -> dict[type[Base], ColumnElement[bool]]:
    # Of the tables, not of the rows: these conditions must not be narrowed again.
    workloads, alerts = WorkloadRow.__table__.c, Base.metadata.tables["alerts"].c
    seen = select(workloads.id).where(
        or_(workloads.namespace.in_(scope.namespaces), workloads.id.in_(scope.workloads))
    )
    seen_by: dict[str, Select[tuple[int]]] = {
        "workload_id": seen,
        "alert_id": select(alerts.id).where(alerts.workload_id.in_(seen)),
    }
    own = or_(WorkloadRow.namespace.in_(scope.namespaces), WorkloadRow.id.in_(scope.workloads))
    found: dict[type[Base], ColumnElement[bool]] = {WorkloadRow: own}
    for row in _rows().values():
        columns = row.__mapper__.columns
        if row is not WorkloadRow:
            owner = next(name for name in _OWNERS if name in columns)
            found[row] = columns[owner].in_(seen_by[owner])
    return found

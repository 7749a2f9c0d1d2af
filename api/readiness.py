"""What the service depends on, and whether each part does its work (ADR 0106)."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Final, Literal

from alembic.script import ScriptDirectory
from pydantic import BaseModel, Field
from sqlalchemy import text

from api.core import Core
from api.db.migrate import config
from api.errors import StoreError
from api.push import gauges as push
from api.push.queue import count_channels
from api.troubles import readings, repository as troubles
from api.troubles.kinds import TroubleKind, bounds

_UNASKED: Final = "The database could not be asked."


class State(StrEnum):
    """How a part fares."""

    OK = "ok"
    FAILING = "failing"
    UNUSED = "unused"
    """It is not set up."""
    UNKNOWN = "unknown"
    """Only the database could tell."""


Name = Literal["database", "worker", "push", "falco_output", "kubernetes", "issuer", "disk"]


class DependencyOut(BaseModel):
    """One part that the service needs or uses."""

    name: Name
    required: Annotated[bool, Field(description="While it fails, the service is not ready.")]
    state: State
    said: Annotated[str, Field(description="A sentence on what is wrong; empty where nothing is.")] = ""
    took_ms: Annotated[float | None, Field(description="How long the database took to answer.")] = None
    revision: Annotated[str | None, Field(description="Schema that the database has.")] = None
    known_revision: Annotated[
        str | None, Field(description="Newest schema that this release knows; an older one is migrated.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """All parts, and how many troubles go on by kind."""

    parts: dict[Name, DependencyOut]
    troubles: dict[str, int]

    @property
    def ready(self) -> bool:
        """Whether everything that is required does its work."""
        return all(not each.required or each.state is State.OK for each in self.parts.values())


def look(core: Core) -> Readiness:
    """Ask all parts how they are; nothing outside this host but the database is asked now."""
    database, pushed, wrong = _database(core)
    parts = [database, _worker(core), pushed, *_outside(core), _disk(core)]
    return Readiness(parts={each.name: each for each in parts}, troubles=wrong)


def _database(core: Core) -> tuple[DependencyOut, DependencyOut, dict[str, int]]:
    began = time.perf_counter()
    try:
        with core.store.read(whole=True) as session:
            revision = session.scalar(text("SELECT version_num FROM alembic_version"))
            took_ms = round((time.perf_counter() - began) * 1000, 1)
            said, used = push.trouble(session), count_channels(session)
            wrong = troubles.count_open(session)
    except StoreError as error:
        return (
            _part("database", error.detail, required=True),
            DependencyOut(name="push", required=False, state=State.UNKNOWN, said=_UNASKED),
            {},
        )
    database = _part("database", None, required=True).model_copy(
        update={"took_ms": took_ms, "revision": revision, "known_revision": _newest()}
    )
    return database, _part("push", said, used=used > 0), wrong


@cache
def _newest() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()


def _worker(core: Core) -> DependencyOut:
    return _part("worker", core.worker_trouble(), required=True)


def _outside(core: Core) -> Iterator[DependencyOut]:
    yield _part("falco_output", core.falco.trouble(), used=bool(core.settings.falco_output))
    health = core.kubernetes() if core.kubernetes else None
    yield _part(
        "kubernetes",
        f"The Kubernetes API does not answer: {health.reason}" if health and health.failures else None,
        used=health is not None,
    )
    yield _part("issuer", core.issuer.trouble() if core.issuer else None, used=core.issuer is not None)


def _disk(core: Core) -> DependencyOut:
    try:
        usage = shutil.disk_usage(core.settings.state_dir)
    except OSError as error:
        return _part("disk", f"The file system of the state folder cannot be asked: {error.strerror}.")
    # Where it lies is nobody's business who has no token.
    reading = readings.disk("the state folder", usage.free, usage.total)
    full = bounds(core.settings.window_s)[TroubleKind.DISK].bad(reading.value)
    return _part("disk", reading.said if full else None)


def _part(name: Name, said: str | None, *, required: bool = False, used: bool = True) -> DependencyOut:
    working = State.OK if used else State.UNUSED
    return DependencyOut(
        name=name, required=required, state=State.FAILING if said else working, said=said or ""
    )

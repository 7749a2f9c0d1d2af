"""Where the commands find tokens: behind a service, or in the database of this host."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from api.clock import SystemClock, to_ms
from api.connection import Connection, build, to_json
from api.console import full_name
from api.db.migrate import upgrade, versions
from api.db.scope import Scope
from api.db.store import Store
from api.errors import InvalidError, StartError
from api.settings import ServiceSettings
from api.token_admin.client import Tokens
from api.token_admin.schemas import RevokeTokenIn, RotateTokenIn, SecretOut, TokenIn, TokenOut
from api.token_admin.showing import show
from api.tokens import repository, service
from api.tokens.grant import Grant, Role
from api.workloads.remote import find_workload

_ACTOR = "command line"


class Place(Protocol):
    """Answers as the REST interface does, in JSON."""

    def list(self) -> list[dict[str, Any]]:
        """Return all tokens, oldest first."""
        ...

    def create(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Make a token as `TokenIn` describes it, and return it with its secret."""
        ...

    def rotate(self, name: str, overlap_s: int) -> dict[str, Any]:
        """Give a token another secret, and return it with that."""
        ...

    def revoke(self, name: str, reason: str) -> dict[str, Any]:
        """Let nobody in by a token any more."""
        ...

    def find_workload(self, wanted: str) -> int:
        """Return the id of the one workload that a person means."""
        ...


class RemotePlace:
    """Tokens of a running service, for its admins."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._tokens = connection, Tokens(connection)

    def list(self) -> list[dict[str, Any]]:
        return [to_json(each) for each in self._tokens.list()]

    def create(self, wish: dict[str, Any]) -> dict[str, Any]:
        return dict(to_json(self._tokens.create(build(TokenIn, **wish))))

    def rotate(self, name: str, overlap_s: int) -> dict[str, Any]:
        return dict(to_json(self._tokens.rotate(name, build(RotateTokenIn, overlap_s=overlap_s))))

    def revoke(self, name: str, reason: str) -> dict[str, Any]:
        return dict(to_json(self._tokens.revoke(name, build(RevokeTokenIn, reason=reason))))

    def find_workload(self, wanted: str) -> int:
        return int(find_workload(self._connection, wanted)["id"])


class LocalPlace:
    """Tokens of the database itself, for whoever may open it."""

    def __init__(self, store: Store) -> None:
        self._store, self._clock = store, SystemClock()

    def list(self) -> list[dict[str, Any]]:
        with self._store.read() as session:
            return [_json(show(row, self._clock.now_ms())) for row in service.list_all(session)]

    def create(self, wish: dict[str, Any]) -> dict[str, Any]:
        ends = wish["expires_at"]
        grant = Grant(
            name=wish["name"],
            role=Role(wish["role"]),
            expires_at=to_ms(datetime.fromisoformat(ends)) if ends else None,
            scope=Scope(frozenset(wish["namespaces"]), frozenset(wish["workloads"])),
            node=wish["node"],
        )
        now_ms = self._clock.now_ms()
        with self._store.write() as session:
            row, secret = service.grant_token(session, grant, now_ms=now_ms, actor=_ACTOR)
            return _json(SecretOut(**show(row, now_ms).model_dump(), token=secret))

    def rotate(self, name: str, overlap_s: int) -> dict[str, Any]:
        now_ms = self._clock.now_ms()
        with self._store.write() as session:
            row = service.find(session, name)
            secret = service.rotate(session, row, overlap_ms=overlap_s * 1000, now_ms=now_ms, actor=_ACTOR)
            return _json(SecretOut(**show(row, now_ms).model_dump(), token=secret))

    def revoke(self, name: str, reason: str) -> dict[str, Any]:
        now_ms = self._clock.now_ms()
        with self._store.write() as session:
            service.revoke(session, name=name, now_ms=now_ms, actor=_ACTOR, reason=reason)
            return _json(show(service.find(session, name), now_ms))

    def find_workload(self, wanted: str) -> int:
        with self._store.read() as session:
            rows = repository.list_workloads(session)
        found = [
            row.id
            for row in rows
            if wanted in {str(row.id), full_name(row.namespace, row.name, row.container)}
        ]
        if len(found) != 1:
            msg = f"workload: expected the id or name of one workload; {wanted!r} names {len(found)}."
            raise InvalidError(msg)
        return found[0]


@contextmanager
def local(settings: ServiceSettings) -> Iterator[LocalPlace]:
    """Open the database of this host, which is made where there is none.

    Raises:
        StartError: The database cannot be used, or has another schema than this release.
    """
    try:
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        msg = f"The state folder {settings.state_dir} cannot be written: {error.strerror or error}."
        raise StartError(msg) from error
    current, newest = versions(settings.url)
    if current is None:
        upgrade(settings.url)
    elif current != newest:
        msg = (
            f"The database has schema version {current}, this release needs {newest}; run 'nonself migrate'."
        )
        raise StartError(msg)
    store = Store(settings.url)
    try:
        yield LocalPlace(store)
    finally:
        store.close()


def _json(shown: TokenOut) -> dict[str, Any]:
    return dict(json.loads(shown.model_dump_json()))

"""`nonself token`: works on the database itself, so that it needs neither a service nor a first token."""

import json

from rich.table import Table

from api.clock import SystemClock, to_datetime
from api.console import console, new_table
from api.db.migrate import upgrade, versions
from api.db.store import Store
from api.errors import StartError
from api.settings import ServiceSettings
from api.tokens import service
from api.tokens.service import Role


def run(settings: ServiceSettings, action: str, *, name: str, role: str, as_json: bool) -> None:
    """Create, list or revoke tokens.

    Raises:
        StartError: The database cannot be used, or has another schema than this release.
        InvalidError: The name cannot be used.
        NotFoundError: There is no token to revoke.
    """
    _prepare(settings)
    store, now_ms = Store(settings.url), SystemClock().now_ms()
    try:
        if action == "create":
            with store.write() as session:
                secret = service.create(
                    session, name=name, role=Role(role), now_ms=now_ms, actor="command line"
                )
            print(json.dumps({"name": name, "role": role, "token": secret}) if as_json else secret)  # noqa: T201
        elif action == "revoke":
            with store.write() as session:
                service.revoke(session, name=name, now_ms=now_ms, actor="command line")
        else:
            with store.read() as session:
                rows = service.list_all(session)
            entries = [
                {
                    "name": row.name,
                    "role": row.role,
                    "created_at": to_datetime(row.created_at).isoformat(),
                    "revoked_at": to_datetime(row.revoked_at).isoformat() if row.revoked_at else None,
                }
                for row in rows
            ]
            if as_json:
                print(json.dumps(entries, indent=2))  # noqa: T201 - made for scripts
            else:
                console().print(_table(entries))
    finally:
        store.close()


def _prepare(settings: ServiceSettings) -> None:
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


def _table(entries: list[dict[str, str | None]]) -> Table:
    table = new_table("name", "role", "created", "revoked")
    for each in entries:
        table.add_row(*(value or "" for value in each.values()))
    return table

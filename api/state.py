"""The state folder: held by one service at a time, with the first tokens in files of their own."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from api.core import Core
from api.errors import StartError, StoreError
from api.tokens import service
from api.tokens.service import Role

ADMIN_FILE: Final = "token"
AGENT_FILE: Final = "agent-token"
AGENT_STATE: Final = "agent"
_LOCK: Final = "lock"


@contextmanager
def claimed(state_dir: Path) -> Iterator[None]:
    """Hold the state folder for this process alone; the kernel lets go of it however the process ends.

    Raises:
        StartError: The folder cannot be written, or another instance holds it.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(state_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        reason = error.strerror or str(error)
        msg = f"The state folder {state_dir} cannot be written: {reason}. Choose another with --state-dir."
        raise StartError(msg) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        msg = f"Another nonself service uses the state folder {state_dir.absolute()}."
        raise StartError(msg) from error
    try:
        yield
    finally:
        os.close(lock)


def make_first_tokens(core: Core) -> None:
    """Make sure that the folder holds a working token for its owner and one for this host's agent.

    Raises:
        StartError: They cannot be stored.
    """
    for name, role in ((ADMIN_FILE, Role.ADMIN), (AGENT_FILE, Role.INGEST)):
        path = core.settings.state_dir / name
        try:
            _make_token(core, path, role)
        except OSError as error:
            msg = f"The token file {path} cannot be written: {error.strerror or error}."
            raise StartError(msg) from error
        except StoreError as error:
            raise StartError(error.detail) from error


def _make_token(core: Core, path: Path, role: Role) -> None:
    if path.exists():
        with core.store.read() as session:
            principal = service.authenticate(session, path.read_text().strip(), core.clock.now_ms())
        if principal and principal.role is role:
            return
    # A lost or foreign file is replaced by a new token; its name must be new too.
    name = f"first-{role.value}-{secrets.token_hex(3)}"
    with core.store.write() as session:
        secret = service.create(session, name=name, role=role, now_ms=core.clock.now_ms(), actor="nonself")
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(secret + "\n")
    draft.replace(path)

"""When each token was last used: kept in memory, and written for all of them at once, about once a minute."""

import threading
from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import update

from api.db.access_tables import TokenRow
from api.db.store import Store
from api.errors import StoreError

WRITE_S: Final = 60.0
_log = structlog.get_logger()


class Usage:
    """The newest use of each token that is not in the database yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[int, int] = {}

    def note(self, token_id: int, now_ms: int) -> None:
        """Remember that a token was used."""
        with self._lock:
            self._used[token_id] = now_ms

    def newest(self, token_id: int) -> int | None:
        """Return the use of a token that waits to be written."""
        with self._lock:
            return self._used.get(token_id)

    def write(self, store: Store) -> int:
        """Write what is not written yet in one transaction, and return how many tokens that were.

        Raises:
            StoreError: The database cannot be used; nothing is forgotten.
        """
        with self._lock:
            waiting = dict(self._used)
        if not waiting:
            return 0
        with store.write(whole=True) as session:
            for token_id, used_at in waiting.items():
                session.execute(
                    update(TokenRow)
                    .where(
                        TokenRow.id == token_id,
                        TokenRow.last_used_at.is_(None) | (TokenRow.last_used_at < used_at),
                    )
                    .values(last_used_at=used_at)
                    .execution_options(synchronize_session=False)
                )
        with self._lock:
            for token_id, used_at in waiting.items():
                if self._used.get(token_id) == used_at:
                    del self._used[token_id]
        return len(waiting)


class UsageWriter:
    """The thread that writes when tokens were last used."""

    def __init__(self, usage: Usage, store: Store, every_s: float = WRITE_S) -> None:
        self._usage, self._store, self._every_s = usage, store, every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nonself-usage", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write once more, and end."""
        self._stopping.set()
        self._thread.join()
        self._try()

    def _run(self) -> None:
        wait: Callable[[float], bool] = self._stopping.wait
        while not wait(self._every_s):
            self._try()

    def _try(self) -> None:
        try:
            self._usage.write(self._store)
        except StoreError as error:
            _log.warning("token_use_not_written", reason=error.detail)

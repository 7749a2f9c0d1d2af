"""A service that can be stopped and started again, for connectors that outlive it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.databases import Database
from tests.service import Service, serving


class Restartable:
    """A service on one database, with one process after the other."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._running: AbstractContextManager[Service] | None = None
        self.service = self._start(None)

    def _start(self, before: Service | None) -> Service:
        self._running = serving(self._state_dir, secrets=before.secrets if before else None)
        return self._running.__enter__()

    def stop(self) -> None:
        """Stop it; its address answers no more."""
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None

    def restart(self) -> Service:
        """Start it again, at another address."""
        self.stop()
        self.service = self._start(self.service)
        return self.service


@pytest.fixture
def restartable(tmp_path: Path, database: Database) -> Iterator[Restartable]:
    """A service that can be started again."""
    with database.fresh(tmp_path):
        made = Restartable(tmp_path)
        yield made
        made.stop()


@pytest.fixture
def service(restartable: Restartable) -> Service:
    """A service with the default settings."""
    return restartable.service

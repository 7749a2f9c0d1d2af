"""Fresh databases of the newest schema: SQLite's file is copied, PostgreSQL's made from a template."""

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from api.db.migrate import upgrade
from tests.postgres import Cluster

TEMPLATE = "migrated"


class Database(Protocol):
    """A kind of database, migrated once."""

    kind: str

    def fresh(self, state_dir: Path) -> AbstractContextManager[str]:
        """Give the `database_url` of a new one, until the block ends."""


class Sqlite:
    """A file, copied into each state folder, where a service looks for it by itself."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        upgrade(f"sqlite:///{self._template}")

    @contextmanager
    def fresh(self, state_dir: Path) -> Iterator[str]:
        (state_dir / "nonself.db").write_bytes(self._template.read_bytes())
        yield ""


class Postgresql:
    """A database in a running cluster, of which each new one is a copy."""

    kind = "postgresql"
    _numbers = itertools.count()

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        upgrade(cluster.create(TEMPLATE))

    @contextmanager
    def fresh(self, state_dir: Path) -> Iterator[str]:
        del state_dir
        name = f"test{next(self._numbers)}"
        url = self._cluster.create(name, TEMPLATE)
        try:
            yield url
        finally:
            self._cluster.drop(name)

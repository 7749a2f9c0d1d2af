"""A running service for tests that ask for one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.databases import Database
from tests.service import Service, serving


@pytest.fixture
def open_service(tmp_path: Path, database: Database) -> Iterator[Callable[..., Service]]:
    """Start a service with other settings."""
    with ExitStack() as stack:

        def start(**changes: Any) -> Service:
            return stack.enter_context(serving(tmp_path, database, **changes))

        yield start


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Iterator[Service]:
    """A service for all those tests of a module that leave it as it was."""
    with serving(tmp_path_factory.mktemp("shared"), database) as service:
        yield service


@pytest.fixture
def service(open_service: Callable[..., Service]) -> Service:
    """A service with the default settings."""
    return open_service()

"""The rules that come with a release."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.db.migrate import upgrade
from api.db.store import Store
from api.rules import repository, versions
from api.rules.shipped import read_shipped, seed
from tests.rule_texts import FILES, SHELL
from tests.service import NOW_MS
from wire.bundle import RuleFile

OLD = [RuleFile(name="nonself.yaml", text=SHELL)]
NEW = [RuleFile(name="nonself.yaml", text=SHELL.replace("WARNING", "ERROR"))]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty database."""
    url = f"sqlite:///{tmp_path / 'nonself.db'}"
    upgrade(url)
    made = Store(url)
    yield made
    made.close()


def active(store: Store) -> tuple[int, list[RuleFile]]:
    """Return the version that is active and its files."""
    with store.read() as session:
        bundle = repository.read_bundle(session)
    return bundle.version, list(bundle.files)


def start(store: Store, shipped: list[RuleFile]) -> None:
    """Start a release that ships these."""
    with store.write() as session:
        seed(session, shipped, NOW_MS)


def test_a_new_service_has_the_shipped_rules(store: Store) -> None:
    """The first start makes them version 1; the next changes nothing."""
    start(store, OLD)
    start(store, OLD)

    assert active(store) == (1, OLD)


def test_a_newer_release_renews_them(store: Store) -> None:
    """As long as nobody added rules of their own."""
    start(store, OLD)
    start(store, NEW)

    assert active(store) == (2, NEW)


def test_rules_that_somebody_changed_stay(store: Store) -> None:
    """An upgrade never takes back what a person uploaded."""
    start(store, OLD)
    with store.write() as session:
        made = versions.draft(session, versions.Upload(file=RuleFile(name="own.yaml", text=FILES)))
        versions.store(session, made, now_ms=NOW_MS, actor="soc", comment="")
    start(store, NEW)

    version, files = active(store)
    assert version == 2
    assert [each.name for each in files] == ["nonself.yaml", "own.yaml"]


def test_a_release_without_rules_starts_empty(store: Store) -> None:
    """Nothing is made of nothing."""
    start(store, [])

    assert active(store) == (0, [])


def test_the_installed_rules_load() -> None:
    """What lies in the package is good."""
    shipped = read_shipped()

    assert versions.check(shipped).files == tuple(shipped)

"""What every test may rely on: markers that skip themselves where the machine cannot run them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests import postgres
from tests.databases import Database, Postgresql, Sqlite

# A shared machine may take a second over what takes a millisecond; no test judges time.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

_ALONE = ("kernel", "containers", "slow")
_SYSTEM = Path(__file__).parent / "system"


@pytest.fixture(autouse=True)
def quiet_logs() -> None:
    """Keep log lines out of what a test captures, whatever a command under test configured before."""
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        context_class=dict,
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the whole of the tests that use a service's database run on another one, and some run longer."""
    parser.addoption(
        "--database",
        choices=(Sqlite.kind, Postgresql.kind),
        help="run tests that ask for a database on this one alone; without it all run on sqlite, "
        "and those marked `databases` on postgresql too",
    )
    parser.addoption("--poller-s", type=float, default=12, help="seconds that pollers and writers race")
    parser.addoption(
        "--schema-examples",
        type=int,
        default=0,
        help="cases of each operation that schemathesis makes up for each role; 0 skips that",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a database on each that is due."""
    if "database" not in metafunc.fixturenames:
        return
    wanted = metafunc.config.getoption("--database")
    kinds = [wanted] if wanted else [Sqlite.kind]
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    if "databases" in marks and not wanted:
        kinds.append(Postgresql.kind)
    if "sqlite" in marks:
        kinds = [Sqlite.kind]
    if kinds != [Sqlite.kind]:
        metafunc.parametrize("database", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server of this run's own."""
    if postgres.find_programs() is None:
        pytest.skip(f"needs Debian's postgresql of at least {postgres.OLDEST} (deploy/install.sh dev)")
    with postgres.running() as started:
        yield started


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Gives empty databases of the newest schema, made by the real migrations."""
    return _database(getattr(request, "param", Sqlite.kind), request, tmp_path_factory)


def _database(kind: str, request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Database:
    made: dict[str, Database] = request.session.__dict__.setdefault("nonself_databases", {})
    if kind not in made:
        made[kind] = (
            Postgresql(request.getfixturevalue("cluster"))
            if kind == Postgresql.kind
            else Sqlite(folders.mktemp("database"))
        )
    return made[kind]


def _why_no_kernel() -> str:
    if os.geteuid() != 0:
        return "needs root to load BPF programs"
    if not Path("/sys/kernel/btf/vmlinux").exists():
        return "needs a kernel with BTF (/sys/kernel/btf/vmlinux)"
    if not Path("/usr/lib/python3/dist-packages/bcc").exists():
        return "needs the OS package python3-bpfcc"
    return ""


def _why_no_containers() -> str:
    if os.geteuid() != 0:
        return "needs root to start containers"
    absent = [name for name in ("containerd", "runc", "ctr") if not shutil.which(name)]
    return f"needs {', '.join(absent)}" if absent else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, with the reason; let workers share out the rest by files.

    What uses kernel, containers or whole processes runs one after the other in one worker of pytest-xdist.
    """
    reasons = {"kernel": _why_no_kernel(), "containers": _why_no_containers()}
    for item in items:
        alone = any(item.get_closest_marker(each) for each in _ALONE) or _SYSTEM in item.path.parents
        item.add_marker(pytest.mark.xdist_group("alone" if alone else str(item.path)))
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))

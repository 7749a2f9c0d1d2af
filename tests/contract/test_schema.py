"""The service against its own OpenAPI document: schemathesis, all checks, everybody who may ask."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.engine import events, from_schema

from api.access.failures import Failures
from api.db.scope import Scope
from api.tokens import service as tokens
from api.tokens.service import Role
from tests.databases import Database
from tests.service import INTRUSION, LOOP, NOW_MS, Service, a_delta, a_match, serving

CONFIG: Final = Path(__file__).parents[2] / "schemathesis.toml"
ROLES: Final = (
    "anonymous",
    *(role.value for role in Role),
    "limited-read",
    "limited-triage",
    "limited-admin",
)
BUSY: Final = frozenset({"read", "admin", "limited-admin"})
"""Roles that most of the interface is open to; of the others, most answers are refusals."""
CHANGING: Final = ("POST", "PUT", "DELETE")
SEED: Final = 20261201


class Patient(Failures):
    """Slows nobody down: half of what is tried has a wrong token (test_access_limits.py has the rest)."""

    def wait_s(self, address: str, key: bytes, now_ms: int) -> int:  # noqa: ARG002
        return 0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Iterator[Service]:
    """A service that has learned a workload, and raised an alert of each kind."""
    with serving(tmp_path_factory.mktemp("schema"), database) as service:
        service.core.guard.failures = Patient()
        service.core.worker_trouble = lambda: None
        service.learn(60)
        mode = {"mode": "enforcement-alert", "reason": "test"}
        assert service.put("/v1/workloads/1/mode", mode).status_code == 200
        service.send(a_delta(60, LOOP | INTRUSION))
        service.match(a_match())
        service.worker.drain()
        yield service


@pytest.fixture(scope="module")
def secrets(served: Service) -> dict[str, str]:
    """The tokens of everybody who may ask."""
    found = {role.value: secret for role, secret in served.secrets.items()}
    limit = Scope(namespaces=frozenset({"shop"}))
    with served.core.store.write() as session:
        for role in (Role.READ, Role.TRIAGE, Role.ADMIN):
            name = f"limited-{role}"
            found[name] = tokens.create(
                session, name=name, role=role, now_ms=NOW_MS, actor="test", scope=limit
            )
    return found


def tried(
    served: Service,
    secret: str | None,
    phases: dict[str, int],
    document: dict[str, Any] | None = None,
    methods: Sequence[str] = (),
) -> tuple[list[str], int]:
    """Return what went wrong in these phases, each with so many examples, and how many cases there were."""
    settings = tomllib.loads(CONFIG.read_text("utf-8"))
    settings["hooks"] = str(CONFIG.parent / settings["hooks"])
    settings["seed"], settings["base-url"] = SEED, served.url
    settings["continue-on-failure"] = True
    settings["phases"] = {
        name: {"enabled": name in phases}
        | ({"generation": {"max-examples": phases[name]}} if phases.get(name) else {})
        for name in ("examples", "coverage", "fuzzing", "stateful")
    }
    if secret is not None:
        settings["headers"] = {"Authorization": f"Bearer {secret}"}
    config = SchemathesisConfig.from_dict(settings)
    schema = (
        schemathesis.openapi.from_dict(document, config=config)
        if document
        else schemathesis.openapi.from_url(f"{served.url}/openapi.json", config=config)
    )
    # A stream has no end to wait for; it has tests of its own (test_live_streams.py).
    schema = schema.exclude(path="/v1/events")
    if methods:
        schema = schema.include(method=list(methods))
    wrong: list[str] = []
    cases: Counter[str] = Counter()
    # What its command line runs; its decorators for pytest know neither all phases nor the settings.
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished(phase=phase, recorder=recorder):
                cases[phase.value] += len(recorder.cases)
                failed = (check.failure_info for each in recorder.checks.values() for check in each)
                wrong += [_told(info.failure) for info in failed if info]
            case events.EngineFinished(failures=failures):
                wrong += map(_told, failures)
            case events.NonFatalError(label=label, value=value):
                wrong.append(f"{label}: {value}")
            case events.FatalError(exception=error):
                raise error
    return wrong, cases.total()


def _told(failure: Failure) -> str:
    return f"{failure.operation}: {failure.title}: {failure.message}"


@pytest.mark.parametrize("role", ROLES)
def test_the_service_keeps_to_its_description(served: Service, secrets: dict[str, str], role: str) -> None:
    """Whoever asks for whatever: no server error, no answer that is not described, nothing wrong taken."""
    found, cases = tried(served, secrets.get(role), {"fuzzing": 2 if role in BUSY else 1})

    assert found == []
    assert cases >= 87


def test_every_edge_of_what_changes_things_is_met(served: Service, secrets: dict[str, str]) -> None:
    """The limits of each parameter and member, from both sides, of requests that change or compute."""
    found, cases = tried(served, secrets["admin"], {"coverage": 0}, methods=CHANGING)

    assert found == []
    assert cases > 1000


def test_what_one_answer_names_can_be_asked_next(served: Service, secrets: dict[str, str]) -> None:
    """Chains of requests, as identifiers lead from one to the next, break nothing either."""
    found, cases = tried(served, secrets["admin"], {"stateful": 5})

    assert found == []
    assert cases > 20


def test_an_answer_that_is_not_described_is_found(served: Service, secrets: dict[str, str]) -> None:
    """The same, by a description that leaves something out: what is asked here can fail."""
    document = served.http.get("/openapi.json").json()
    operation = document["paths"]["/v1/workloads"]["get"]
    del operation["responses"]["200"]
    document["paths"] = {"/v1/workloads": {"get": operation}}
    found, _ = tried(served, secrets["read"], {"fuzzing": 2}, document)

    assert any("Undocumented" in each for each in found)


@pytest.mark.parametrize("role", ROLES)
def test_the_service_keeps_to_its_description_for_long(
    served: Service, secrets: dict[str, str], role: str, request: pytest.FixtureRequest
) -> None:
    """All phases and the edges of every operation; `--schema-examples 50` takes some minutes."""
    examples = request.config.getoption("--schema-examples")
    if not examples:
        pytest.skip("only with --schema-examples")
    phases = {"examples": 0, "coverage": 0, "fuzzing": examples, "stateful": examples}
    found, _ = tried(served, secrets.get(role), phases)

    assert found == []

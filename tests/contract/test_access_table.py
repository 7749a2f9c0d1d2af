"""Every route of the service against everybody who may ask: who is let in, and who is told what."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from api.access.failures import Failures
from api.app import create_app
from api.db.scope import Scope
from api.tokens import service as tokens
from api.tokens.service import Role
from tests.service import NOW_MS, Service, serving

NOBODY: Final = ("none", "wrong", "expired", "revoked")
ROLES: Final = (
    "ingest",
    "enrol",
    "read",
    "triage",
    "admin",
    "limited read",
    "limited triage",
    "limited admin",
)
LIMITED: Final = frozenset({"limited read", "limited triage", "limited admin"})
READERS: Final = LIMITED | {"read", "triage", "admin"}
ADMINS: Final = frozenset({"admin", "limited admin"})
TRIAGERS: Final = ADMINS | {"triage", "limited triage"}
ABSENT: Final = "999999"
"""Stands for every id and name in a path, so that whoever is let in is told 404."""


@dataclass(frozen=True)
class Rule:
    """Who may use a route, and how it answers them: bodies are empty objects, ids are of nothing."""

    allowed: frozenset[str]
    status: int

    def expected(self, who: str) -> int:
        """Return the status for somebody."""
        if not self.allowed:
            return self.status
        if who in NOBODY:
            return 401
        return self.status if who in self.allowed else 403


OPEN: Final = frozenset[str]()
INGEST: Final = frozenset({"ingest"})
TABLE: Final = {
    "GET /healthz": Rule(OPEN, 200),
    "GET /livez": Rule(OPEN, 200),
    "GET /readyz": Rule(OPEN, 200),
    "GET /metrics": Rule(OPEN, 200),
    "GET /v1/workloads": Rule(READERS, 200),
    "GET /v1/workloads/{workload_id}": Rule(READERS, 404),
    "PUT /v1/workloads/{workload_id}/mode": Rule(ADMINS, 422),
    "PUT /v1/workloads/{workload_id}/budget": Rule(ADMINS, 422),
    "GET /v1/workloads/{workload_id}/baseline": Rule(READERS, 404),
    "GET /v1/workloads/{workload_id}/baseline/snapshot": Rule(READERS, 404),
    "GET /v1/workloads/{workload_id}/drift": Rule(READERS, 404),
    "GET /v1/workloads/{workload_id}/history": Rule(READERS, 404),
    "GET /v1/workloads/{workload_id}/seccomp": Rule(READERS, 404),
    "POST /v1/workloads/{workload_id}/what-if": Rule(READERS, 404),
    "GET /v1/upgrades": Rule(READERS, 200),
    "GET /v1/upgrades/{upgrade_id}": Rule(READERS, 404),
    "POST /v1/upgrades/{upgrade_id}/approve": Rule(ADMINS, 422),
    "POST /v1/upgrades/{upgrade_id}/reject": Rule(ADMINS, 422),
    "GET /v1/baselines": Rule(READERS, 200),
    "POST /v1/baselines/import": Rule(ADMINS - LIMITED, 422),
    "GET /v1/baselines/{version_id}": Rule(READERS, 404),
    "GET /v1/baselines/{version_id}/history": Rule(READERS, 404),
    "GET /v1/baselines/{version_id}/report": Rule(READERS, 404),
    "GET /v1/baselines/{version_id}/diff": Rule(READERS, 422),
    "GET /v1/baselines/{version_id}/bundle": Rule(ADMINS, 404),
    "POST /v1/baselines/{version_id}/transitions": Rule(ADMINS, 422),
    "POST /v1/baselines/{version_id}/rollback": Rule(ADMINS, 422),
    "POST /v1/baselines/{version_id}/unlearn": Rule(ADMINS, 422),
    "POST /v1/baselines/{version_id}/relearn": Rule(ADMINS, 422),
    "POST /v1/baselines/{version_id}/release": Rule(ADMINS, 422),
    "GET /v1/keys": Rule(READERS - LIMITED, 200),
    "POST /v1/keys": Rule(ADMINS - LIMITED, 422),
    "GET /v1/keys/own": Rule(ADMINS - LIMITED, 200),
    "POST /v1/keys/{key_id}/revoke": Rule(ADMINS - LIMITED, 422),
    "GET /v1/scores": Rule(READERS, 200),
    "GET /v1/scores/{score_id}": Rule(READERS, 404),
    "POST /v1/scores/{score_id}/{step}": Rule(ADMINS, 422),
    "GET /v1/alerts": Rule(READERS, 200),
    "GET /v1/alerts/{alert_id}": Rule(READERS, 404),
    "GET /v1/alerts/changes": Rule(READERS, 200),
    "GET /v1/alerts/counts": Rule(READERS, 200),
    "GET /v1/alerts/series": Rule(READERS, 422),
    "POST /v1/alerts/triage": Rule(TRIAGERS, 422),
    "POST /v1/alerts/{alert_id}/triage": Rule(TRIAGERS, 422),
    "GET /v1/matches": Rule(READERS, 200),
    "GET /v1/channels": Rule(READERS - LIMITED, 200),
    "POST /v1/channels": Rule(ADMINS - LIMITED, 422),
    "GET /v1/channels/{channel_id}": Rule(READERS - LIMITED, 404),
    "PUT /v1/channels/{channel_id}/routing": Rule(ADMINS - LIMITED, 404),
    "POST /v1/channels/{channel_id}/rotate": Rule(ADMINS - LIMITED, 404),
    "POST /v1/channels/{channel_id}/enable": Rule(ADMINS - LIMITED, 404),
    "POST /v1/channels/{channel_id}/disable": Rule(ADMINS - LIMITED, 404),
    "DELETE /v1/channels/{channel_id}": Rule(ADMINS - LIMITED, 404),
    "POST /v1/channels/{channel_id}/test": Rule(ADMINS - LIMITED, 404),
    "GET /v1/channels/{channel_id}/deliveries": Rule(READERS - LIMITED, 404),
    "POST /v1/channels/{channel_id}/redeliver": Rule(ADMINS - LIMITED, 404),
    "POST /v1/channels/{channel_id}/deliveries/{delivery_id}/redeliver": Rule(ADMINS - LIMITED, 404),
    "GET /v1/suppressions": Rule(READERS, 200),
    "POST /v1/suppressions": Rule(ADMINS, 422),
    "POST /v1/suppressions/preview": Rule(READERS, 422),
    "GET /v1/suppressions/{suppression_id}": Rule(READERS, 404),
    "POST /v1/suppressions/{suppression_id}/end": Rule(ADMINS, 422),
    "GET /v1/retention": Rule(READERS - LIMITED, 200),
    "GET /v1/rules": Rule(READERS - LIMITED, 200),
    "POST /v1/rules": Rule(ADMINS - LIMITED, 422),
    "GET /v1/rules/bundle": Rule(INGEST, 200),
    "GET /v1/rules/{name}": Rule(READERS - LIMITED, 404),
    "DELETE /v1/rules/files/{name}": Rule(ADMINS - LIMITED, 404),
    "GET /v1/rules/versions": Rule(READERS - LIMITED, 200),
    "GET /v1/rules/versions/{version}": Rule(READERS - LIMITED, 404),
    "GET /v1/rules/versions/{version}/files/{name}": Rule(READERS - LIMITED, 404),
    "GET /v1/rules/versions/{version}/diff/{other}": Rule(READERS - LIMITED, 404),
    "POST /v1/rules/versions/{version}/activate": Rule(ADMINS - LIMITED, 404),
    "GET /v1/rules/selections": Rule(READERS - LIMITED, 200),
    "POST /v1/rules/selections": Rule(ADMINS - LIMITED, 422),
    "DELETE /v1/rules/selections/{selection_id}": Rule(ADMINS - LIMITED, 404),
    "POST /v1/rules/test": Rule(READERS - LIMITED, 422),
    "POST /v1/rules/what-if": Rule(READERS - LIMITED, 200),
    "GET /v1/nodes": Rule(READERS - LIMITED, 200),
    "GET /v1/troubles": Rule(READERS - LIMITED, 200),
    "GET /v1/troubles/changes": Rule(READERS - LIMITED, 200),
    "POST /v1/enrol": Rule(frozenset({"enrol"}), 422),
    "POST /v1/enrol/rotate": Rule(INGEST, 403),
    "GET /v1/tokens": Rule(ADMINS - LIMITED, 200),
    "POST /v1/tokens": Rule(ADMINS - LIMITED, 422),
    "GET /v1/tokens/{name}": Rule(ADMINS - LIMITED, 404),
    "POST /v1/tokens/{name}/rotate": Rule(ADMINS - LIMITED, 404),
    "POST /v1/tokens/{name}/revoke": Rule(ADMINS - LIMITED, 404),
    "GET /v1/audit": Rule(READERS - LIMITED, 200),
    "POST /v1/ingest/profiles": Rule(INGEST, 415),
    "POST /v1/ingest/matches": Rule(INGEST, 415),
}
PAGES: Final = {"/openapi.json", "/docs", "/docs/oauth2-redirect"}
"""Routes beside the interface: its own description, which holds nothing of anybody."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Service]:
    """A service that is ready."""
    with serving(tmp_path_factory.mktemp("access"), database) as service:
        service.core.worker_trouble = lambda: None
        yield service


@pytest.fixture(scope="module")
def secrets(served: Service) -> dict[str, str]:
    """The tokens of everybody who may ask."""
    found = {role.value: secret for role, secret in served.secrets.items()}
    limit = Scope(namespaces=frozenset({"shop"}))
    with served.core.store.write() as session:
        for role in (Role.READ, Role.TRIAGE, Role.ADMIN):
            found[f"limited {role}"] = tokens.create(
                session, name=f"limited-{role}", role=role, now_ms=NOW_MS, actor="test", scope=limit
            )
        for name in ("expired", "revoked"):
            found[name] = tokens.create(
                session, name=name, role=Role.ADMIN, now_ms=NOW_MS - 10, actor="test", expires_at=NOW_MS
            )
        tokens.revoke(session, name="revoked", now_ms=NOW_MS, actor="test")
    return found | {"wrong": "nonself_admin_" + "A" * 43}


def routes(service: Service) -> set[str]:
    """Return every route of the OpenAPI description."""
    paths: dict[str, Any] = service.http.get("/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}" for path, operations in paths.items() for method in operations}


def mounted(found: Iterable[Any]) -> Iterator[tuple[str, bool]]:
    """Yield the path of every route, also within routers, and whether the description names it."""
    for each in found:
        if hasattr(each, "original_router"):
            yield from mounted(each.original_router.routes)
        else:
            yield each.path, getattr(each, "include_in_schema", False)


def test_every_route_is_in_the_table(served: Service) -> None:
    """Who adds a route says here who may use it; nothing is served beside what the description names."""
    hidden = {path for path, shown in mounted(create_app(served.core).routes) if not shown}

    assert routes(served) == set(TABLE)
    assert hidden == PAGES


@pytest.mark.parametrize("who", [*NOBODY, *ROLES])
def test_everybody_gets_what_the_table_says(served: Service, secrets: dict[str, str], who: str) -> None:
    """Each route answers each role, and whoever has no good token, with the status of the table."""
    answers = {}
    for name in TABLE:
        method, path = name.split(" ")
        filled = "/".join(ABSENT if part.startswith("{") else part for part in path.split("/"))
        # Wrong tokens are slowed down (test_access_limits.py); here each is the first of its address.
        served.core.guard.failures = Failures()
        headers = {} if who == "none" else {"Authorization": f"Bearer {secrets[who]}"}
        body = {} if method in {"POST", "PUT"} else None
        answers[name] = served.http.request(method, filled, json=body, headers=headers).status_code

    assert answers == {name: rule.expected(who) for name, rule in TABLE.items()}

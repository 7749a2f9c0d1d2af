"""Tokens that are limited to a namespace: over no route do they see, count or change another's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import select

from api.db.alert_tables import AlertRow
from api.db.baseline_tables import BaselineVersionRow
from api.db.scope import Scope
from api.db.suppression_tables import SuppressionRow
from api.db.tables import ScoreRow, WorkloadRow
from api.db.upgrade_tables import UpgradeRow
from api.tokens import service as tokens
from api.tokens.service import Role
from tests.service import LOOP, NOW_MS, Service, a_container, a_delta, a_match, serving
from wire.ngram import pack

SHELL: Final = {pack([each, 59, each + 1, 60, 61, each + 2], injected=True): 3 for each in range(100, 160)}
WHY: Final = {"reason": "nightly", "owner": "ops", "days": 30}
BANK: Final = "vault"
"""Stands in every name of what is in namespace `bank`, and in nothing else."""
NO_LISTS: Final = ("/v1/alerts/counts", "/v1/alerts/series", "/v1/events")
"""Not lists: what they say is held by tests of their own, that of streams in test_live_streams.py."""
IDS: Final[dict[str, Any]] = {
    "workload_id": WorkloadRow,
    "alert_id": AlertRow,
    "score_id": ScoreRow,
    "version_id": BaselineVersionRow,
    "suppression_id": SuppressionRow,
    "upgrade_id": UpgradeRow,
}
"""What the ids in paths are of. A new one is added here, or its route refuses limited tokens."""


@dataclass
class Installation:
    """A service in which two namespaces had everything happen to them."""

    service: Service
    secrets: dict[str, str]
    ids: dict[str, dict[str, set[int]]]
    """Of each namespace, by the name that the id has in paths."""

    def ask(self, who: str, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        """Ask as somebody."""
        headers = {"Authorization": f"Bearer {self.secrets[who]}"}
        return self.service.http.request(method, path, headers=headers, **more)


def _live(service: Service, namespace: str, name: str, first_match: int) -> None:
    """Let a workload learn, alert, run a new image, match a rule, and have an alert of it be suppressed."""
    pod = a_container(
        id=name[0] * 64,
        name=name,
        pod=f"{name}-6d4cf56db6-x7k2p",
        namespace=namespace,
        image=f"registry.local/{name}:1",
        image_digest=f"sha256:{name}1",
    )
    service.learn(60, container=pod)
    with service.core.store.read() as session:
        workload = session.scalar(select(WorkloadRow.id).where(WorkloadRow.namespace == namespace))
    wish = {"mode": "enforcement-alert", "reason": name}
    assert service.put(f"/v1/workloads/{workload}/mode", wish).status_code == 200
    assert service.send(a_delta(60, LOOP | SHELL, container=pod)).status_code == 200
    upgraded = replace(pod, image_digest=f"sha256:{name}2")
    assert service.send(a_delta(61, container=upgraded)).status_code == 200
    assert service.match(a_match(first_match, 60, container=pod, output=f"in {name}")).status_code == 200
    service.worker.drain()
    alerts = service.get("/v1/alerts", workload=workload, kind="anomaly").json()["items"]
    benign = {"alert": alerts[0]["id"], "by": "sequences", **WHY, "reason": name}
    assert service.request("POST", "/v1/suppressions", Role.ADMIN, json=benign).status_code == 201


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Installation]:
    """A service with namespaces `shop` and `bank`, and a token for each."""
    with serving(tmp_path_factory.mktemp("two"), database) as service:
        _live(service, "bank", BANK, 1)
        _live(service, "shop", "cart", 2)
        secrets = {"all": service.secrets[Role.READ], "root": service.secrets[Role.ADMIN]}
        with service.core.store.write() as session:
            for namespace in ("shop", "bank"):
                for role in (Role.READ, Role.ADMIN):
                    name = f"{namespace}-{role}"
                    scope = Scope(namespaces=frozenset({namespace}))
                    secrets[name] = tokens.create(
                        session, name=name, role=role, now_ms=NOW_MS, actor="test", scope=scope
                    )
        yield Installation(service, secrets, _ids(service))


def _ids(service: Service) -> dict[str, dict[str, set[int]]]:
    found: dict[str, dict[str, set[int]]] = {"shop": {}, "bank": {}}
    with service.core.store.read() as session:
        of = {row.id: row.namespace for row in session.scalars(select(WorkloadRow))}
        for name, kind in IDS.items():
            for row in session.scalars(select(kind)):
                namespace = of[row.id if kind is WorkloadRow else row.workload_id]
                found[namespace].setdefault(name, set()).add(row.id)
    return found


def gets(two: Installation) -> dict[str, list[dict[str, Any]]]:
    """Return every GET of the interface with its parameters."""
    paths: dict[str, Any] = two.service.http.get("/openapi.json").json()["paths"]
    return {
        path: operations["get"].get("parameters", [])
        for path, operations in paths.items()
        if "get" in operations and path.startswith("/v1/") and path != "/v1/rules/bundle"
    }


def test_both_namespaces_hold_something_of_everything(two: Installation) -> None:
    """Otherwise what follows would show nothing."""
    for namespace in ("shop", "bank"):
        assert set(two.ids[namespace]) == set(IDS)
    assert {each["workload"]["namespace"] for each in two.ask("all", "/v1/alerts").json()["items"]} == {
        "shop",
        "bank",
    }
    assert len(two.ask("all", "/v1/matches").json()["items"]) == 2


@pytest.mark.parametrize("who", ["shop-read", "shop-admin"])
def test_no_list_shows_another_namespace(two: Installation, who: str) -> None:
    """A list is either that of a reader of everything without what is the other's, or refused as a whole."""
    refused = set()
    for path in [path for path in gets(two) if "{" not in path and path not in NO_LISTS]:
        answer = two.ask(who, path, params={"limit": 1000})
        if answer.status_code == 422:
            answer = two.ask(who, path)  # It takes no limit.
        if answer.status_code == 403:
            refused.add(path)
            assert re.search("limited to namespace shop|of role admin", answer.json()["detail"]), path
            continue
        everything = two.ask("all", path, params={"limit": 1000}).json()["items"]
        own = [each for each in everything if not names_bank(two, path, each)]
        assert answer.json()["items"] == own, path
        assert 0 < len(own) < len(everything), path
        assert BANK not in answer.text

    assert refused >= {"/v1/nodes", "/v1/rules", "/v1/keys", "/v1/retention"}
    assert not refused & {"/v1/workloads", "/v1/alerts", "/v1/scores", "/v1/matches", "/v1/baselines"}


def test_counts_are_of_what_may_be_seen(two: Installation) -> None:
    """A limited token counts the alerts that it could list, by value and over time."""
    own = len(two.ask("shop-read", "/v1/alerts").json()["items"])
    opened = two.ask("shop-read", "/v1/alerts").json()["items"][0]["created_at"]
    times = {"since": opened, "until": f"{opened[:10]}T23:59:59Z", "interval": "day"}
    counted = two.ask("shop-read", "/v1/alerts/counts", params={"by": "namespace"}).json()
    series = two.ask("shop-read", "/v1/alerts/series", params=times).json()

    assert counted["counts"] == [{"value": "shop", "alerts": own}]
    assert [each["alerts"] for each in series["points"]] == [own]
    assert own < two.ask("all", "/v1/alerts/counts").json()["alerts"]


def names_bank(two: Installation, path: str, item: dict[str, Any]) -> bool:
    """Tell whether an entry of a list belongs to namespace `bank`."""
    if path == "/v1/alerts/changes":
        return item["alert"] in two.ids["bank"]["alert_id"]
    bank = two.ids["bank"]["workload_id"]
    workload = item["id"] if path == "/v1/workloads" else item.get("workload", item.get("workload_id"))
    return (workload["id"] if isinstance(workload, dict) else workload) in bank


@pytest.mark.parametrize("who", ["all", "shop-read", "bank-admin"])
def test_a_scope_covers_the_workloads_that_its_sessions_show(two: Installation, who: str) -> None:
    """What is not read in a session of its own, as events of streams, is told apart in the same way."""
    shown = {each["id"] for each in two.ask(who, "/v1/workloads").json()["items"]}
    with two.service.core.store.read() as session:
        row = tokens.look_up(session, two.secrets[who], NOW_MS)
        workloads = list(session.scalars(select(WorkloadRow)))

    assert row is not None
    scope = tokens.scope_of(row)
    assert {each.id for each in workloads if scope.covers(each.id, each.namespace)} == shown
    assert shown


def test_no_address_shows_another_namespace(two: Installation) -> None:
    """What belongs to the other is not there; what is one's own is shown as to anybody."""
    for path in [path for path in gets(two) if "{" in path]:
        (name, *more) = re.findall(r"{(\w+)}", path)
        if name not in IDS or more:
            filled = re.sub(r"{\w+}", "1", path)
            assert two.ask("shop-admin", filled).status_code == 403, path
            continue
        who = (
            "shop-admin"
            if two.ask("shop-read", path.replace(f"{{{name}}}", "1")).status_code == 403
            else "shop-read"
        )
        for other in two.ids["bank"][name]:
            answer = two.ask(who, path.replace(f"{{{name}}}", str(other)), params=_needed(two, path))
            assert answer.status_code == 404, (path, answer.text)
        for own in two.ids["shop"][name]:
            filled = path.replace(f"{{{name}}}", str(own))
            answer = two.ask(who, filled, params=_needed(two, path))
            as_root = two.ask("root", filled, params=_needed(two, path))
            assert answer.status_code == as_root.status_code, (path, answer.text)
            assert BANK not in answer.text
            if answer.headers["content-type"] == "application/json" and not path.endswith("/bundle"):
                assert answer.json() == as_root.json()


def _needed(two: Installation, path: str) -> dict[str, Any]:
    return {"with": min(two.ids["shop"]["version_id"])} if path.endswith("/diff") else {}


def test_no_format_shows_another_namespace(two: Installation) -> None:
    """Alerts in Falco's shape, as a page and as lines, and a report for people."""
    page = two.ask("shop-read", "/v1/alerts", params={"format": "falco"})
    headers = {"Authorization": f"Bearer {two.secrets['shop-read']}", "Accept": "application/x-ndjson"}
    lines = two.service.http.get("/v1/alerts", headers=headers)
    version = min(two.ids["bank"]["version_id"])
    report = two.ask("shop-read", f"/v1/baselines/{version}/report", params={"format": "html"})

    for answer in (page, lines):
        assert answer.status_code == 200
        assert "cart" in answer.text
        assert BANK not in answer.text
    assert report.status_code == 404


def test_another_version_is_not_compared_with(two: Installation) -> None:
    """An id in the query is as far away as one in the path."""
    own, other = min(two.ids["shop"]["version_id"]), min(two.ids["bank"]["version_id"])

    answer = two.ask("shop-read", f"/v1/baselines/{own}/diff", params={"with": other})

    assert answer.status_code == 404


def test_filters_reach_no_other_namespace(two: Installation) -> None:
    """A filter that names what is the other's finds nothing."""
    named = {
        "workload": min(two.ids["bank"]["workload_id"]),
        "suppression": min(two.ids["bank"]["suppression_id"]),
        "alert": max(two.ids["bank"]["alert_id"]),
        "namespace": "bank",
    }
    tried = 0
    for path, parameters in gets(two).items():
        for name in {each["name"] for each in parameters if each["in"] == "query"} & set(named):
            if "{" in path or path in {"/v1/audit", "/v1/events"}:
                continue
            tried += 1
            answer = two.ask("shop-read", path, params={name: named[name]})
            found = answer.json()
            assert answer.status_code in {404, 422} or found.get("items", found.get("counts")) == [], path
            assert BANK not in answer.text

    assert tried >= 6


def test_an_admin_of_one_namespace_changes_nothing_of_another(two: Installation) -> None:
    """It is as if the other's workloads, versions, windows and suppressions did not exist."""
    bank = {name: min(ids) for name, ids in two.ids["bank"].items()}
    why = {"reason": "mine now"}
    for method, path, body in (
        ("PUT", "/v1/workloads/{workload_id}/mode", why | {"mode": "learning"}),
        ("PUT", "/v1/workloads/{workload_id}/budget", why | {"budget_per_week": 50}),
        ("POST", "/v1/workloads/{workload_id}/what-if", {"budget_per_week": 5}),
        ("POST", "/v1/baselines/{version_id}/transitions", why | {"to": "stale"}),
        ("POST", "/v1/baselines/{version_id}/rollback", why),
        (
            "POST",
            "/v1/baselines/{version_id}/unlearn",
            why | {"since": "2025-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
        ),
        ("POST", "/v1/scores/{score_id}/unlearn", why),
        ("POST", "/v1/suppressions/{suppression_id}/end", why),
        ("POST", "/v1/suppressions", WHY | {"alert": bank["alert_id"], "by": "sequences"}),
        ("POST", "/v1/suppressions/preview", {"alert": bank["alert_id"], "by": "sequences"}),
        ("POST", "/v1/suppressions", WHY | {"workload": bank["workload_id"], "by": "workload"}),
    ):
        answer = two.ask("shop-admin", path.format_map(bank), method, json=body)
        assert answer.status_code == 404, (path, answer.text)


def test_an_admin_of_one_namespace_silences_no_rule_everywhere(two: Installation) -> None:
    """A suppression of no workload would silence the other's too; one of its own workload is fine."""
    wish = WHY | {"rule": "Shell spawned", "by": "rule"}

    everywhere = two.ask("shop-admin", "/v1/suppressions", "POST", json=wish | {"everywhere": True})
    own = {"workload": min(two.ids["shop"]["workload_id"])}
    preview = two.ask(
        "shop-admin",
        "/v1/suppressions/preview",
        "POST",
        json={"rule": "Shell spawned", "by": "rule", "everywhere": True},
    )
    here = two.ask(
        "shop-admin", "/v1/suppressions/preview", "POST", json={"rule": "Shell spawned", "by": "rule", **own}
    )

    assert everywhere.status_code == 403, everywhere.text
    assert "limited to namespace shop" in everywhere.json()["detail"]
    assert (preview.json()["findings"], here.json()["findings"]) == (1, 1)


def test_a_token_of_one_workload_sees_that_alone(two: Installation) -> None:
    """Limits by workload and by namespace add up."""
    workload = min(two.ids["bank"]["workload_id"])
    with two.service.core.store.write() as session:
        two.secrets["one"] = tokens.create(
            session, name="one", role=Role.READ, now_ms=NOW_MS, actor="test",
            scope=Scope(workloads=frozenset({workload})),
        )  # fmt: skip
        two.secrets["both"] = tokens.create(
            session, name="both", role=Role.READ, now_ms=NOW_MS, actor="test",
            scope=Scope(namespaces=frozenset({"shop"}), workloads=frozenset({workload})),
        )  # fmt: skip

    assert [each["id"] for each in two.ask("one", "/v1/workloads").json()["items"]] == [workload]
    assert len(two.ask("both", "/v1/workloads").json()["items"]) == 2

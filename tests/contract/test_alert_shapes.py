"""One alert in other shapes, anomalies as Falco would tell them, and where alerts of a list were seen."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, update

from api.db.rule_tables import MatchRow
from api.db.scope import Scope
from api.falco.anomaly import RULE
from api.tokens import service as tokens
from api.tokens.service import Role
from tests.contract.test_rest_read import enforcing, intrude
from tests.databases import Database
from tests.service import NOW_MS, Service, a_delta, a_match, serving

WINDOWS = (60, 61, 62)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Iterator[Service]:
    """A service with an alert of three windows (1) and one of a match (2)."""
    with serving(tmp_path_factory.mktemp("shapes"), database) as service:
        enforcing(service)
        for index in WINDOWS:
            intrude(service, index)
        service.match(a_match(index=90))
        service.worker.drain()
        yield service


def of_kind(service: Service, kind: str) -> dict[str, Any]:
    """Return the one alert of a kind."""
    [found] = service.get("/v1/alerts", kind=kind).json()["items"]
    return dict(found)


@pytest.mark.parametrize("shape", ["ocsf", "ecs"])
@pytest.mark.parametrize("kind", ["anomaly", "signature"])
def test_one_alert_is_what_the_list_gives_of_it(served: Service, kind: str, shape: str) -> None:
    """A link in a ticket leads to the same record as the poller got."""
    [listed] = served.get("/v1/alerts", kind=kind, format=shape).json()["items"]
    answer = served.get(of_kind(served, kind)["url"], format=shape)

    assert answer.json() == listed
    assert answer.headers["ETag"] == '"1"'


def test_one_alert_is_one_line_of_cef(served: Service) -> None:
    """Text, as of the list."""
    answer = served.get("/v1/alerts/1", format="cef")

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.startswith("CEF:0|nonself|")
    assert answer.text.count("\n") == 1


def test_of_falco_it_is_the_newest_match(served: Service) -> None:
    """The match, as the list of matches in this shape has it."""
    found = of_kind(served, "signature")

    [listed] = served.get("/v1/alerts", format="falco").json()["items"]

    assert served.get(found["url"], format="falco").json() == listed
    assert listed["rule"] == "Shell spawned"


def test_windows_of_anomalies_are_listed_as_falco_would_tell_them(served: Service) -> None:
    """Each that is part of an alert, in order, page by page; the newest is the alert's own shape."""
    url = "/v1/alerts"
    first = served.get(url, format="falco", kind="anomaly", limit=2).json()
    rest = served.get(url, format="falco", kind="anomaly", cursor=first["next_cursor"]).json()
    told = [*first["items"], *rest["items"]]

    assert (len(first["items"]), len(rest["items"])) == (2, 1)
    assert {each["rule"] for each in told} == {RULE}
    assert [each["output_fields"]["nonself.window_start"] for each in told] == [
        a_delta(index).start for index in WINDOWS
    ]
    assert told[0]["output_fields"]["k8s.pod.name"] == "cart-6d4cf56db6-x7k2p"
    assert told[0]["output_fields"]["nonself.syscalls"]
    assert served.get(of_kind(served, "anomaly")["url"], format="falco").json() == told[-1]


def test_lines_of_anomalies_can_be_asked_for(served: Service) -> None:
    """As of matches, one object a line."""
    answer = served.request(
        "GET", "/v1/alerts", Role.READ, headers={"Accept": "application/x-ndjson"}, kind="anomaly"
    )

    assert len(answer.text.splitlines()) == 3


def test_filters_that_windows_lack_are_refused(served: Service) -> None:
    """A rule or level of an anomaly would be ignored otherwise."""
    answer = served.get("/v1/alerts", format="falco", kind="anomaly", rule="Shell spawned")

    assert answer.status_code == 422
    assert "expected no filters of anomalies but kind, cursor, limit" in answer.json()["detail"]


def test_an_entry_says_where_it_was_seen(served: Service) -> None:
    """Container, pod, image and node of both kinds; how far the p-value holds, of anomalies."""
    anomaly, signature = of_kind(served, "anomaly"), of_kind(served, "signature")

    for found in (anomaly, signature):
        assert found["container"]["pod"] == "cart-6d4cf56db6-x7k2p"
        assert found["container"]["image"] == "registry.local/shop/cart:1.4"
        assert found["container"]["node"] == "node-a"
    assert 0 < anomaly["confidence"]["resolution"] < 1
    assert anomaly["confidence"]["extrapolated"] is True
    assert signature["confidence"] is None
    assert served.get(anomaly["url"]).json()["container"] == anomaly["container"]


def test_a_longer_page_takes_no_more_queries(served: Service) -> None:
    """Where alerts were seen is asked for all of a page at once."""
    counted: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        counted.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        served.get("/v1/alerts", limit=1)
        short = len(counted)
        counted.clear()
        served.get("/v1/alerts", limit=100)
    finally:
        event.remove(Engine, "before_cursor_execute", count)

    assert 0 < len(counted) <= short + 2


def test_who_is_limited_sees_none_of_others(served: Service) -> None:
    """Windows in Falco's shape and single alerts are held to the token's namespaces as all else is."""
    with served.core.store.write() as session:
        secret = tokens.create(
            session,
            name="bank",
            role=Role.READ,
            now_ms=NOW_MS,
            actor="test",
            scope=Scope(namespaces=frozenset({"bank"})),
        )
    headers = {"Authorization": f"Bearer {secret}"}
    listed = served.http.get("/v1/alerts", params={"format": "falco", "kind": "anomaly"}, headers=headers)
    one = served.http.get("/v1/alerts/1", params={"format": "falco"}, headers=headers)

    assert (listed.status_code, listed.json()["items"]) == (200, [])
    assert one.status_code == 404


def test_an_alert_whose_match_is_gone_says_so(service: Service) -> None:
    """What is no longer kept whole cannot be told as Falco does; other shapes can."""
    service.match(a_match())
    service.worker.drain()
    with service.core.store.write() as session:
        session.execute(update(MatchRow).values(payload=None))

    assert service.get("/v1/alerts/1", format="falco").status_code == 409
    assert service.get("/v1/alerts/1", format="ocsf").status_code == 200

"""What another budget would have raised: the same as a service that had it, and what is approximated."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from api import cli
from api.clock import to_datetime
from api.db.tables import ScoreRow
from api.retention.keeper import Keeper
from api.tokens.service import Role
from tests.databases import Database
from tests.service import INTRUSION, LOOP, NOW_MS, FakeClock, Service, a_container, a_delta, serving
from wire.ngram import pack

WHAT_IF = "/v1/workloads/1/what-if"
FINE, COARSE = 60.48, 604.8
SEEN = (*range(200, 311), 380, 500, 610, 620, 780)
RARE = {pack([7, 8, 9, 10, 11, 12]): 1}
OTHER = a_container(id="d" * 64, pod="cart-6d4cf56db6-zzzzz")


def live(service: Service, budget: float) -> None:
    """Learn, enforce, and see ordinary, unusual and strange windows of two replicas, some of them late."""
    service.learn(200)
    service.put("/v1/workloads/1/budget", {"budget_per_week": budget})
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert"})
    strange = dict.fromkeys((240, 300, 620), INTRUSION) | dict.fromkeys((250, 380, 500, 610, 780), RARE)
    plain = {ngram: count + 3 for ngram, count in LOOP.items()}
    service.send(*(a_delta(each, plain | strange.get(each, {})) for each in SEEN[:60]))
    service.worker.drain()
    service.send(*(a_delta(each, plain | strange.get(each, {})) for each in SEEN[60:]))
    service.worker.drain()
    # A node that catches up.
    service.send(*(a_delta(each, plain | INTRUSION, container=OTHER) for each in (230, 470)))
    service.worker.drain()


def ask(service: Service, **wish: Any) -> Any:
    """Return the answer to a what-if over everything since the baseline was frozen."""
    wish.setdefault("since", to_datetime(a_delta(200).start).isoformat())
    answer = service.request("POST", WHAT_IF, Role.READ, json=wish)
    assert answer.status_code == 200, answer.text
    return answer.json()


def raised(service: Service) -> list[tuple[str, str, list[int]]]:
    """Return the alerts that a service really raised."""
    found = []
    for each in service.get("/v1/alerts").json()["items"]:
        windows = service.get(f"/v1/alerts/{each['id']}").json()["windows"]
        found.append((each["start"], each["end"], [window["score"]["id"] for window in windows]))
    return found


def said(answer: Any) -> list[tuple[str, str, list[int]]]:
    """Return the alerts of an answer in the same form."""
    return [(each["start"], each["end"], each["scores"]) for each in answer["alerts"]]


def codes(answer: Any) -> set[str]:
    """Return what an answer says to be approximated."""
    return {each["code"] for each in answer["approximations"]}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Iterator[tuple[Service, Service]]:
    """Two services that saw the same, one with a fine and one with a coarse budget."""
    folders = [tmp_path_factory.mktemp(name) for name in ("fine", "coarse")]
    with serving(folders[0], database) as fine, serving(folders[1], database) as coarse:
        live(fine, FINE)
        live(coarse, COARSE)
        yield fine, coarse


def test_another_budget_raises_what_a_service_with_it_raised(pair: tuple[Service, Service]) -> None:
    """Where the baseline was frozen the answer is exact, in both directions, window for window."""
    fine, coarse = pair
    assert raised(fine) != raised(coarse)
    for service, budget, other in ((fine, COARSE, coarse), (coarse, FINE, fine)):
        answer = ask(service, budget_per_week=budget)
        assert said(answer) == raised(other)
        assert (answer["exact"], answer["approximations"]) == (True, [])
        assert answer["as_it_was"]["alerts"] == len(raised(service))
        assert answer["would_be"]["findings"] == sum(len(ids) for *_, ids in raised(other))


def test_the_budget_of_the_workload_is_the_default(pair: tuple[Service, Service]) -> None:
    """It raises what was raised; each alert names its containers, and the n-grams that carried it."""
    fine, _ = pair

    answer = ask(fine)

    assert said(answer) == raised(fine)
    assert all(each["raised"] for each in answer["alerts"])
    assert answer["budget_per_week"] == FINE
    assert {name for each in answer["alerts"] for name in each["containers"]} == {
        a_container().pod,
        OTHER.pod,
    }
    assert all(each["contributions"][0]["syscalls"] for each in answer["alerts"])
    assert (answer["windows"], answer["ranked"]) == (len(SEEN) + 2, len(SEEN) + 2)
    assert answer["per_week"] == pytest.approx(len(raised(fine)) / answer["weeks"])
    assert answer["low"] < answer["per_week"] < answer["high"]


def test_a_range_of_time_cuts_and_says_what_goes_on_from_before(pair: tuple[Service, Service]) -> None:
    """Windows that begin within it are judged; an alert that began earlier is told as such."""
    fine, _ = pair
    middle = to_datetime(a_delta(241).start).isoformat()

    after = ask(fine, since=to_datetime(a_delta(300).start).isoformat())
    before = ask(fine, until=middle)

    assert after["first_window"] == to_datetime(a_delta(300).start).isoformat().replace("+00:00", "Z")
    assert "began_before" in codes(after)
    assert not after["exact"]
    assert before["exact"]
    assert before["windows"] == 41 + 1


def test_while_it_learned_the_answer_is_approximate_and_says_since_when(service: Service) -> None:
    """Another budget would have let it learn other windows; the first of them is named."""
    service.learn(200)
    service.put("/v1/workloads/1/budget", {"budget_per_week": FINE})
    service.send(a_delta(250, LOOP | INTRUSION))
    service.worker.drain()
    service.learn(20, first=251)

    same, other = ask(service), ask(service, budget_per_week=0.001)

    assert codes(same) == {"as_if_enforced"}
    assert (same["would_be"]["alerts"], other["would_be"]["alerts"]) == (1, 0)
    assert codes(other) == {"as_if_enforced", "learning_differs"}
    (differs,) = (each for each in other["approximations"] if each["code"] == "learning_differs")
    assert (differs["windows"], differs["since"]) == (
        1,
        to_datetime(a_delta(250).end).isoformat().replace("+00:00", "Z"),
    )
    assert not service.get("/v1/alerts").json()["items"]


def test_windows_of_an_earlier_release_are_judged_by_the_rate_of_today(service: Service) -> None:
    """Their own was not kept; how many there are is said."""
    live(service, FINE)
    exact = ask(service, budget_per_week=COARSE)
    with service.core.store.write() as session:
        session.execute(update(ScoreRow).values(windows_per_week=None))

    answer = ask(service, budget_per_week=COARSE)

    assert codes(answer) == {"rate_of_today"}
    assert answer["approximations"][0]["windows"] == answer["ranked"]
    assert abs(answer["would_be"]["alerts"] - exact["would_be"]["alerts"]) <= 1


def test_what_is_not_kept_is_said(service: Service) -> None:
    """Once old windows went, only findings of their time are judged there."""
    live(service, FINE)
    clock = service.core.clock
    assert isinstance(clock, FakeClock)
    clock.at_ms += 31 * 86_400_000
    Keeper(service.core).tidy()

    answer = ask(service, budget_per_week=COARSE)

    assert "not_kept" in codes(answer)
    assert answer["would_be"]["findings"] <= answer["as_it_was"]["findings"] + 1


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"budget_per_week": 0}, 422),
        ({"budget": 1}, 422),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, 422),
    ],
)
def test_what_cannot_be_asked_is_refused(service: Service, wish: dict[str, object], status: int) -> None:
    """A budget is above 0, a range is not empty, and a misspelt wish is not ignored."""
    service.learn(1)

    assert service.request("POST", WHAT_IF, Role.READ, json=wish).status_code == status
    assert service.request("POST", "/v1/workloads/9/what-if", Role.READ, json={}).status_code == 404
    assert service.request("POST", WHAT_IF, Role.INGEST, json={}).status_code == 403


def test_the_command_shows_it_for_people_and_for_scripts(
    pair: tuple[Service, Service], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table of the alerts and a sentence on what they are worth; the REST answer with --json."""
    fine, _ = pair
    token = tmp_path / "my-token"
    token.write_text(fine.secrets[Role.READ])
    options = [
        f"--url={fine.url}",
        f"--token-file={token}",
        f"--since={to_datetime(a_delta(200).start):%Y-%m-%dT%H:%M:%S}",
    ]
    options.append(f"--until={to_datetime(NOW_MS):%Y-%m-%dT%H:%M:%S}")

    assert cli.main(["workload", "what-if", "cart", "--budget", "604.8", *options]) == 0
    shown = capsys.readouterr().out
    assert cli.main(["workload", "what-if", "cart", "--budget", "604.8", "--json", *options]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert cli.main(["workload", "what-if", "cart", *options[:2], "--since", "a while"]) == 1
    complaint = capsys.readouterr().err

    assert answer == ask(fine, budget_per_week=COARSE, until=to_datetime(NOW_MS).isoformat())
    assert answer["would_be"]["alerts"] > 1
    assert f"would have raised {answer['would_be']['alerts']} alerts" in shown
    assert "Exact." in shown
    assert "not found" in shown
    assert "expected a time as 2026-11-24T08:00, or an age as 14d, 36h or 90m; got 'a while'" in complaint

"""Drift over REST: three kinds that are three results, each with its history."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from api.clock import to_datetime
from tests.service import INTRUSION, LOOP, Service, a_container, a_delta

NAMES = [a_container(id=letter * 64, pod=f"cart-6d4cf56db6-x7k2{letter}") for letter in "bcd"]


def learned(service: Service, windows: int = 120) -> None:
    """Let three replicas learn, and freeze what they learned."""
    service.send(*usual(range(windows)))
    service.worker.drain()
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert"})


def usual(windows: range, strange: Collection[int] = ()) -> list:
    """Return windows of three replicas; those of `strange` ones hold an intrusion."""
    return [
        a_delta(
            index,
            {ngram: count + index % 7 for ngram, count in LOOP.items()}
            | (INTRUSION if which in strange else {}),
            container=container,
        )
        for index in windows
        for which, container in enumerate(NAMES)
    ]


def test_a_workload_without_drift_has_no_history(service: Service) -> None:
    """The list is empty and the summary says that nothing drifts."""
    learned(service)

    now = service.get("/v1/workloads/1").json()["drift"]

    assert service.get("/v1/workloads/1/drift").json()["items"] == []
    assert (now["drifting"], now["since"], now["kind"]) == (False, None, None)


def test_one_replica_among_three_is_a_burst(service: Service) -> None:
    """Its siblings were as usual at the same time; the row names the container, and ends with the burst."""
    learned(service)
    service.send(*usual(range(120, 140), strange={1}))
    service.worker.drain()

    (during,) = service.get("/v1/workloads/1/drift").json()["items"]
    shown = service.get("/v1/workloads/1").json()["drift"]
    service.send(*usual(range(140, 400)))
    service.worker.drain()
    (after,) = service.get("/v1/workloads/1/drift").json()["items"]

    assert during["kind"] == shown["kind"] == "burst_on_one_replica"
    assert [each["id"] for each in during["replicas"]] == [NAMES[1].id]
    assert during["replicas_reporting"] == 3
    assert during["began"] == shown["since"]
    began = datetime.fromisoformat(during["began"])
    assert to_datetime(a_delta(110).start) < began <= to_datetime(a_delta(120).start)
    assert during["ended"] is None
    assert during["evidence"] >= during["limit"]
    assert (after["id"], after["kind"]) == (during["id"], "burst_on_one_replica")
    assert after["began"] < after["reported"] < after["ended"]
    assert not service.get("/v1/workloads/1").json()["drift"]["drifting"]


def test_all_replicas_together_are_a_step(service: Service) -> None:
    """Three that change in the same windows are one drift of the workload."""
    learned(service)
    service.send(*usual(range(120, 140), strange={0, 1, 2}))
    service.worker.drain()

    (row,) = service.get("/v1/workloads/1/drift").json()["items"]

    assert row["kind"] == "step_of_all_replicas"
    assert {each["id"] for each in row["replicas"]} == {name.id for name in NAMES}


def test_containers_that_end_one_after_the_other_are_no_drift(service: Service) -> None:
    """Few ends are known, so each is ranked as a steady window would be; what runs on has not changed."""
    learned(service)
    service.send(*(replace(each, ended=True) for each in usual(range(120, 140), strange={0, 1, 2})))
    service.worker.drain()

    scores = service.get("/v1/scores", limit=1000).json()["items"]

    stops = [each["p_value"] for each in scores if each["phase"] == "stop"]
    assert len(stops) == 60
    assert max(stops) < 0.05
    assert service.get("/v1/workloads/1/drift").json()["items"] == []


def test_an_only_replica_is_told_as_such(service: Service) -> None:
    """Without a sibling a burst and a step look the same, and the kind says so."""
    service.learn(120)
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert"})
    service.send(*(a_delta(index, LOOP | INTRUSION) for index in range(120, 130)))
    service.worker.drain()

    (row,) = service.get("/v1/workloads/1/drift").json()["items"]

    assert (row["kind"], row["replicas_reporting"]) == ("step_of_only_replica", 1)


def test_the_history_is_a_list_like_others(service: Service) -> None:
    """Two bursts are two rows; a cursor goes on after the first, and another workload has none."""
    learned(service)
    for first in (120, 500):
        service.send(*usual(range(first, first + 20), strange={1}))
        service.send(*usual(range(first + 20, first + 300)))
        service.worker.drain()

    first = service.get("/v1/workloads/1/drift", limit=1).json()
    rest = service.get("/v1/workloads/1/drift", cursor=first["next_cursor"]).json()["items"]

    assert len(first["items"]) == len(rest) == 1
    assert first["items"][0]["ended"] < rest[0]["began"]
    assert service.get("/v1/workloads/9/drift").status_code == 404

"""Routes, quiet hours, digests and limits: what is held back is told, and nothing is lost."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.hooks import LOOPBACK, Hook, a_sender, add, deliveries, pass_time, raise_alerts, told
from tests.service import NOW_MS, Service, a_container, a_match
from wire.match import Priority

HOUR_S = 3600


@pytest.fixture
def service(open_service: Callable[..., Service]) -> Service:
    """A service whose channels may reach this host."""
    return open_service(**LOOPBACK)


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A receiver that takes every message."""
    with Hook() as made:
        yield made


@pytest.mark.parametrize(
    ("filters", "rules"),
    [
        ({"rules": ["She*"]}, ["Shell"]),
        ({"namespaces": ["ba*"]}, ["Bank"]),
        ({"least_level": "high"}, ["Bank"]),
        ({"techniques": ["T1059"]}, ["Shell"]),
        ({"techniques": ["T1611"]}, []),
        ({"kinds": ["anomaly"]}, []),
        ({"workloads": [1]}, ["Shell"]),
        ({"changes": ["grew"]}, []),
        ({"namespaces": ["bank"], "rules": ["Shell"]}, []),
        ({}, ["Shell", "Bank"]),
    ],
)
def test_a_channel_is_told_what_its_filters_want(
    service: Service, hook: Hook, filters: dict[str, Any], rules: list[str]
) -> None:
    """All filters that are set have to fit."""
    add(service, hook.url, filters=filters)
    raise_alerts(service, "Shell")
    bank = a_container(id="d" * 64, namespace="bank", pod="teller-0")
    service.match(a_match(2, rule="Bank", priority=Priority.ERROR, container=bank, tags=()))
    service.worker.drain()
    a_sender(service).step()

    assert [each["data"]["alert"]["rule"] for each in hook.events] == rules


def test_filters_that_change_count_from_then_on(service: Service, hook: Hook) -> None:
    """What is routed already is delivered all the same."""
    add(service, hook.url, filters={"rules": ["Miner"]})
    raise_alerts(service, "Shell")
    sender = a_sender(service)
    sender.step()
    assert service.put("/v1/channels/1/routing", {"filters": {"rules": ["Shell"]}}).status_code == 200
    raise_alerts(service, "Shell", "Miner", first=2)
    sender.step()

    assert told(hook) == [("alert.grew", 1)]


def test_what_comes_over_the_limit_is_held_back_and_counted(service: Service, hook: Hook) -> None:
    """Two messages an hour; one more says how many changes were held, and gives the newest of each alert."""
    add(service, hook.url, pacing={"limit": {"messages": 2, "period_s": HOUR_S}})
    raise_alerts(service, "A", "B", "C", "D", "C")
    sender = a_sender(service)
    sender.step()
    at_once, held = told(hook), deliveries(service, state="held")
    pass_time(service, HOUR_S)
    sender.step()
    raise_alerts(service, "E", first=6)
    sender.step()

    assert at_once == [("alert.opened", 1), ("alert.opened", 2)]
    assert len(held) == 3
    digest = hook.events[2]
    assert digest["type"] == "alert.digest"
    assert (digest["data"]["held"], digest["data"]["alerts"]) == (3, 2)
    assert [(each["type"], each["alert"]["id"]) for each in digest["data"]["items"]] == [
        ("alert.grew", 3),
        ("alert.opened", 4),
    ]
    assert hook.events[3]["data"]["alert"]["rule"] == "E"
    assert {each["digest"] for each in deliveries(service, state="digested")} == {6}


def test_quiet_hours_end_with_a_digest(service: Service, hook: Hook) -> None:
    """16:00 UTC is 17:00 in Berlin: quiet, but for what is critical."""
    assert NOW_MS % 86_400_000 == 16 * HOUR_S * 1000
    quiet = {"start": "16:30", "end": "18:00", "zone": "Europe/Berlin", "except_level": "critical"}
    add(service, hook.url, pacing={"quiet": quiet})
    raise_alerts(service, "A", "B")
    service.match(a_match(3, rule="Escape", priority=Priority.CRITICAL))
    service.worker.drain()
    sender = a_sender(service)
    due = sender.step()
    in_quiet = told(hook)
    pass_time(service, HOUR_S)
    sender.step()

    assert in_quiet == [("alert.opened", 3)]
    assert due == NOW_MS + HOUR_S * 1000
    assert (hook.events[1]["type"], hook.events[1]["data"]["held"]) == ("alert.digest", 2)


def test_a_digest_tells_a_period_in_one_message(service: Service, hook: Hook) -> None:
    """A single change is no digest; it comes as it is, at the period's end."""
    add(service, hook.url, pacing={"digest_s": HOUR_S})
    sender = a_sender(service)
    raise_alerts(service, "A", "B")
    sender.step()
    early = len(hook.requests)
    pass_time(service, HOUR_S)
    raise_alerts(service, "C", first=3)
    sender.step()
    pass_time(service, HOUR_S)
    sender.step()

    assert early == 0
    assert [each["type"] for each in hook.events] == ["alert.digest", "alert.opened"]


def test_nothing_passes_a_digest(service: Service, hook: Hook) -> None:
    """Where the receiver refuses a digest, later messages of its alerts wait behind it."""
    add(service, hook.url, pacing={"limit": {"messages": 1, "period_s": HOUR_S}})
    raise_alerts(service, "A", "A", "A")
    sender = a_sender(service)
    sender.step()
    pass_time(service, HOUR_S)
    hook.script += [(400, {}, b"")]
    raise_alerts(service, "A", first=4)
    sender.step()
    refused = [each["type"] for each in hook.events]
    pass_time(service, 10)
    sender.step()

    assert refused == ["alert.opened", "alert.digest"]
    assert [each["type"] for each in hook.events][2:] == ["alert.digest", "alert.grew"]


def test_a_slow_receiver_keeps_no_other_waiting(service: Service, hook: Hook) -> None:
    """Each channel has its own queue: one is down, the other is told."""
    add(service, "http://127.0.0.1:9/", name="down")
    add(service, hook.url, name="up")
    raise_alerts(service, "A")
    a_sender(service, 1).step()
    a_sender(service, 2).step()
    page = service.http.get("/metrics").text

    assert told(hook) == [("alert.opened", 1)]
    assert service.get("/v1/channels/1").json()["last_error"] == "no connection (Connection refused)"
    assert 'nonself_push_up{channel="down"} 0.0' in page
    assert 'nonself_push_up{channel="up"} 1.0' in page
    assert 'nonself_push_deliveries{channel="down",state="pending"} 1.0' in page

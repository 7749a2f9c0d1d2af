"""Webhooks: signed, in order, at least once, whatever the receiver does."""

from collections.abc import Callable

import pytest
from standardwebhooks import WebhookVerificationError

from api.tokens.service import Role
from tests.hooks import (
    LOOPBACK,
    Hook,
    a_sender,
    add,
    ask,
    deliveries,
    pass_time,
    raise_alerts,
    told,
    verify,
)
from tests.service import Service

HOUR_S = 3600
DAY_S = 24 * HOUR_S


@pytest.fixture
def service(open_service: Callable[..., Service]) -> Service:
    """A service whose channels may reach this host."""
    return open_service(**LOOPBACK)


def test_what_happens_to_alerts_arrives_signed(service: Service) -> None:
    """Each change is one message, in order, whose signature the library of Standard Webhooks accepts."""
    with Hook() as hook:
        made = add(service, f"{hook.url}/in?team=7")
        raise_alerts(service, "Shell", "Miner", "Shell")
        a_sender(service).step()

    assert told(hook) == [("alert.opened", 1), ("alert.opened", 2), ("alert.grew", 1)]
    for request in hook.requests:
        verify(made["secret"], request, at_ms=service.core.clock.now_ms())
    alert = hook.events[2]["data"]["alert"]
    assert (alert["rule"], alert["findings"], alert["workload"]["namespace"]) == ("Shell", 2, "shop")
    assert [each["state"] for each in deliveries(service)] == ["delivered"] * 3


def test_a_message_that_was_changed_is_not_verified(service: Service) -> None:
    """The test of signatures can fail."""
    with Hook() as hook:
        made = add(service, hook.url)
        raise_alerts(service, "Shell")
        a_sender(service).step()
    headers, body = hook.requests[0]

    with pytest.raises(WebhookVerificationError):
        verify(made["secret"], (headers, body + b" "), at_ms=service.core.clock.now_ms())


def test_an_hour_of_outage_a_restart_and_a_new_key_lose_nothing(service: Service) -> None:
    """All that happened meanwhile arrives once, in order of each alert, signed by the old key and the new."""
    with Hook() as hook:
        hook.script += [(503, {}, b"")] * 1000
        made = add(service, hook.url)
        end = service.core.clock.now_ms() + HOUR_S * 1000
        sender, number = a_sender(service), 0
        while service.core.clock.now_ms() < end:
            number += 1
            raise_alerts(service, ("Shell", "Miner")[number % 2], first=number)
            sender.step()
            # A new sender knows nothing but what the database does, as one after a crash.
            sender = a_sender(service) if number % 5 == 0 else sender
            pass_time(service, 120)
        tried = len(hook.requests)
        hook.requests.clear()
        hook.script.clear()
        rotated = ask(service, "/1/rotate", {"overlap_hours": 1}).json()
        pass_time(service, 900)
        a_sender(service).step()

    assert 4 <= tried <= 15, "The pauses grow to 15 minutes."
    assert len(hook.requests) == len(set(hook.ids)) == number
    changes = [each["data"]["change"]["id"] for each in hook.events]
    assert changes == sorted(changes)
    for request in hook.requests:
        verify(made["secret"], request, at_ms=service.core.clock.now_ms())
        verify(rotated["secret"], request, at_ms=service.core.clock.now_ms())
    assert {each["state"] for each in deliveries(service)} == {"delivered"}


def test_an_old_key_signs_no_more_after_its_time(service: Service) -> None:
    """After the overlap, one signature is left."""
    with Hook() as hook:
        made = add(service, hook.url)
        rotated = ask(service, "/1/rotate", {"overlap_hours": 1}).json()
        pass_time(service, HOUR_S)
        raise_alerts(service, "Shell")
        a_sender(service).step()

    verify(rotated["secret"], hook.requests[0], at_ms=service.core.clock.now_ms())
    with pytest.raises(WebhookVerificationError):
        verify(made["secret"], hook.requests[0], at_ms=service.core.clock.now_ms())


def test_ids_stay_the_same_over_attempts(service: Service) -> None:
    """A receiver can tell a repetition; the signature is made anew."""
    with Hook() as hook:
        hook.script += [(500, {}, b""), None]
        add(service, hook.url)
        raise_alerts(service, "Shell")
        sender = a_sender(service)
        for _ in range(3):
            sender.step()
            pass_time(service, 120)

    assert len(hook.ids) == 3
    assert len(set(hook.ids)) == 1
    assert len({headers["webhook-signature"] for headers, _ in hook.requests}) == 3


def test_a_refused_message_keeps_only_its_own_alert_waiting(service: Service) -> None:
    """Other alerts go on; later messages of the alert come after it."""
    with Hook() as hook:
        hook.script += [(400, {}, b"no such field")]
        add(service, hook.url)
        raise_alerts(service, "Shell", "Shell", "Miner")
        sender = a_sender(service)
        sender.step()
        first = told(hook)
        waiting = deliveries(service, state="pending")
        pass_time(service, 10)
        sender.step()

    assert first == [("alert.opened", 1), ("alert.opened", 2)]
    assert [each["type"] for each in waiting] == ["alert.opened", "alert.grew"]
    assert waiting[0]["last_error"] == "it answered 400: no such field"
    assert told(hook)[2:] == [("alert.opened", 1), ("alert.grew", 1)]


@pytest.mark.parametrize("wish", ["1200", "Mon, 24 Nov 2025 16:20:00 GMT"])
def test_a_receiver_is_given_the_pause_that_it_asks_for(service: Service, wish: str) -> None:
    """`Retry-After` in seconds, or as a date, 20 minutes from now."""
    with Hook() as hook:
        hook.script += [(429, {"Retry-After": wish}, b"")]
        add(service, hook.url)
        raise_alerts(service, "Shell")
        sender = a_sender(service)
        sender.step()
        pass_time(service, 1199)
        sender.step()
        before = len(hook.requests)
        pass_time(service, 2)
        sender.step()

    assert (before, len(hook.requests)) == (1, 2)


def test_a_receiver_that_is_gone_disables_its_channel(service: Service) -> None:
    """410 means: no more; it is shown, audited, and a person can enable it again and loses nothing."""
    with Hook() as hook:
        hook.script += [(410, {}, b"")]
        add(service, hook.url)
        raise_alerts(service, "Shell")
        a_sender(service).step()
        disabled = service.get("/v1/channels/1").json()
        raise_alerts(service, "Miner", first=2)
        assert a_sender(service).step() is None
        ready = service.get("/readyz").json()
        ask(service, "/1/enable")
        a_sender(service).step()

    assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "it answered 410")
    assert ready["push"] == "Channel soc is disabled: it answered 410."
    assert told(hook) == [("alert.opened", 1)] * 2 + [("alert.opened", 2)]


def test_what_is_given_up_can_be_delivered_again(service: Service) -> None:
    """After three days of attempts a message is dead; a person revives it, with its id."""
    with Hook() as hook:
        hook.script += [(500, {}, b"")] * 1000
        add(service, hook.url)
        raise_alerts(service, "Shell", "Miner")
        sender = a_sender(service)
        for _ in range(73):
            sender.step()
            pass_time(service, HOUR_S + 1)
        dead = deliveries(service, state="dead")
        shown = service.get("/v1/channels/1").json()
        hook.script.clear()
        hook.requests.clear()
        revived = ask(service, "/1/redeliver").json()
        sender.step()

    assert [each["alert"] for each in dead] == [1, 2]
    assert (shown["dead"], shown["pending"], shown["last_error"]) == (2, 0, "it answered 500")
    assert revived == {"deliveries": 2}
    assert hook.ids == [each["message_id"] for each in dead]


def test_one_message_can_be_delivered_again(service: Service) -> None:
    """One that was delivered too, where the receiver lost it."""
    with Hook() as hook:
        add(service, hook.url)
        raise_alerts(service, "Shell", "Miner")
        a_sender(service).step()
        answer = ask(service, "/1/deliveries/2/redeliver")
        a_sender(service).step()
        missing = ask(service, "/1/deliveries/9/redeliver")

    assert answer.json() == {"deliveries": 1}
    assert hook.ids[2:] == hook.ids[1:2]
    assert missing.status_code == 404


def test_a_redirect_is_not_followed(service: Service) -> None:
    """It could lead to what the guard forbids."""
    with Hook() as hook, Hook() as other:
        hook.script += [(302, {"Location": other.url}, b"")]
        add(service, hook.url)
        tried = ask(service, "/1/test").json()

    assert not other.requests
    assert tried["delivered"] is False
    assert tried["detail"] == "it answered 302, a redirect, and none is followed"


def test_an_address_that_is_not_public_is_refused(open_service: Callable[..., Service]) -> None:
    """Unless the settings allow it, no connection is made."""
    service = open_service()
    with Hook() as hook:
        add(service, hook.url)
        tried = ask(service, "/1/test").json()

    assert not hook.requests
    assert tried["detail"] == "127.0.0.1 is not a public address; the setting push_allow can allow it"


def test_the_test_button_sends_a_signed_message_past_the_queue(service: Service) -> None:
    """Nothing is stored of it."""
    with Hook() as hook:
        made = add(service, hook.url)
        tried = ask(service, "/1/test").json()
        read = ask(service, "/1/test", role=Role.READ)

    assert (tried["delivered"], tried["detail"]) == (True, "")
    verify(made["secret"], hook.requests[0], at_ms=service.core.clock.now_ms())
    assert hook.events[0]["type"] == "channel.test"
    assert deliveries(service) == []
    assert read.status_code == 403

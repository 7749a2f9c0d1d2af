"""Channels are served by threads that come and go with them."""

from collections.abc import Callable

import pytest

from api.push.dispatcher import pushing
from api.tokens.service import Role
from tests.hooks import LOOPBACK, Hook, add, ask, raise_alerts, told
from tests.service import Service
from tests.waiting import wait_for


@pytest.fixture
def service(open_service: Callable[..., Service]) -> Service:
    """A service whose channels may reach this host."""
    return open_service(**LOOPBACK)


def test_a_channel_is_served_from_its_making_to_its_end(service: Service) -> None:
    """While the service runs: made, disabled, enabled and removed over REST."""
    with Hook() as hook, pushing(service.core):
        add(service, hook.url)
        raise_alerts(service, "Shell")
        assert hook.wait(lambda: len(hook.taken) == 1)
        ask(service, "/1/disable", {})
        raise_alerts(service, "Miner", first=2)
        ask(service, "/1/enable")
        assert hook.wait(lambda: len(hook.taken) == 2)
        wait_for(lambda: service.get("/v1/channels/1").json()["pending"] == 0)
        assert service.request("DELETE", "/v1/channels/1", Role.ADMIN).status_code == 200
        raise_alerts(service, "Worm", first=3)

    assert told(hook) == [("alert.opened", 1), ("alert.opened", 2)]


@pytest.mark.slow
def test_a_receiver_that_answers_nothing_keeps_no_other_waiting(service: Service) -> None:
    """Nor the end of the service for longer than some seconds: what was under way comes again."""
    with Hook() as slow, Hook() as quick:
        slow.changed.acquire()  # its answer waits for it
        try:
            with pushing(service.core):
                add(service, slow.url, name="slow")
                add(service, quick.url, name="quick")
                raise_alerts(service, "Shell", "Miner")
                assert quick.wait(lambda: len(quick.taken) == 2)
        finally:
            slow.changed.release()
        assert slow.wait(lambda: slow.taken)
        pending = service.get("/v1/channels/1").json()["pending"]
        with pushing(service.core):
            assert slow.wait(lambda: len(slow.taken) == 3)

    assert pending == 1, "What was under way at the end is not taken for delivered."
    assert told(slow) == [("alert.opened", 1)] * 2 + [("alert.opened", 2)]

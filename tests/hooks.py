"""Receivers of pushed alerts, and channels that lead to them."""

import json
import random
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from api.push.sender import Sender
from api.tokens.service import Role
from tests.receiver import Receiver
from tests.service import FakeClock, Service, a_match

LOOPBACK = {"push_allow": "127.0.0.0/8"}


Request = tuple[dict[str, str], bytes]


class Hook(Receiver):
    """A receiver that takes every message, and knows which it answered well."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.taken: list[Request] = []

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes] | None:
        answer = super().answer(headers, body)
        if answer is not None and answer[0] < 300:
            with self.changed:
                self.taken.append((headers, body))
                self.changed.notify_all()
        return answer

    def _take(self, *_: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b"ok"

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was posted, in order."""
        return [json.loads(body) for _, body in self.requests]

    @property
    def ids(self) -> list[str]:
        """The ids of what was posted, in order."""
        return [headers["webhook-id"] for headers, _ in self.requests]


def add(service: Service, address: str, name: str = "soc", **wish: Any) -> dict[str, Any]:
    """Make a channel."""
    body = {"name": name, "kind": "webhook", "address": address} | wish
    answer = service.request("POST", "/v1/channels", Role.ADMIN, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def ask(service: Service, path: str, body: Any = None, role: Role = Role.ADMIN) -> Any:
    """Do something with channels."""
    return service.request("POST", f"/v1/channels{path}", role, json=body)


def raise_alerts(service: Service, *rules: str, first: int = 1) -> None:
    """Raise one alert for each of these rules, or have another match join it; one change each."""
    for sequence, rule in enumerate(rules, first):
        assert service.match(a_match(sequence, rule=rule)).status_code == 200
        service.worker.drain()


def a_sender(service: Service, channel: int = 1) -> Sender:
    """Return what serves a channel, to be stepped by the test."""
    return Sender(service.core, channel, chance=random.Random(1))


def pass_time(service: Service, seconds: float) -> None:
    """Move the clock of a service."""
    clock = service.core.clock
    assert isinstance(clock, FakeClock)
    clock.at_ms += round(seconds * 1000)


def deliveries(service: Service, channel: int = 1, **wanted: Any) -> list[dict[str, Any]]:
    """Return a channel's deliveries."""
    items: list[dict[str, Any]] = service.get(f"/v1/channels/{channel}/deliveries", **wanted).json()["items"]
    return items


def told(hook: Hook) -> list[tuple[str, int]]:
    """Return what a receiver was told, in order: type and alert."""
    return [(each["type"], each["data"]["alert"]["id"]) for each in hook.events]


def verify(secret: str, request: Request, *, at_ms: int) -> None:
    """Verify a request with the library of Standard Webhooks; it raises where a signature is wrong."""
    headers, body = request
    # The library compares the time of signing with the machine's clock, which is not that of the test.
    assert headers["webhook-timestamp"] == str(at_ms // 1000)
    webhook = Webhook(secret)
    webhook._Webhook__verify_timestamp = lambda _header: datetime.fromtimestamp(at_ms // 1000, UTC)  # type: ignore[attr-defined]
    webhook.verify(body, headers)

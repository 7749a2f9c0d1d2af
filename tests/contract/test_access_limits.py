"""What slows down who guesses or asks too often, and what every answer carries."""

from collections.abc import Callable

import httpx
import pytest

from api.access.failures import FREE
from api.tokens.service import Role
from tests.service import FakeClock, Service


def clock_of(service: Service) -> FakeClock:
    """Return the clock of a service, to be moved."""
    assert isinstance(service.core.clock, FakeClock)
    return service.core.clock


def guess(service: Service, number: int = 0) -> httpx.Response:
    """Ask with a token that nobody has."""
    secret = f"nonself_read_{number:043}"
    return service.http.get("/v1/alerts", headers={"Authorization": f"Bearer {secret}"})


def test_guesses_are_slowed_down_twice_as_much_each_time(service: Service) -> None:
    """Some are free; then an address is not even listened to for 1, 2, 4, … seconds, and is told so."""
    statuses = [guess(service, each).status_code for each in range(FREE)]
    held = guess(service)
    waits = []
    for each in range(4):
        waits.append(int(guess(service).headers["Retry-After"]))
        clock_of(service).at_ms += waits[-1] * 1000
        assert guess(service, 100 + each).status_code == 401

    assert statuses == [401] * FREE
    assert (held.status_code, held.json()["type"]) == (429, "/problems/too-many-failures")
    assert waits == [1, 2, 4, 8]


def test_a_right_guess_is_not_told_while_an_address_waits(service: Service) -> None:
    """Otherwise waiting would slow nobody down; after it the token is good."""
    for each in range(FREE):
        guess(service, each)

    assert service.get("/v1/alerts").status_code == 429
    clock_of(service).at_ms += 1000
    assert service.get("/v1/alerts").status_code == 200


def test_who_was_in_before_stays_in_while_a_neighbour_guesses(service: Service) -> None:
    """Behind one proxy all have one address."""
    assert service.get("/v1/alerts").status_code == 200
    for each in range(FREE):
        guess(service, each)

    assert guess(service).status_code == 429
    assert service.get("/v1/alerts").status_code == 200


def test_a_token_that_was_revoked_is_no_guess(service: Service) -> None:
    """An agent that was not told yet holds up nobody; it is told why it is not let in."""
    assert service.request("POST", "/v1/tokens/read/revoke", Role.ADMIN, json={"reason": "test"}).is_success
    for _ in range(2 * FREE):
        answer = service.get("/v1/alerts")
        assert (answer.status_code, answer.json()["detail"]) == (401, "The token 'read' was revoked.")


def test_a_token_has_a_quota_and_is_told_what_is_left(open_service: Callable[..., Service]) -> None:
    """The fields are those of draft-ietf-httpapi-ratelimit-headers-10; another token has its own."""
    service = open_service(requests_per_minute=3)
    answers = [service.get("/v1/alerts") for _ in range(4)]
    clock_of(service).at_ms += 20_000
    late = service.get("/v1/alerts")
    other = service.get("/v1/alerts", Role.ADMIN)
    clock_of(service).at_ms += 40_000
    again = service.get("/v1/alerts")

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [each.headers["RateLimit"] for each in answers] == [
        f'"token";r={left};t=60' for left in (2, 1, 0, 0)
    ]
    assert {each.headers["RateLimit-Policy"] for each in answers} == {'"token";q=3;w=60'}
    assert (answers[3].headers["Retry-After"], late.headers["Retry-After"]) == ("60", "40")
    assert answers[3].json()["type"] == "/problems/quota-exceeded"
    assert (other.status_code, again.status_code) == (200, 200)


def test_without_a_quota_nothing_is_said_of_one(open_service: Callable[..., Service]) -> None:
    """Zero requests a minute is no limit."""
    answer = open_service(requests_per_minute=0).get("/v1/alerts")

    assert not [name for name in answer.headers if name.startswith("ratelimit")]


@pytest.mark.parametrize(
    "path", ["/v1/alerts", "/v1/alerts/9", "/nothing", "/healthz", "/metrics", "/docs", "/openapi.json"]
)
def test_every_answer_protects_itself(shared_service: Service, path: str) -> None:
    """Errors too: it is not stored, not guessed at, not framed, and runs no script of anybody."""
    headers = shared_service.get(path).headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_refusals_are_counted_by_their_reason(service: Service) -> None:
    """What an operator watches to see guessing."""
    guess(service)
    service.http.get("/v1/alerts")
    service.get("/v1/tokens")

    text = service.http.get("/metrics").text
    for reason in ("unknown_token", "no_token", "role"):
        assert f'nonself_auth_refused_total{{reason="{reason}"}} 1.0' in text

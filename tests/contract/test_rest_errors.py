"""What a request that cannot be is answered with."""

from typing import Any

import pytest

from api.tokens.service import Role
from tests.service import Service


@pytest.mark.parametrize(
    ("path", "params", "detail"),
    [
        ("/v1/workloads/abc", {}, "path.workload_id: expected a valid integer; got 'abc'."),
        ("/v1/workloads", {"mode": "x"}, "query.mode: expected 'learning' or 'enforcement-alert'; got 'x'."),
        ("/v1/alerts", {"limit": 0}, "query.limit: expected greater than or equal to 1; got '0'."),
        ("/v1/alerts", {"since": "noon"}, "query.since: expected a valid datetime or date; got 'noon'."),
        ("/v1/alerts", {"size": 3}, "query.size: expected no parameter of this name."),
        ("/v1/baselines/1/diff", {}, "query.with: expected a value; got none."),
    ],
)
def test_a_parameter_that_cannot_be_is_named_with_what_was_expected_and_what_came(
    service: Service, path: str, params: dict[str, Any], detail: str
) -> None:
    """Not in the words of a library for validation."""
    answer = service.get(path, **params)

    assert (answer.status_code, answer.json()["detail"]) == (422, detail)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"mode": "x"}, "body.mode: expected 'learning' or 'enforcement-alert'; got 'x'."),
        ({"mode": "x" * 99}, f"body.mode: expected 'learning' or 'enforcement-alert'; got '{'x' * 40}…'."),
        ({"mode": None}, "body.mode: expected 'learning' or 'enforcement-alert'; got null."),
        ({"mode": "learning", "why": 1}, "body.why: expected no field of this name."),
        ({}, "body.mode: expected a value; got none."),
        ([], "body: expected an object; got a list."),
    ],
)
def test_a_body_that_cannot_be_is_named_with_what_was_expected_and_what_came(
    service: Service, body: Any, detail: str
) -> None:
    """Long values are cut."""
    service.learn(1)

    answer = service.put("/v1/workloads/1/mode", body)

    assert (answer.status_code, answer.json()["detail"]) == (422, detail)


def test_what_is_not_json_is_told_with_its_place(service: Service) -> None:
    """The character at which reading ended."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {service.secrets[Role.ADMIN]}"}

    answer = service.http.put("/v1/workloads/1/mode", content=b'{"mode":', headers=headers)

    assert answer.json()["detail"] == "body: expected JSON; at character 8 expecting value."


def test_another_method_is_told_which_there_is(service: Service) -> None:
    """With the header that HTTP asks for."""
    answer = service.request("DELETE", "/v1/workloads/1", Role.ADMIN)

    assert answer.status_code == 405
    assert answer.json()["detail"] == "Expected GET at /v1/workloads/1; got DELETE."
    assert answer.headers["allow"] == "GET"

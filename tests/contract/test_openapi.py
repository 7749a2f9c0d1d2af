"""The OpenAPI document: complete enough to generate a client, and changed only on purpose."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from http import HTTPStatus
from typing import Any, Final

import pytest
from hypothesis import given, strategies as st

from api.access.body_limit import MAX_BYTES
from api.paging import CURSOR_PATTERN, decode_cursor, encode_cursor
from api.tokens.service import Role
from tests.golden.make_openapi import GOLDEN, describe
from tests.openapi_changes import breaking
from tests.service import Service

RENEW: Final = "renew it with `python -m tests.golden.make_openapi`, and tell of what breaks clients"
ALWAYS: Final = {"401", "403", "422", "429", "503"}
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """What the service says of itself."""
    return describe()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each operation with its name."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_document_is_the_golden_one(document: dict[str, Any]) -> None:
    """Whoever changes the interface says so by renewing the file; what breaks clients is told by name."""
    golden = json.loads(GOLDEN.read_text("utf-8"))

    assert breaking(golden, document) == [], RENEW
    assert document == golden, RENEW


def test_operations_have_short_names_and_known_tags(document: dict[str, Any]) -> None:
    """An id is the name of a method in a generated client: lower case, unique, without its path."""
    ids = [operation["operationId"] for _, operation in operations(document)]
    tags = {tag["name"] for tag in document["tags"]}

    assert len(set(ids)) == len(ids)
    assert all(each.isidentifier() and each == each.lower() and len(each) <= 30 for each in ids)
    assert {tag for _, operation in operations(document) for tag in operation["tags"]} == tags


def test_schemas_have_names_that_can_be_said(document: dict[str, Any]) -> None:
    """No two classes share a name, which FastAPI would tell apart by their modules."""
    assert [name for name in document["components"]["schemas"] if not name.isalnum()] == []


def test_every_operation_names_its_token_and_its_refusals(document: dict[str, Any]) -> None:
    """Whoever asks learns beforehand how a refusal looks: a problem, with its id and when to come back."""
    for name, operation in operations(document):
        if not name.split(" ")[1].startswith("/v1"):
            assert "security" not in operation, name
            continue
        answers = operation["responses"]
        assert operation["security"] == [{"token": []}], name
        assert answers.keys() >= ALWAYS | ({"400", "413"} if "requestBody" in operation else set()), name
        assert ("404" in answers) or "{" not in name, name
        for status, answer in answers.items():
            assert "X-Request-Id" in answer["headers"], name
            assert status < "400" or set(answer["content"]) == {PROBLEM}, name
        assert all("Retry-After" in answers[status]["headers"] for status in ("429", "503")), name


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    """Bodies of JSON show one that is taken; others are files that no example could show."""
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            if kind == JSON:
                known = schemas.get(content["schema"].get("$ref", "").rpartition("/")[2], content["schema"])
                assert known.get("examples"), name


def test_lists_link_to_what_follows(document: dict[str, Any]) -> None:
    """Every list with a cursor says that its answers carry it as `Link` too."""
    for name, operation in operations(document):
        taken = {each["name"] for each in operation.get("parameters", ())}
        assert (
            "Link" in operation["responses"]["200" if "200" in operation["responses"] else "201"]["headers"]
        ) == ("cursor" in taken), name


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda doc: doc["paths"].pop("/v1/matches"), "GET /v1/matches is gone"),
        (
            lambda doc: doc["components"]["schemas"]["AlertOut"]["properties"].pop("rule"),
            "AlertOut: member rule is gone",
        ),
        (
            lambda doc: doc["paths"]["/v1/alerts"]["get"].update(operationId="alerts"),
            "GET /v1/alerts: operation list_alerts is called alerts",
        ),
        (
            lambda doc: doc["components"]["schemas"]["TriageIn"].update(required=["action", "comment"]),
            "TriageIn: member comment is required",
        ),
        (
            lambda doc: doc["components"]["schemas"]["Mode"]["enum"].pop(),
            "Mode: value 'enforcement-alert' is gone",
        ),
        (
            lambda doc: doc["paths"]["/v1/alerts/{alert_id}"]["get"]["responses"].pop("404"),
            "GET /v1/alerts/{alert_id}: status 404 is gone",
        ),
    ],
)
def test_what_breaks_clients_is_told(document: dict[str, Any], change: Any, told: str) -> None:
    """What goes, or is newly asked for, is named; the same document breaks nothing."""
    later = deepcopy(document)
    change(later)

    assert told in breaking(document, later)
    assert breaking(document, document) == []


def test_what_comes_breaks_nothing(document: dict[str, Any]) -> None:
    """A new operation and a new member of an answer are no business of clients that do not know them."""
    later = deepcopy(document)
    later["paths"]["/v1/new"] = later["paths"]["/v1/matches"]
    later["components"]["schemas"]["AlertOut"]["properties"]["new"] = {"type": "string"}

    assert breaking(document, later) == []


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_every_cursor_has_the_form_that_is_described(position: int) -> None:
    """What the service gives as a cursor is what its description says of one."""
    assert re.fullmatch(CURSOR_PATTERN.strip("^$"), encode_cursor(position))


@given(st.from_regex(CURSOR_PATTERN.removesuffix("$"), fullmatch=True))
def test_whatever_has_the_form_of_a_cursor_is_one(cursor: str) -> None:
    """Nothing that the description allows is refused."""
    assert decode_cursor(cursor) >= 0


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/alerts/triage", "POST"),
        ("GET", "/v1/suppressions/preview", "POST"),
        ("GET", "/v1/baselines/import", "POST"),
        ("PATCH", "/v1/channels", "GET, POST"),
        ("POST", "/v1/channels/1", "DELETE, GET"),
    ],
)
def test_a_method_that_a_path_lacks_is_405(
    shared_service: Service, method: str, path: str, allowed: str
) -> None:
    """The answer names all methods of the path, whichever routes they belong to."""
    answer = shared_service.request(method, path, Role.ADMIN)

    assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert answer.headers["Allow"] == allowed
    assert answer.headers["Content-Type"] == PROBLEM


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_413_before_anybody_reads_it(
    shared_service: Service, *, declared: bool
) -> None:
    """Without any token, declared or in chunks, no more is read than may be."""
    piece = b" " * (1 << 20)
    pieces = (MAX_BYTES >> 20) + 1
    body: Any = piece * pieces if declared else (piece for _ in range(pieces))

    answer = shared_service.http.post("/v1/suppressions", content=body, headers={"Content-Type": JSON})

    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert answer.json()["type"] == "/problems/oversized"
    assert answer.headers["X-Request-Id"]

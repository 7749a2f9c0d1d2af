"""What the OpenAPI document says beyond what FastAPI finds: enough to generate a client from it alone."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.errors import BadBodyError, OversizedError
from api.problems import MEDIA_TYPE, Problem, responses

DESCRIPTION: Final = """\
Learns what each container workload normally does and raises what does not belong.

Every request under `/v1` carries a bearer token; its role and its limits say what it may see and do.

Lists are ordered by the time of entry. Keep `next_cursor` and ask again
with it: no entry is missed or repeated.

Errors are `application/problem+json`, and an error changes nothing. A method that a path does not
have is answered with 405 (`#/components/responses/MethodNotAllowed`) on every path.
"""
TAGS: Final = [
    {"name": name, "description": said}
    for name, said in (
        ("workloads", "What is learned: one entry for each container of each deployment."),
        ("baselines", "Versions of what was learned: report, promote, roll back, export, import."),
        ("upgrades", "Changes of workloads to new images, and what people decide about them."),
        ("keys", "Whose bundles are taken, and the key of this service."),
        ("scores", "How unusual each window was, and whether it was learned."),
        ("alerts", "What did not belong: list, follow, count and triage."),
        ("events", "Alerts and scores as they come, as Server-Sent Events."),
        ("suppressions", "What raises no alert for a time."),
        ("channels", "Who is told of alerts, and how that fares."),
        ("retention", "What is kept how long."),
        ("what-if", "What other budgets or rules would have raised; nothing is changed."),
        ("matches", "What signature rules saw."),
        ("rules", "Signature rules, their versions, and where they are on."),
        ("nodes", "What agents say of themselves."),
        ("troubles", "What is wrong with nonself itself."),
        ("ingest", "For agents: profiles and matches."),
        ("enrolment", "For agents: from a one-time token to a node's own."),
        ("tokens", "Who may ask."),
        ("audit", "Who changed what."),
        ("health", "For machines, without a token."),
    )
]
_NO_METHOD: Final = {
    "description": "The path has no such method; `Allow` names those it has.",
    "headers": {"Allow": {"required": True, "schema": {"type": "string"}}},
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_TEXT: Final = {"type": "string"}
_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "RequestId": {
        "description": "Of the request: what its log lines carry; what to name to the service's operator.",
        "required": True,
        "schema": _TEXT,
    },
    "Link": {
        "description": 'Address of what follows the last entry, with `rel="next"` (RFC 8288).',
        "required": True,
        "schema": _TEXT,
    },
    "ETag": {
        "description": "The revision that was read, for `If-Match` or `If-None-Match`.",
        "required": True,
        "schema": _TEXT,
    },
    "RetryAfter": {
        "description": "Seconds to wait before asking again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWWAuthenticate": {"description": "`Bearer`.", "required": True, "schema": _TEXT},
}
_GENERIC: Final = re.compile(r"Page[_\[](\w+)Out[_\]]")
_TAGGED: Final = frozenset({"get_alert", "triage_alert", "get_rule_bundle"})
"""Operations whose answers carry an `ETag`."""


def operation_id(route: APIRoute) -> str:
    """Return the name of an operation: that of its function, which is unique among routes."""
    return route.name


def install(app: FastAPI) -> None:
    """Let an app describe itself in full; what it says is kept after the first time."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(generate())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # the way FastAPI documents


def _completed(found: dict[str, Any]) -> dict[str, Any]:
    # A generated client calls its classes so, and `AlertPage` can be said.
    schema: dict[str, Any] = json.loads(_GENERIC.sub(r"\1Page", json.dumps(found)))
    parts = schema["components"]
    parts["schemas"]["Problem"] = Problem.model_json_schema()
    parts["responses"] = {"MethodNotAllowed": _NO_METHOD}
    parts["headers"] = _HEADERS
    for operation in operations(schema):
        answers: dict[str, Any] = operation["responses"]
        if "requestBody" in operation:
            # Bodies are read before a route sees them, and FastAPI knows nothing of what we answer then.
            for kind in (BadBodyError, OversizedError):
                answers.setdefault(str(kind.status), responses(kind)[kind.status])
        for status, answer in answers.items():
            answer["headers"] = {
                name: {"$ref": f"#/components/headers/{part}"}
                for name, part in _headers(operation, status, answer)
            }
        operation["responses"] = dict(sorted(answers.items()))
    return schema


def operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the operations of a document."""
    for path in schema["paths"].values():
        yield from path.values()


def _headers(operation: dict[str, Any], status: str, answer: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "X-Request-Id", "RequestId"
    if status == "401":
        yield "WWW-Authenticate", "WWWAuthenticate"
    if status in {"429", "503"}:
        yield "Retry-After", "RetryAfter"
    if status in {"200", "201", "304"} and operation["operationId"] in _TAGGED:
        yield "ETag", "ETag"
    if status == "200" and _is_page(answer):
        yield "Link", "Link"


def _is_page(answer: dict[str, Any]) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    named = [schema, *schema.get("anyOf", ())]
    return any(str(each.get("$ref", "")).endswith("Page") for each in named)

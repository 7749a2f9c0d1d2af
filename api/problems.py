"""Errors as answers: application/problem+json (RFC 9457), in one shape for every endpoint."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Annotated, Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from api.errors import (
    BacklogError,
    BadBodyError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    IssuerError,
    MediaTypeError,
    NotFoundError,
    OversizedError,
    ProblemError,
    QuotaError,
    ReplayedError,
    SignatureError,
    StoreError,
    TooManyFailuresError,
    UnauthenticatedError,
)
from api.validation import sentence

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "/problems/"
REQUEST_ID: Final = "request_id"
"""Name in a request's state of the id that its answer and its log lines carry."""
_log = structlog.get_logger()


class Problem(BaseModel):
    """What went wrong; nothing was changed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/not-found",
                    "title": "Not found",
                    "status": 404,
                    "detail": "There is no workload 12.",
                    "instance": "/v1/workloads/12",
                    "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                }
            ]
        }
    )

    type: Annotated[str, Field(description="`/problems/<slug>`: stable, for programs.")]
    title: str
    status: int
    detail: Annotated[str, Field(description="A sentence for people.")]
    instance: Annotated[str, Field(description="Path of the request.")]
    request_id: Annotated[
        str, Field(description="Of `X-Request-Id` and the service's log: what to name to its operator.")
    ]


def responses(*kinds: type[ProblemError]) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of an endpoint that may answer with these, and with those that any may."""
    by_status: dict[int, list[type[ProblemError]]] = {}
    always: tuple[type[ProblemError], ...] = (
        UnauthenticatedError,
        ForbiddenError,
        InvalidError,
        TooManyFailuresError,
        QuotaError,
        StoreError,
        IssuerError,
    )
    for kind in (*kinds, *always):
        known = by_status.setdefault(kind.status, [])
        if kind not in known:
            known.append(kind)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": "; ".join(f"{kind.title} (`{TYPE_PREFIX}{kind.slug}`)" for kind in same),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status, same in sorted(by_status.items())
    }


INGEST_PROBLEMS: Final = (
    BadBodyError,
    SignatureError,
    ReplayedError,
    ConflictError,
    OversizedError,
    MediaTypeError,
    BacklogError,
)


def install(app: FastAPI) -> None:
    """Make every error of an app a problem."""

    @app.exception_handler(ProblemError)
    def _on_problem(request: Request, error: ProblemError) -> JSONResponse:
        return render(request, error)

    @app.exception_handler(RequestValidationError)
    def _on_validation(request: Request, error: RequestValidationError) -> JSONResponse:
        found = [sentence(each) for each in error.errors()]
        return render(request, InvalidError("; ".join(found) + "."))

    @app.exception_handler(HTTPException)
    def _on_http(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == NotFoundError.status:
            return render(request, NotFoundError(f"There is nothing at {request.url.path}."))
        if error.status_code == OversizedError.status:
            return render(request, OversizedError(f"{error.detail}."))
        said, headers = f"{error.detail}.", dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(sorted(_methods(app.routes, request.url.path))) or "another method"
            headers["Allow"] = allowed
            said = f"Expected {allowed} at {request.url.path}; got {request.method}."
        body = _body(request, "about:blank", str(error.detail), error.status_code, said)
        return JSONResponse(body, error.status_code, headers, MEDIA_TYPE)


def _methods(routes: Iterable[Any], path: str) -> set[str]:
    """Return the methods of a path, which may be those of several routes with the same pattern."""
    found = [route for route in _flat(routes) if route.path_regex.match(path)]
    return {method for route in found if route.path == found[0].path for method in route.methods or ()}


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        if (router := getattr(route, "original_router", None)) is not None:
            yield from _flat(router.routes)
        elif hasattr(route, "path_regex"):
            yield route


def render(request: Request, error: ProblemError) -> JSONResponse:
    """Return the response for an error."""
    headers = {}
    if error.status == UnauthenticatedError.status:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    body = _body(request, TYPE_PREFIX + error.slug, error.title, error.status, error.detail) | error.members
    return JSONResponse(body, error.status, headers, MEDIA_TYPE)


def _body(request: Request, type_: str, title: str, status: int, detail: str) -> dict[str, Any]:
    problem = Problem(
        type=type_,
        title=title,
        status=status,
        detail=detail,
        instance=request.url.path,
        request_id=getattr(request.state, REQUEST_ID, ""),
    )
    return problem.model_dump()

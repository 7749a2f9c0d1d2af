"""`/v1/rules`: rules, their versions, and what is switched on or off."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from api.auth import WHOLE, AdminDep, ReaderDep
from api.core import Core, CoreDep
from api.errors import InvalidError, MediaTypeError, NotFoundError, OversizedError, RulesError
from api.ingest.body import read_limited
from api.paging import NoQuery, Page, PageQuery, PagerDep
from api.problems import responses
from api.rules import service, states, trial, versions
from api.rules.schemas import (
    ReasonIn,
    ReasonQuery,
    RuleDetailOut,
    RuleDiffOut,
    RuleQuery,
    RuleSetOut,
    RulesOut,
    SelectionIn,
    SelectionOut,
    SelectionsOut,
    TestIn,
    TestOut,
    UploadIn,
    UploadOut,
    UploadQuery,
)
from api.rules.versions import Upload
from wire.bundle import RuleFile

router = APIRouter(prefix="/v1/rules", dependencies=[WHOLE], tags=["rules"])

YAML_TYPES: Final = ("application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml", "text/plain")
_JSON: Final = "application/json"
_MAX_BYTES: Final = 8 << 20
"""A file of the most characters, each of them escaped in JSON or four bytes of UTF-8, and its frame."""
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The file itself, with its name in the query; or a JSON object that holds both.",
        "content": {
            YAML_TYPES[0]: {"schema": {"type": "string"}},
            _JSON: {"schema": UploadIn.model_json_schema()},
        },
    }
}
Version = Annotated[int, Path(ge=1, lt=1 << 63)]


@contextmanager
def _changing(core: Core) -> Iterator[Session]:
    """Give a session that changes what agents evaluate; those that wait for a change are told of it."""
    with core.store.write() as session:
        yield session
    core.rules_changes += 1


async def _read_upload(
    request: Request, _principal: AdminDep, query: Annotated[UploadQuery, Query()]
) -> Upload:
    """Return the file that a request carries, whatever its form."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in {_JSON, *YAML_TYPES}:
        msg = f"Content-Type: expected {YAML_TYPES[0]} or {_JSON}; got {media_type or 'none'}."
        raise MediaTypeError(msg)
    body = await read_limited(request, _MAX_BYTES)
    if media_type == _JSON:
        try:
            wish = UploadIn.model_validate_json(body)
        except ValidationError as error:
            found = [f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in error.errors()]
            raise InvalidError("; ".join(found) + ".") from error
        if query.name is not None or query.position is not None or query.comment:
            msg = "query: expected name, position and comment in the JSON body alone."
            raise InvalidError(msg)
        file = RuleFile(name=wish.name, text=wish.content)
        return Upload(file=file, position=wish.position, comment=wish.comment)
    if query.name is None:
        msg = "name: expected the name of the file in the query, such as ?name=shop.yaml; got none."
        raise InvalidError(msg)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        msg = f"content: expected UTF-8; got byte {body[error.start]:#04x} at position {error.start}."
        raise InvalidError(msg) from error
    file = RuleFile(name=query.name, text=text)
    return Upload(file=file, position=query.position, comment=query.comment)


@router.get("", responses=responses())
def list_rules(core: CoreDep, _principal: ReaderDep, query: Annotated[RuleQuery, Query()]) -> RulesOut:
    """List the rules of the active set in the order in which they are tried, and what nodes say of them."""
    with core.store.read() as session:
        return states.list_rules(session, query)


@router.post(
    "",
    responses=responses(RulesError, MediaTypeError, OversizedError),
    openapi_extra=_BODY,
)
def upload_rules(
    core: CoreDep,
    principal: AdminDep,
    query: Annotated[UploadQuery, Query()],
    wish: Annotated[Upload, Depends(_read_upload)],
) -> UploadOut:
    """Put a file among the rules, or replace the one of its name: a new version, active at once; audited.

    All files are checked together. One that does not load changes nothing, and
    the problem's `errors` and `warnings` say why, with code, file, line, column and snippet.
    """
    now_ms, actor = core.clock.now_ms(), principal.name
    if query.dry_run:
        with core.store.read() as session:
            return service.upload(session, wish, dry_run=True, now_ms=now_ms, actor=actor)
    with _changing(core) as session:
        return service.upload(session, wish, dry_run=False, now_ms=now_ms, actor=actor)


@router.delete("/files/{name}", responses=responses(NotFoundError, RulesError))
def remove_rule_file(
    core: CoreDep, principal: AdminDep, name: str, query: Annotated[ReasonQuery, Query()]
) -> RuleSetOut:
    """Take a file out of the rules: a new version without it, active at once; audited."""
    with _changing(core) as session:
        return service.drop(
            session, name, reason=query.reason, now_ms=core.clock.now_ms(), actor=principal.name
        )


@router.get("/versions", responses=responses())
def list_rule_versions(
    core: CoreDep, _principal: ReaderDep, query: Annotated[PageQuery, Query()], pager: PagerDep
) -> Page[RuleSetOut]:
    """List the versions of the rules, oldest first."""
    with core.store.read() as session:
        items = service.list_versions(session, query)
    return pager.page(query, items)


@router.get("/versions/{version}", responses=responses(NotFoundError))
def get_rule_version(
    core: CoreDep, _principal: ReaderDep, version: Version, _query: Annotated[NoQuery, Query()]
) -> RuleSetOut:
    """Show one version."""
    with core.store.read() as session:
        return service.get_version(session, version)


@router.get(
    "/versions/{version}/files/{name}",
    responses=responses(NotFoundError) | {200: {"content": {YAML_TYPES[0]: {}}}},
    response_class=Response,
)
def get_rule_file(
    core: CoreDep, _principal: ReaderDep, version: Version, name: str, _query: Annotated[NoQuery, Query()]
) -> Response:
    """Return a file as it was uploaded."""
    with core.store.read() as session:
        return Response(service.get_file(session, version, name), media_type=YAML_TYPES[0])


@router.get("/versions/{version}/diff/{other}", responses=responses(NotFoundError))
def compare_rule_versions(
    core: CoreDep,
    _principal: ReaderDep,
    version: Version,
    other: Annotated[int, Path(ge=1, lt=1 << 63)],
    _query: Annotated[NoQuery, Query()],
) -> RuleDiffOut:
    """Show what changed from one version to another."""
    with core.store.read() as session:
        return service.compare(session, version, other)


@router.post("/versions/{version}/activate", responses=responses(NotFoundError, RulesError))
def activate_rule_version(
    core: CoreDep,
    principal: AdminDep,
    version: Version,
    wish: ReasonIn,
    _query: Annotated[NoQuery, Query()],
) -> RuleSetOut:
    """Make a version the active one again; audited. Selections stay as they are."""
    with _changing(core) as session:
        row = versions.roll_to(
            session,
            version,
            now_ms=core.clock.now_ms(),
            actor=principal.name,
            reason=wish.reason,
        )
        return service.show(session, row)


@router.get("/selections", responses=responses())
def list_rule_selections(
    core: CoreDep, _principal: ReaderDep, _query: Annotated[NoQuery, Query()]
) -> SelectionsOut:
    """List what is switched on or off, oldest first."""
    with core.store.read() as session:
        return service.list_selections(session)


@router.post("/selections", responses=responses(NotFoundError))
def select_rules(
    core: CoreDep, principal: AdminDep, wish: SelectionIn, _query: Annotated[NoQuery, Query()]
) -> SelectionOut:
    """Switch rules on or off by name, wildcard or tag: everywhere, in a namespace or for a workload; audited.

    A later selection of the same name or tag in the same place takes the place of the earlier one.
    """
    with _changing(core) as session:
        return service.select(session, wish, now_ms=core.clock.now_ms(), actor=principal.name)


@router.delete("/selections/{selection_id}", responses=responses(NotFoundError))
def remove_rule_selection(
    core: CoreDep,
    principal: AdminDep,
    selection_id: Annotated[int, Path(ge=1, lt=1 << 63)],
    query: Annotated[ReasonQuery, Query()],
) -> SelectionOut:
    """Take a selection back; audited."""
    with _changing(core) as session:
        return service.unselect(
            session, selection_id, reason=query.reason, now_ms=core.clock.now_ms(), actor=principal.name
        )


@router.post("/test", responses=responses(RulesError))
def evaluate_rules(
    core: CoreDep, _principal: ReaderDep, wish: TestIn, _query: Annotated[NoQuery, Query()]
) -> TestOut:
    """Try rules on recorded events; nothing is stored and nothing is raised.

    Every rule that holds is told, also one that is switched off.
    """
    with core.store.read() as session:
        return trial.run(session, wish)


@router.get("/{name}", responses=responses(NotFoundError))
def get_rule(
    core: CoreDep, _principal: ReaderDep, name: str, _query: Annotated[NoQuery, Query()]
) -> RuleDetailOut:
    """Show one rule of the active set."""
    with core.store.read() as session:
        return states.get_rule(session, name)

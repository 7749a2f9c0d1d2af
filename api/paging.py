"""Lists a poller can follow: ordered by id, which grows in the order of commits, and never repeating one.

`next_cursor` is given on every page, the empty one too: asking again with it
returns what has been added since.
"""

import base64
import binascii
from typing import Annotated, Final, Generic, Protocol, TypeVar

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.clock import to_ms
from api.db.slices import Slice
from api.errors import InvalidError
from api.moments import Moment

MAX_LIMIT: Final = 1000
MORE: Final = "The page is full: ask again at once. Else there is nothing more for now."
_PREFIX: Final = "after:"
_DIGITS: Final = "(?:[MN][DTjz]|O[DT])"
"""One digit and the beginning of the next, in base64; below, what ends three, two and one of them."""
CURSOR_PATTERN: Final = (
    f"^YWZ0ZXI6(?:{_DIGITS}[AEIMQUYcgk][w-z0-5]){{0,5}}"
    f"(?:{_DIGITS}[AEIMQUYcgk](?:[w-z0-5])?|(?:[MN][AQgw]|O[AQ]))$"
)
"""What cursors look like: for whoever tries the interface with made-up ones, and for nobody else to read."""

ItemT = TypeVar("ItemT")


class _Identified(Protocol):
    id: int


IdentifiedT = TypeVar("IdentifiedT", bound=_Identified)


class NoQuery(BaseModel):
    """The endpoint takes no query parameters; one sent by mistake is refused rather than ignored."""

    model_config = ConfigDict(extra="forbid")


class PageQuery(NoQuery):
    """Query parameters that all lists share."""

    since: Annotated[Moment | None, Field(description="Only entries recorded at or after this time.")] = None
    until: Annotated[Moment | None, Field(description="Only entries recorded before this time.")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Most entries on one page.")] = 100
    cursor: Annotated[
        str | None,
        Field(
            description="`next_cursor` of the page before.",
            json_schema_extra={"pattern": CURSOR_PATTERN},
        ),
    ] = None

    def slice(self) -> Slice:
        """Return the rows that the page shows.

        Raises:
            InvalidError: The cursor is not one of this service.
        """
        return Slice(
            after=0 if self.cursor is None else decode_cursor(self.cursor),
            limit=self.limit,
            since_ms=to_ms(self.since) if self.since else None,
            until_ms=to_ms(self.until) if self.until else None,
        )


class Page(BaseModel, Generic[ItemT]):
    """One page of a list."""

    items: list[ItemT]
    next_cursor: Annotated[str, Field(description="Asks for what follows the last entry, now or later.")]
    more: Annotated[bool, Field(description=MORE)]


def encode_cursor(row_id: int) -> str:
    """Return the opaque text that stands for a position in a list.

    Examples:
        >>> decode_cursor(encode_cursor(7))
        7
    """
    return base64.urlsafe_b64encode(f"{_PREFIX}{row_id}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> int:
    """Return the position that `encode_cursor` wrote.

    Raises:
        InvalidError: The text is none of ours.
    """
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode(
            "ascii"
        )
        position = int(plain.removeprefix(_PREFIX)) if plain.startswith(_PREFIX) else -1
    except (binascii.Error, ValueError):
        position = -1
    if not 0 <= position < 1 << 63:
        msg = f"cursor: expected the next_cursor of an earlier page; got {cursor!r}."
        raise InvalidError(msg)
    return position


class Pager:
    """Makes the pages of one request."""

    def __init__(self, request: Request, response: Response) -> None:
        self._request, self._response = request, response

    @property
    def header(self) -> str:
        """The `Link` header, for a response that is made by hand."""
        return self._response.headers["Link"]

    def page(
        self, query: PageQuery, items: list[IdentifiedT], *, after: int | None = None
    ) -> "Page[IdentifiedT]":
        """Return one page, and set its `Link` header (RFC 8288).

        Args:
            query: What was asked for.
            items: The page.
            after: Where the next one begins if this is empty; None: where this one began.
        """
        # The annotation is a text: evaluated, pydantic would ask the bound of the variable for a schema.
        began = query.slice().after if after is None else after
        last = items[-1].id if items else began
        return Page(items=items, next_cursor=self.link(last), more=len(items) >= query.limit)

    def link(self, after: int) -> str:
        """Set the `Link` header (RFC 8288) to what follows a position; return its cursor."""
        cursor = encode_cursor(after)
        following = self._request.url.include_query_params(cursor=cursor)
        self._response.headers["Link"] = f'<{following}>; rel="next"'
        return cursor


async def _pager(request: Request, response: Response) -> Pager:
    return Pager(request, response)


PagerDep = Annotated[Pager, Depends(_pager)]

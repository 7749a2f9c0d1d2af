"""What REST says of the audit log."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.paging import PageQuery


class AuditQuery(PageQuery):
    """Which entries of the audit log are wanted."""

    actor: Annotated[str | None, Field(max_length=253, description="Who: the name of a token.")] = None
    action: Annotated[
        str | None,
        Field(
            max_length=100,
            description="What: `token.revoke`, or the word before the dot for all of its kind.",
        ),
    ] = None
    target: Annotated[
        str | None, Field(max_length=1000, description="On what: the id or name that the action is about.")
    ] = None


class AuditOut(BaseModel):
    """One change, as it was written in the transaction that made it."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Any]

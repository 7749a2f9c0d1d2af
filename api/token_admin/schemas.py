"""What REST says of tokens."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from api.tokens.grant import Role
from api.tokens.service import TokenState

_Reason = Annotated[str, Field(max_length=1000, description="Kept in the audit record.")]
_MOST_LIMITS: Final = 200


class TokenIn(BaseModel):
    """A token to be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "soc",
                    "role": "triage",
                    "expires_at": "2027-11-23T00:00:00Z",
                    "namespaces": ["shop"],
                }
            ]
        },
    )

    name: Annotated[
        str, Field(pattern="^[a-z0-9][a-z0-9._-]{0,62}$", description="a-z, 0-9, `.`, `_` and `-`.")
    ]
    role: Role
    expires_at: Annotated[
        datetime | None, Field(description="Null: never; of role `enrol` after an hour.")
    ] = None
    namespaces: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=253)]],
        Field(
            max_length=_MOST_LIMITS, description="Whose workloads it may see; none and no `workloads`: all."
        ),
    ] = []
    workloads: Annotated[
        list[Annotated[int, Field(ge=1, lt=1 << 63)]],
        Field(
            max_length=_MOST_LIMITS,
            description="Ids of workloads that it may see beside those of `namespaces`.",
        ),
    ] = []
    node: Annotated[
        str | None,
        Field(min_length=1, max_length=253, description="The only node that it may send for, or enrol."),
    ] = None


class RotateTokenIn(BaseModel):
    """A wish for another secret."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap_s": 600}]})

    overlap_s: Annotated[
        int, Field(ge=0, le=86_400, description="Seconds for which the secret that it had is good as well.")
    ] = 600


class RevokeTokenIn(BaseModel):
    """A wish to let nobody in by a token any more."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "it leaked"}]})

    reason: _Reason = ""


class TokenOut(BaseModel):
    """A token, without its secret, which nobody can read again."""

    id: int
    name: str
    role: Role
    state: TokenState
    namespaces: list[str]
    workloads: list[int]
    node: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: Annotated[datetime | None, Field(description="To about a minute.")]
    previous_until: Annotated[
        datetime | None, Field(description="Until when the secret that it had before is good as well.")
    ]


class SecretOut(TokenOut):
    """A token with its secret: the only time that it is shown."""

    token: str

"""What REST says of keys."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
_PublicKey = Annotated[str, Field(description="The 32 bytes of an Ed25519 public key, in base64.")]


class KeyState(StrEnum):
    """Whether bundles of a key are taken."""

    TRUSTED = "trusted"
    EXPIRED = "expired"
    REVOKED = "revoked"


class KeyIn(BaseModel):
    """A key to be trusted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "staging",
                    "public_key": _KEY,
                    "expires_at": "2027-11-23T00:00:00Z",
                    "reason": "CHG-7",
                }
            ]
        },
    )

    name: Annotated[
        str, Field(pattern="^[a-z0-9][a-z0-9._-]{0,62}$", description="a-z, 0-9, `.`, `_` and `-`.")
    ]
    public_key: Annotated[
        str, Field(max_length=1000, description="32 bytes in base64, or PEM (SubjectPublicKeyInfo).")
    ]
    expires_at: Annotated[datetime | None, Field(description="Null: never.")] = None
    reason: Annotated[str, Field(min_length=1, max_length=1000, description="Kept in the audit record.")]


class RevokeIn(BaseModel):
    """A wish to trust a key no longer."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "it leaked"}]})

    reason: Annotated[str, Field(min_length=1, max_length=1000, description="Kept in the audit record.")]


class KeyOut(BaseModel):
    """A key that is or was trusted."""

    id: int
    name: str
    public_key: _PublicKey
    state: KeyState
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class KeysOut(BaseModel):
    """All keys that are or were trusted, oldest first."""

    items: list[KeyOut]


class OwnKeyOut(BaseModel):
    """The key that this service signs bundles with; it trusts it no more than any other."""

    public_key: _PublicKey

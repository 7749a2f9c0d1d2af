"""What a token is for: its role, its end, and what it is limited to."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from api.clock import to_datetime
from api.db.scope import EVERYTHING, Scope
from api.errors import InvalidError

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_NODE: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,253}")


class Role(StrEnum):
    """What the bearer of a token may do."""

    ADMIN = "admin"
    """Read everything and change everything."""
    READ = "read"
    """Read everything."""
    TRIAGE = "triage"
    """Read everything and say what becomes of alerts."""
    INGEST = "ingest"
    """Send profiles and matches and fetch rules, nothing else."""
    ENROL = "enrol"
    """Be exchanged, once, for a token with which one node sends; nothing else."""


_FOR_NODES: Final = frozenset({Role.INGEST, Role.ENROL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a new token is for.

    Attributes:
        name: Under which it is listed and stands in the audit log.
        role: What it may do.
        expires_at: From when it lets nobody in, in Unix milliseconds; None: never.
        scope: What it may see; only for roles that read.
        node: The node that it may send for; only for roles that send.
    """

    name: str
    role: Role
    expires_at: int | None = None
    scope: Scope = EVERYTHING
    node: str | None = None

    def check(self, now_ms: int) -> None:
        """Refuse what cannot be.

        Raises:
            InvalidError: The name is not lower-case letters, digits, `.`, `_`, `-`; the end is past; or a
                limit does not fit the role.
        """
        if not _NAME.fullmatch(self.name):
            msg = f"name: expected 1 to 63 of a-z, 0-9, '.', '_' and '-'; got {self.name!r}."
            raise InvalidError(msg)
        if self.expires_at is not None and self.expires_at <= now_ms:
            came = to_datetime(self.expires_at).isoformat()
            msg = f"expires_at: expected a time to come; got {came}."
            raise InvalidError(msg)
        if self.scope.limited and self.role in _FOR_NODES:
            msg = f"namespaces, workloads: a token of role {self.role} reads nothing; limit it to a node."
            raise InvalidError(msg)
        if self.node is not None and self.role not in _FOR_NODES:
            msg = f"node: only tokens of role ingest or enrol belong to a node; got role {self.role}."
            raise InvalidError(msg)
        if self.node is not None and not _NODE.fullmatch(self.node):
            msg = f"node: expected the name of a node, 1 to 253 characters without spaces; got {self.node!r}."
            raise InvalidError(msg)

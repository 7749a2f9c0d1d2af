"""The audit log of a service, for programs."""

from collections.abc import Iterator

from api.audit_log.schemas import AuditOut, AuditQuery
from api.connection import Connection


class AuditLog:
    """Who changed what."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: AuditQuery | None = None) -> Iterator[AuditOut]:
        """Yield entries, oldest first.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(AuditOut, "/v1/audit", query)

"""What a service keeps, for programs."""

from api.connection import Connection
from api.retention.schemas import HistoryQuery, RetentionOut, WorkloadHistoryOut


class Retention:
    """What is kept how long, and sums over what is kept no longer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self) -> RetentionOut:
        """Return what is kept how long.

        Raises:
            ClientError: The service refuses.
        """
        return self._connection.get(RetentionOut, "/v1/retention")

    def history(self, workload: int, query: HistoryQuery | None = None) -> WorkloadHistoryOut:
        """Return sums over a workload's windows by the hour or day.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.get(WorkloadHistoryOut, f"/v1/workloads/{workload}/history", query)

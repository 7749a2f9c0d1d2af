"""Seccomp profiles of a service, for programs."""

from api.connection import Connection
from api.seccomp.schemas import SeccompOut, SeccompQuery


class Seccomp:
    """What was learned, as profiles that refuse everything else."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, workload: int, query: SeccompQuery | None = None) -> SeccompOut:
        """Return the profile of a workload.

        Raises:
            ClashError: Its baseline has seen too little.
        """
        return self._connection.get(SeccompOut, f"/v1/workloads/{workload}/seccomp", query)

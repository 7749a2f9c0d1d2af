"""Workloads of a service, for programs."""

from collections.abc import Iterator

from api.connection import Connection
from api.paging import PageQuery
from api.workloads.drift import DriftPeriodOut
from api.workloads.schemas import BaselineOut, BudgetIn, ModeIn, WorkloadOut, WorkloadQuery

_PATH = "/v1/workloads"


class Workloads:
    """What is learned, and how each is watched."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: WorkloadQuery | None = None) -> Iterator[WorkloadOut]:
        """Yield workloads in the order in which they were first seen.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(WorkloadOut, _PATH, query)

    def get(self, workload: int) -> WorkloadOut:
        """Return one of them.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.get(WorkloadOut, f"{_PATH}/{workload}")

    def learned(self, workload: int) -> BaselineOut:
        """Return what its normal behaviour was learned to be.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.get(BaselineOut, f"{_PATH}/{workload}/baseline")

    def drifts(self, workload: int, query: PageQuery | None = None) -> Iterator[DriftPeriodOut]:
        """Yield the times in which it was stranger than remembered.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.list(DriftPeriodOut, f"{_PATH}/{workload}/drift", query)

    def set_mode(self, workload: int, wish: ModeIn) -> WorkloadOut:
        """Switch between learning and enforcement.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.put(WorkloadOut, f"{_PATH}/{workload}/mode", wish)

    def set_budget(self, workload: int, wish: BudgetIn) -> WorkloadOut:
        """Say how many false alerts a week are accepted.

        Raises:
            ClashError: The budget is finer than the evidence; the members say when it will not be.
        """
        return self._connection.put(WorkloadOut, f"{_PATH}/{workload}/budget", wish)

"""Alerts of a service, for programs."""

from collections.abc import Iterator

from api.alerts.schemas import AlertDetailOut, AlertFilter, AlertOut, AlertQuery
from api.alerts.statistics_schemas import CountQuery, CountsOut, SeriesOut, SeriesQuery
from api.alerts.triage_schemas import BulkOut, ChangeOut, ChangeQuery, TriageIn, TriageOut
from api.connection import Connection
from api.paging import Page

_PATH = "/v1/alerts"


class Alerts:
    """What did not belong: listed, followed, counted and handled."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: AlertQuery | None = None) -> Iterator[AlertOut]:
        """Yield alerts, page by page; as they were opened, where the query names no order.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(AlertOut, _PATH, query)

    def pages(self, query: AlertQuery | None = None) -> Iterator[Page[AlertOut]]:
        """Yield pages, whose `next_cursor` asks for what comes later.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.pages(AlertOut, _PATH, query)

    def get(self, alert: int) -> AlertDetailOut:
        """Return one alert with its windows or matches.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.get(AlertDetailOut, f"{_PATH}/{alert}")

    def changes(self, query: ChangeQuery | None = None) -> Iterator[ChangeOut]:
        """Yield what happened to alerts, oldest first.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(ChangeOut, f"{_PATH}/changes", query)

    def change_pages(self, query: ChangeQuery | None = None) -> Iterator[Page[ChangeOut]]:
        """Yield pages of what happened; keep the last cursor, and ask with it for what happens next.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.pages(ChangeOut, f"{_PATH}/changes", query)

    def counts(self, query: CountQuery | None = None) -> CountsOut:
        """Return counts by one property.

        Raises:
            ClientError: The service refuses.
        """
        return self._connection.get(CountsOut, f"{_PATH}/counts", query)

    def series(self, query: SeriesQuery) -> SeriesOut:
        """Return how many were opened in each interval.

        Raises:
            ClientError: The service refuses.
        """
        return self._connection.get(SeriesOut, f"{_PATH}/series", query)

    def triage(self, alert: int, step: TriageIn, *, as_read: AlertOut | None = None) -> TriageOut:
        """Acknowledge, assign, comment, close or reopen an alert.

        Args:
            alert: Its id.
            step: What is done.
            as_read: The alert as it was read: where somebody has handled it since, nothing is done.

        Raises:
            ChangedSinceError: It is no longer as it was read.
            ClashError: It is in no state for the step.
            MissingError: There is none of this id.
        """
        headers = {} if as_read is None else {"If-Match": f'"{as_read.revision}"'}
        return self._connection.post(TriageOut, f"{_PATH}/{alert}/triage", step, headers=headers)

    def triage_all(self, which: AlertFilter, step: TriageIn) -> BulkOut:
        """Do one step with all alerts that a filter names, or tell which they are.

        Raises:
            NotUnderstoodError: The filter names none, or more than 10,000.
        """
        return self._connection.post(BulkOut, f"{_PATH}/triage", step, query=which)

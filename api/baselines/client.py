"""Versions of baselines of a service, for programs."""

from collections.abc import Iterator, Mapping

from api.baselines.report_schemas import ReportOut
from api.baselines.schemas import (
    BaselineDiffOut,
    BaselineHistoryOut,
    ImportQuery,
    RelearnedOut,
    RelearnIn,
    ReleasedOut,
    ReleaseIn,
    RollbackIn,
    TransitionIn,
    UnlearnedOut,
    UnlearnIn,
    VersionDetailOut,
    VersionOut,
    VersionQuery,
)
from api.connection import Connection

_PATH = "/v1/baselines"
_BUNDLE = "application/zip"


class Baselines:
    """What was learned, version by version, and its way to production."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: VersionQuery | None = None) -> Iterator[VersionOut]:
        """Yield versions in the order in which they began.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(VersionOut, _PATH, query)

    def get(self, version: int) -> VersionDetailOut:
        """Return one of them.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.get(VersionDetailOut, f"{_PATH}/{version}")

    def history(self, version: int) -> BaselineHistoryOut:
        """Return how it came into its state.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.get(BaselineHistoryOut, f"{_PATH}/{version}/history")

    def report(self, version: int, asked: Mapping[str, object] | None = None) -> ReportOut:
        """Return by evidence whether it can be promoted.

        Args:
            version: Its id.
            asked: `max_unseen`, `max_loss`, `max_alerts_per_week` and `cycle`, where not the usual ones.

        Raises:
            ClashError: It has nothing to report.
        """
        return self._connection.get(ReportOut, f"{_PATH}/{version}/report", asked)

    def report_page(self, version: int, asked: Mapping[str, object] | None = None) -> bytes:
        """Return the report as HTML.

        Raises:
            ClashError: It has nothing to report.
        """
        query = {**(asked or {}), "format": "html"}
        return self._connection.ask("GET", f"{_PATH}/{version}/report", query=query)

    def compare(self, before: int, after: int) -> BaselineDiffOut:
        """Return what the later one has learned that the earlier one had not, and the reverse.

        Raises:
            ClashError: They cannot be compared.
        """
        return self._connection.get(BaselineDiffOut, f"{_PATH}/{after}/diff", {"with": before})

    def export(self, version: int) -> bytes:
        """Return it as one signed file.

        Raises:
            ClashError: It cannot be exported.
        """
        return self._connection.ask("GET", f"{_PATH}/{version}/bundle")

    def take_in(self, bundle: bytes, wish: ImportQuery) -> VersionOut:
        """Import such a file as a new version.

        Raises:
            NotUnderstoodError: The bundle is refused; the member `cause` says why.
        """
        return self._connection.upload(VersionOut, f"{_PATH}/import", bundle, _BUNDLE, wish)

    def move(self, version: int, wish: TransitionIn) -> VersionOut:
        """Promote it, let it learn on, or retire it.

        Raises:
            ClashError: The move is not legal, or its gate is not passed.
        """
        return self._connection.post(VersionOut, f"{_PATH}/{version}/transitions", wish)

    def roll_back(self, version: int, wish: RollbackIn) -> VersionOut:
        """Make a stale version the active one again.

        Raises:
            ClashError: It is not stale.
        """
        return self._connection.post(VersionOut, f"{_PATH}/{version}/rollback", wish)

    def unlearn(self, version: int, wish: UnlearnIn) -> UnlearnedOut:
        """Take back what it learned within a time.

        Raises:
            ClashError: It is not live, or counts are no longer kept.
        """
        return self._connection.post(UnlearnedOut, f"{_PATH}/{version}/unlearn", wish)

    def relearn(self, version: int, wish: RelearnIn) -> RelearnedOut:
        """Learn its workload anew since a time.

        Raises:
            ClashError: It is not live, or counts are no longer kept.
        """
        return self._connection.post(RelearnedOut, f"{_PATH}/{version}/relearn", wish)

    def release(self, version: int, wish: ReleaseIn) -> ReleasedOut:
        """Learn what was held out of learning within a time.

        Raises:
            ClashError: It is not live.
        """
        return self._connection.post(ReleasedOut, f"{_PATH}/{version}/release", wish)

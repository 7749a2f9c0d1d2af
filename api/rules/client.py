"""Signature rules of a service, for programs."""

from collections.abc import Iterator

from api.connection import Connection, part
from api.paging import PageQuery
from api.rules.schemas import (
    ReasonIn,
    ReasonQuery,
    RuleDetailOut,
    RuleDiffOut,
    RuleQuery,
    RuleSetOut,
    RulesOut,
    SelectionIn,
    SelectionOut,
    SelectionsOut,
    TestIn,
    TestOut,
    UploadIn,
    UploadOut,
)

_PATH = "/v1/rules"


class Rules:
    """Rules, their versions, and where they are on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: RuleQuery | None = None) -> RulesOut:
        """Return the rules of the active set, and what nodes say of them.

        Raises:
            ClientError: The service refuses.
        """
        return self._connection.get(RulesOut, _PATH, query)

    def get(self, name: str) -> RuleDetailOut:
        """Return one of them.

        Raises:
            MissingError: There is none of this name.
        """
        return self._connection.get(RuleDetailOut, f"{_PATH}/{part(name)}")

    def upload(self, wish: UploadIn, *, dry_run: bool = False) -> UploadOut:
        """Put a file among the rules: a new version.

        Raises:
            NotUnderstoodError: It does not load; the members `errors` and `warnings` say why.
        """
        return self._connection.post(UploadOut, _PATH, wish, query={"dry_run": True} if dry_run else None)

    def remove_file(self, name: str, query: ReasonQuery | None = None) -> RuleSetOut:
        """Take a file out of the rules: a new version.

        Raises:
            MissingError: There is none of this name.
        """
        return self._connection.delete(RuleSetOut, f"{_PATH}/files/{part(name)}", query)

    def versions(self, query: PageQuery | None = None) -> Iterator[RuleSetOut]:
        """Yield versions, oldest first.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(RuleSetOut, f"{_PATH}/versions", query)

    def version(self, version: int) -> RuleSetOut:
        """Return one of them.

        Raises:
            MissingError: There is none of this number.
        """
        return self._connection.get(RuleSetOut, f"{_PATH}/versions/{version}")

    def file(self, version: int, name: str) -> bytes:
        """Return a file as it was uploaded.

        Raises:
            MissingError: The version has none of this name.
        """
        return self._connection.ask("GET", f"{_PATH}/versions/{version}/files/{part(name)}")

    def compare(self, before: int, after: int) -> RuleDiffOut:
        """Return what changed from one version to another.

        Raises:
            MissingError: There is none of these numbers.
        """
        return self._connection.get(RuleDiffOut, f"{_PATH}/versions/{before}/diff/{after}")

    def activate(self, version: int, wish: ReasonIn) -> RuleSetOut:
        """Make a version the active one again.

        Raises:
            MissingError: There is none of this number.
        """
        return self._connection.post(RuleSetOut, f"{_PATH}/versions/{version}/activate", wish)

    def selections(self) -> SelectionsOut:
        """Return what is switched on or off, oldest first.

        Raises:
            ClientError: The service refuses.
        """
        return self._connection.get(SelectionsOut, f"{_PATH}/selections")

    def select(self, wish: SelectionIn) -> SelectionOut:
        """Switch rules on or off somewhere.

        Raises:
            MissingError: There is no such workload.
        """
        return self._connection.post(SelectionOut, f"{_PATH}/selections", wish)

    def unselect(self, selection: int, query: ReasonQuery | None = None) -> SelectionOut:
        """Take a selection back.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.delete(SelectionOut, f"{_PATH}/selections/{selection}", query)

    def test(self, wish: TestIn) -> TestOut:
        """Try rules on recorded events.

        Raises:
            NotUnderstoodError: The rules do not load, or an event has a field that there is not.
        """
        return self._connection.post(TestOut, f"{_PATH}/test", wish)

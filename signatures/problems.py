"""What can be wrong with a rule file: each error and warning with its code and its place."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from signatures.document import Node
from signatures.encoding import to_event_text

SNIPPET: Final = 160
"""Characters of a snippet at most."""


class ErrorCode(StrEnum):
    """Why a file is refused; the names are Falco's."""

    FILE_READ = "LOAD_ERR_FILE_READ"
    YAML_PARSE = "LOAD_ERR_YAML_PARSE"
    YAML_VALIDATE = "LOAD_ERR_YAML_VALIDATE"
    COMPILE_CONDITION = "LOAD_ERR_COMPILE_CONDITION"
    COMPILE_OUTPUT = "LOAD_ERR_COMPILE_OUTPUT"
    VALIDATE = "LOAD_ERR_VALIDATE"


class WarningCode(StrEnum):
    """What a file's author may want to change; the names are Falco's."""

    UNKNOWN_SOURCE = "LOAD_UNKNOWN_SOURCE"
    UNSAFE_NA_CHECK = "LOAD_UNSAFE_NA_CHECK"
    NO_EVTTYPE = "LOAD_NO_EVTTYPE"
    UNKNOWN_FILTER = "LOAD_UNKNOWN_FILTER"
    UNUSED_MACRO = "LOAD_UNUSED_MACRO"
    UNUSED_LIST = "LOAD_UNUSED_LIST"
    UNKNOWN_ITEM = "LOAD_UNKNOWN_ITEM"
    DEPRECATED_ITEM = "LOAD_DEPRECATED_ITEM"
    APPEND_NO_VALUES = "LOAD_APPEND_NO_VALUES"
    EXCEPTION_NAME_NOT_UNIQUE = "LOAD_EXCEPTION_NAME_NOT_UNIQUE"
    INVALID_MACRO_NAME = "LOAD_INVALID_MACRO_NAME"
    INVALID_LIST_NAME = "LOAD_INVALID_LIST_NAME"
    COMPILE_CONDITION = "LOAD_COMPILE_CONDITION"
    UNKNOWN_KEY = "LOAD_UNKNOWN_KEY"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a rule file."""

    file: str
    item_type: str = "rules content"
    """`rule`, `macro`, `list`, `exception`, `rules content item`, …"""
    item_name: str = ""
    line: int = 1
    column: int = 1
    snippet: str = ""

    def of(self, node: Node, item_type: str, item_name: str = "") -> "Place":
        """Return the place of a node in the same file."""
        snippet = node.snippet(SNIPPET)
        return Place(self.file, item_type, item_name, node.line, node.column, snippet)

    def at(self, node: Node) -> "Place":
        """Return the place of a node that belongs to the same item."""
        return self.of(node, self.item_type, self.item_name)

    def in_condition(self, condition: str, index: int) -> "Place":
        """Return the same place, with the part of an expanded condition that is meant as its snippet.

        Args:
            condition: As the file has it, lists written out.
            index: Of the byte that is meant.
        """
        # Where all is ASCII, bytes and characters are the same.
        if not condition.isascii():
            index = len(to_event_text(condition)[:index].encode("latin-1").decode("utf-8", "ignore"))
        start = max(0, index - SNIPPET // 2)
        snippet = condition[start : start + SNIPPET]
        return Place(self.file, self.item_type, self.item_name, self.line, self.column, snippet)


@dataclass(frozen=True, slots=True)
class Problem:
    """One error or warning."""

    code: ErrorCode | WarningCode
    message: str
    place: Place

    @property
    def is_error(self) -> bool:
        """Tell whether the file is refused for it."""
        return isinstance(self.code, ErrorCode)

    def as_json(self) -> dict[str, Any]:
        """Return it as an object for scripts."""
        return {
            "severity": "error" if self.is_error else "warning",
            "code": self.code.value,
            "message": self.message,
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "item_type": self.place.item_type,
            "item_name": self.place.item_name,
            "snippet": self.place.snippet,
        }

    def as_text(self) -> str:
        """Return it as lines for people."""
        place, kind = self.place, "error" if self.is_error else "warning"
        item = f" ({place.item_type} {place.item_name!r})" if place.item_name else ""
        head = f"{place.file}:{place.line}:{place.column}: {kind} {self.code.value}{item}: {self.message}"
        snippet = "".join(f"\n    | {line}" for line in place.snippet.splitlines()[:3])
        return head + snippet


class LoadError(Exception):
    """Ends the reading of a file; becomes a `Problem`."""

    def __init__(self, code: ErrorCode, message: str, place: Place) -> None:
        super().__init__(message)
        self.problem = Problem(code, message, place)

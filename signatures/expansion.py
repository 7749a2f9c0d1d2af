"""Lists, exceptions and macros written out, in the way and in the order in which Falco does it.

Lists are put into conditions as text, before anything is parsed: that is what rule files rely on.
Macros are put into trees, and see only what was defined before they were last touched.
"""

import heapq
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from signatures.collection import ListDefinition, MacroDefinition
from signatures.definitions import Entry, ExceptionItem, RuleItem
from signatures.encoding import to_event_text
from signatures.errors import ParseError
from signatures.parser import MAX_RULE_DEPTH, parse
from signatures.problems import ErrorCode, LoadError, Place
from signatures.syntax import And, Expression, Identifier, Not, Or
from signatures.vocabulary import LISTED

MAX_CONDITION: Final = 1 << 20
"""Characters of a condition once its lists are written out."""
MAX_CHECKS: Final = 5_000
"""Checks of a condition once its macros are written out; the largest rule of Falco's files has 248."""
MAX_TOTAL: Final = 8 << 20
"""Characters of all conditions once their lists are written out; Falco's three files have 0.1 million."""
MAX_ALL_CHECKS: Final = 20_000
"""Checks of all rules; those of Falco's three files have 1,449."""
_BLANKS: Final = " \t\n\r"
_DELIMITERS: Final = _BLANKS + "(),="
_WORD: Final = re.compile(r"[^ \t\n\r(),=]+")
_ALL: Final = ("All conditions have", MAX_TOTAL)


class Lists:
    """Lists ready to be put into conditions.

    A member that names a list defined earlier stands for that list's own members, one level deep.
    """

    def __init__(self, definitions: Mapping[str, ListDefinition]) -> None:
        self._texts: dict[str, str] = {}
        self._places: dict[str, int] = {}
        self._spaced: list[str] = []
        """Names that no word of a condition can be, but two can."""
        self._total = 0
        self.used: set[str] = set()
        for name, definition in definitions.items():
            members: list[str] = []
            for member in definition.item.items:
                other = definitions.get(member)
                if other is not None and other.index < definition.visibility:
                    self.used.add(member)
                    members += other.item.items
                else:
                    members.append(member)
            self._texts[name] = ", ".join(map(_quoted, members))
            self._places[name] = len(self._places)
            if _words(name) != {name}:
                self._spaced.append(name)

    def expand(self, condition: str, place: Place) -> str:
        """Return a condition with every list that it names written out.

        Raises:
            LoadError: It becomes too long.
        """
        # In the order of definition: what a list puts in may be the name of a later one.
        ahead = self._named_in(condition, -1)
        while ahead:
            place_of_list, name = heapq.heappop(ahead)
            text = self._texts[name]
            expanded = _substitute(condition, name, text)
            if expanded == condition:
                continue
            self.used.add(name)
            condition = expanded
            known = {each for _, each in ahead}
            for found in self._named_in(text, place_of_list):
                if found[1] not in known:
                    heapq.heappush(ahead, found)
            if len(condition) > MAX_CONDITION:
                break
        self._total += len(condition)
        if len(condition) > MAX_CONDITION or self._total > MAX_TOTAL:
            what, most = ("The condition has", MAX_CONDITION) if self._total <= MAX_TOTAL else _ALL
            message = f"{what} more than {most} characters once lists are written out."
            raise LoadError(ErrorCode.COMPILE_CONDITION, message, place)
        return condition

    def _named_in(self, text: str, after: int) -> list[tuple[int, str]]:
        """Return the lists that a text names and that are defined after another, as a heap."""
        names = [name for name in _words(text) if name in self._places]
        names += [name for name in self._spaced if name in text]
        found = [(self._places[name], name) for name in names if self._places[name] > after]
        heapq.heapify(found)
        return found


class Trees:
    """Conditions read so far: a text that several files leave as it was is read once."""

    def __init__(self) -> None:
        self._read: dict[str, Expression] = {}

    def of(self, condition: str, place: Place) -> Expression:
        """Return the tree of a condition in which lists are written out.

        Raises:
            LoadError: It is no condition.
        """
        found = self._read.get(condition)
        if found is None:
            try:
                found = parse(to_event_text(condition), max_depth=MAX_RULE_DEPTH)
            except ParseError as error:
                where = place.in_condition(condition, error.position.index)
                raise LoadError(ErrorCode.COMPILE_CONDITION, str(error), where) from None
            self._read[condition] = found
        return found


class Macros:
    """Macros ready to be put into trees."""

    def __init__(self, definitions: Mapping[str, MacroDefinition], lists: Lists, trees: Trees) -> None:
        self._definitions = definitions
        self._parsed: dict[str, Expression] = {}
        self._resolved: dict[str, tuple[Expression, int]] = {}
        self._total = 0
        self.used: set[str] = set()
        for name, definition in definitions.items():
            item = definition.item
            self._parsed[name] = trees.of(lists.expand(item.condition, item.place), item.place)
        for name, definition in definitions.items():
            self._macro(name, (), definition.item.place, definition.item.condition)

    def resolve(self, expression: Expression, condition: str, place: Place) -> Expression:
        """Return a rule's tree with every macro written out.

        Raises:
            LoadError: A macro is not defined, refers to itself, or the tree becomes too large, alone or with
                those of the other rules.
        """
        resolved, size = self._resolve(expression, None, (), place, condition)
        self._total += size
        if self._total > MAX_ALL_CHECKS:
            message = f"All rules have more than {MAX_ALL_CHECKS} checks once their macros are written out."
            raise LoadError(ErrorCode.COMPILE_CONDITION, message, place)
        return resolved

    def _macro(
        self, name: str, path: tuple[str, ...], place: Place, condition: str
    ) -> tuple[Expression, int]:
        found = self._resolved.get(name)
        if found is None:
            visibility = self._definitions[name].visibility
            found = self._resolve(self._parsed[name], visibility, (*path, name), place, condition)
            self._resolved[name] = found
        return found

    def _resolve(
        self,
        expression: Expression,
        visibility: int | None,
        path: tuple[str, ...],
        place: Place,
        condition: str,
    ) -> tuple[Expression, int]:
        match expression:
            case Identifier(name, position):
                definition = self._definitions.get(name)
                where = place.in_condition(condition, position.index)
                if name in path and definition is not None and definition.index < (visibility or 0):
                    raise LoadError(ErrorCode.VALIDATE, f"reference loop in macro '{name}'", where)
                if definition is None or (visibility is not None and definition.index >= visibility):
                    message = f"Undefined macro '{name}' used in filter."
                    raise LoadError(ErrorCode.VALIDATE, message, where)
                self.used.add(name)
                return self._macro(name, path, place, condition)
            case Not(child):
                inner, size = self._resolve(child, visibility, path, place, condition)
                return Not(inner, expression.position), size
            case And(children) | Or(children):
                parts = [self._resolve(child, visibility, path, place, condition) for child in children]
                size = sum(size for _, size in parts)
                if size > MAX_CHECKS:
                    message = (
                        f"The condition has more than {MAX_CHECKS} checks once its macros are written out."
                    )
                    raise LoadError(ErrorCode.COMPILE_CONDITION, message, place)
                return replace(expression, children=tuple(part for part, _ in parts)), size
            case _:
                return expression, 1


def with_exceptions(item: RuleItem) -> str:
    """Return a rule's condition with its exceptions written out: `(condition) and not (…)`.

    Raises:
        LoadError: An exception's values do not fit its fields.
    """
    condition = item.condition or ""
    if not item.exceptions:
        return condition
    parts = [f"({condition})"]
    for exception in item.exceptions:
        text = (
            _listed(exception, exception.fields)
            if isinstance(exception.fields, tuple)
            else _single(exception, str(exception.fields))
        )
        if text:
            parts.append(f"not {text}")
    return " and ".join(parts)


def _single(exception: ExceptionItem, field: str) -> str:
    if not exception.values:
        return ""
    if any(isinstance(value, tuple) for value in exception.values):
        message = "Expected values array to contain a list of strings"
        raise LoadError(ErrorCode.VALIDATE, message, exception.place)
    return f"({field} {exception.comparisons} ({_comma_separated(exception.values)}))"


def _listed(exception: ExceptionItem, fields: tuple[Entry, ...]) -> str:
    alternatives = []
    for values in exception.values:
        if not isinstance(values, tuple) or len(values) != len(fields):
            message = "Fields and values lists must have equal length"
            raise LoadError(ErrorCode.VALIDATE, message, exception.place)
        comparisons = exception.comparisons or ()
        checks = [
            f"{field} {comparison} {_right_side(str(comparison), value)}"
            for field, comparison, value in zip(fields, comparisons, values, strict=True)
        ]
        alternatives.append("(" + " and ".join(checks) + ")")
    return "(" + " or ".join(alternatives) + ")" if alternatives else ""


def _right_side(comparison: str, value: Entry) -> str:
    if isinstance(value, tuple):
        return f"({_comma_separated(value)})"
    if comparison in LISTED:
        return value if value.startswith("(") else f"({value})"
    return _quoted(value)


def _comma_separated(values: Iterable[Entry]) -> str:
    return ", ".join(_quoted(str(value)) for value in values)


def _words(text: str) -> set[str]:
    """Return what stands between delimiters."""
    return set(_WORD.findall(text))


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text and text[0] not in "\"'" else text


def _substitute(condition: str, name: str, text: str) -> str:
    """Return a condition with each token equal to a list's name replaced by its members."""
    start = condition.find(name)
    while start >= 0:
        end = start + len(name)
        begins = start == 0 or condition[start - 1] in _DELIMITERS
        if begins and (end >= len(condition) or condition[end] in _DELIMITERS):
            while start > 0 and condition[start - 1] in _BLANKS:
                start -= 1
            while end < len(condition) and condition[end] in _BLANKS:
                end += 1
            if not text:
                # A comma that would be left alone goes too.
                if start > 0 and condition[start - 1] == ",":
                    start -= 1
                elif end < len(condition) and condition[end] == ",":
                    end += 1
            before = condition[:start] + " " if start else ""
            condition = f"{before}{text} {condition[end:]}"
            if len(condition) > MAX_CONDITION:
                return condition
            start += len(text) + 1
        start = condition.find(name, start + 1)
    return condition

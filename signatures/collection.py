"""What the items of all files amount to: later ones define anew, add to or replace what earlier ones said."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from signatures.definitions import (
    EngineRequirement,
    Entry,
    ExceptionItem,
    Item,
    ListItem,
    MacroItem,
    PluginRequirement,
    RuleItem,
    Toggle,
    Update,
    Warn,
    parse_version,
)
from signatures.errors import ParseError
from signatures.fields import Fields
from signatures.parser import parse_operand
from signatures.problems import ErrorCode, LoadError, Place, Problem, WarningCode
from signatures.syntax import Field, Operand, Transformer
from signatures.vocabulary import LISTED, MODIFIERS, NUMERIC, TEXTUAL, UNARY

ENGINE_VERSION: Final = (0, 63, 0)
"""The version of the language that is read here: that of Falco's engine at 13074749."""
PLUGINS: Final[Mapping[str, str]] = {"container": "0.4.0"}
"""Plugins whose fields are supplied here without them."""
SOURCES: Final = ("syscall",)


@dataclass(frozen=True, slots=True)
class Listed:
    """A definition with the order in which it may be seen."""

    index: int
    """When it was first defined."""
    visibility: int
    """When it was last touched: what is defined before then may be used in it."""


@dataclass(frozen=True, slots=True)
class ListDefinition(Listed):
    """A list as all files leave it."""

    item: ListItem


@dataclass(frozen=True, slots=True)
class MacroDefinition(Listed):
    """A macro as all files leave it."""

    item: MacroItem


@dataclass(frozen=True, slots=True)
class RuleDefinition(Listed):
    """A rule as all files leave it."""

    item: RuleItem
    known_source: bool


class Collection:
    """Definitions by name, in the order in which each was first made.

    Args:
        fields: What exceptions may name.
        plugins: Plugins and their versions that requirements are held against.
        warn: Takes warnings.
    """

    def __init__(self, fields: Fields, plugins: Mapping[str, str], warn: Warn) -> None:
        self._fields = fields
        self._plugins = plugins
        self._warn = warn
        self._next = 0
        self.lists: dict[str, ListDefinition] = {}
        self.macros: dict[str, MacroDefinition] = {}
        self.rules: dict[str, RuleDefinition] = {}

    def knows(self, item: Item) -> bool:
        """Return whether a macro or list of this name is defined already."""
        return (isinstance(item, MacroItem) and item.name in self.macros) or (
            isinstance(item, ListItem) and item.name in self.lists
        )

    def add(self, item: Item) -> None:
        """Take an item.

        Raises:
            LoadError: It changes what does not exist, or asks for what is not here.
        """
        match item:
            case EngineRequirement(version=version, place=place):
                if version[0] != ENGINE_VERSION[0] or version > ENGINE_VERSION:
                    wanted, here = _dots(version), _dots(ENGINE_VERSION)
                    message = f"Rules require engine version {wanted}, but engine version is {here}"
                    raise _invalid(message, place)
            case PluginRequirement():
                self._require(item)
            case ListItem():
                self._add_list(item)
            case MacroItem():
                self._add_macro(item)
            case RuleItem():
                self._define_rule(item)
            case Update():
                self._update_rule(item)
            case Toggle(name=name, enabled=enabled, place=place):
                rule = self.rules.get(name)
                if rule is None:
                    message = "Rule has 'enabled' key but no rule by that name already exists"
                    raise _invalid(message, place)
                self.rules[name] = replace(rule, item=replace(rule.item, enabled=enabled))

    def _require(self, requirement: PluginRequirement) -> None:
        names: set[str] = set()
        for name, version in requirement.alternatives:
            if parse_version(version) is None:
                msg = f"Invalid required version '{version}' for plugin '{name}'"
                raise _invalid(msg, requirement.place)
            if name in names:
                message = f"Defined multiple alternative version requirements for plugin '{name}'"
                raise _invalid(message, requirement.place)
            names.add(name)
        if not satisfied(requirement.alternatives, self._plugins):
            wanted = ", ".join(f"{name} (>= {version})" for name, version in requirement.alternatives)
            msg = f"Plugin requirement not satisfied, must load one of: {wanted}"
            raise _invalid(msg, requirement.place)

    def _add_list(self, item: ListItem) -> None:
        now, before = self._tick(), self.lists.get(item.name)
        if item.append:
            if before is None:
                message = (
                    "List uses 'append' or 'override.items: append' but no list by that name already exists"
                )
                raise _invalid(message, item.place)
            joined = replace(before.item, items=before.item.items + item.items)
            self.lists[item.name] = ListDefinition(before.index, now, joined)
        else:
            self.lists[item.name] = ListDefinition(before.index if before else now, now, item)

    def _add_macro(self, item: MacroItem) -> None:
        now, before = self._tick(), self.macros.get(item.name)
        if item.append:
            if before is None:
                message = (
                    "Macro uses 'append' or 'override.condition: append' "
                    "but no macro by that name already exists"
                )
                raise _invalid(message, item.place)
            joined = replace(before.item, condition=f"{before.item.condition} {item.condition}")
            self.macros[item.name] = MacroDefinition(before.index, now, joined)
        else:
            self.macros[item.name] = MacroDefinition(before.index if before else now, now, item)

    def _define_rule(self, item: RuleItem) -> None:
        before = self.rules.get(item.name)
        self._check_source(before, item)
        known = item.source in SOURCES
        if not known:
            message = f"Unknown source {item.source}, skipping"
            self._warn(Problem(WarningCode.UNKNOWN_SOURCE, message, item.place))
        exceptions = []
        for exception in item.exceptions or ():
            if not exception.fields:
                message = "Rule exception item must have fields property with a list of fields"
                raise _invalid(message, exception.place)
            exceptions.append(self._complete(exception, known=known))
        now = self._tick()
        self.rules[item.name] = RuleDefinition(
            before.index if before else now, now, replace(item, exceptions=tuple(exceptions)), known
        )

    def _update_rule(self, update: Update) -> None:
        if update.appended is not None:
            self._append(update.appended)
        if update.replaced is not None:
            self._replace(update.replaced)

    def _append(self, item: RuleItem) -> None:
        before = self.rules.get(item.name)
        if before is None:
            message = "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists"
            raise _invalid(message, item.place)
        self._check_source(before, item)
        given = (item.condition, item.output, item.desc, item.tags, item.exceptions)
        if all(each is None for each in given):
            msg = "Appended rule must have exceptions or condition property"
            raise _invalid(msg, item.place)
        old = before.item
        new = replace(
            old,
            condition=_joined(old.condition, item.condition),
            output=_joined(old.output, item.output),
            desc=_joined(old.desc, item.desc),
            tags=tuple(dict.fromkeys((*(old.tags or ()), *(item.tags or ())))),
            exceptions=self._appended_exceptions(before, item.exceptions or ()),
        )
        self.rules[item.name] = replace(before, item=new, visibility=self._tick())

    def _replace(self, item: RuleItem) -> None:
        before = self.rules.get(item.name)
        if before is None:
            message = (
                "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists"
            )
            raise _invalid(message, item.place)
        self._check_source(before, item)
        changes = {name: value for name in _REPLACEABLE if (value := getattr(item, name)) is not None}
        if "exceptions" in changes:
            changes["exceptions"] = tuple(
                self._complete(each, known=before.known_source) for each in item.exceptions or ()
            )
        self.rules[item.name] = replace(before, item=replace(before.item, **changes), visibility=self._tick())

    def _appended_exceptions(
        self, rule: RuleDefinition, added: tuple[ExceptionItem, ...]
    ) -> tuple[ExceptionItem, ...]:
        found = list(rule.item.exceptions or ())
        for exception in added:
            at = next((at for at, each in enumerate(found) if each.name == exception.name), None)
            if at is None:
                if not exception.fields:
                    message = "Rule exception must have fields property with a list of fields"
                    raise _invalid(message, exception.place)
                if not exception.values:
                    message = "Rule exception must have values property with a list of values"
                    raise _invalid(message, exception.place)
                found.append(self._complete(exception, known=rule.known_source))
                continue
            for what, given in (("fields", exception.fields), ("comps", exception.comparisons)):
                if given is not None:
                    message = f"Can not append exception {what} to existing exception, only values"
                    raise _invalid(message, exception.place)
            found[at] = replace(found[at], values=found[at].values + exception.values)
        return tuple(found)

    def _complete(self, exception: ExceptionItem, *, known: bool) -> ExceptionItem:
        """Return an exception with its comparisons written out, checked."""
        if isinstance(exception.fields, tuple):
            return self._complete_listed(exception, exception.fields, known=known)
        comparison: Entry = "in" if exception.comparisons is None else exception.comparisons
        if isinstance(comparison, tuple):
            msg = "Fields and comps must both be strings"
            raise _invalid(msg, exception.place)
        if comparison not in LISTED and not _is_modified(comparison):
            message = (
                "When fields is a single value, comps must be one of (in, pmatch, intersects) "
                "or a string operator with a list modifier"
            )
            raise _invalid(message, exception.place)
        self._check_field(exception.fields or "", exception.place, known=known)
        return replace(exception, comparisons=comparison)

    def _complete_listed(
        self, exception: ExceptionItem, fields: tuple[Entry, ...], *, known: bool
    ) -> ExceptionItem:
        comparisons = exception.comparisons
        if comparisons is None:
            comparisons = ("=",) * len(fields)
        if not isinstance(comparisons, tuple) or len(comparisons) != len(fields):
            msg = "Fields and comps lists must have equal length"
            raise _invalid(msg, exception.place)
        for comparison in comparisons:
            if not isinstance(comparison, str) or not (comparison in _OPERATORS or _is_modified(comparison)):
                message = f"'{comparison}' is not a supported comparison operator"
                raise _invalid(message, exception.place)
        for field in fields:
            self._check_field(field, exception.place, known=known)
        return replace(exception, comparisons=comparisons)

    def _check_field(self, field: Entry, place: Place, *, known: bool) -> None:
        if known and not (isinstance(field, str) and self._is_field(field)):
            msg = f"'{field}' is not a supported filter field"
            raise _invalid(msg, place)

    def _is_field(self, text: str) -> bool:
        try:
            operand, length = parse_operand(text)
        except ParseError:
            return False
        return length == len(text) and self._exists(operand)

    def _exists(self, operand: Operand) -> bool:
        match operand:
            case Field():
                return self._fields.find(operand) is not None
            case Transformer(_, arguments):
                return all(self._exists(each) for each in arguments)
            case _:
                return True

    def _check_source(self, before: RuleDefinition | None, item: RuleItem) -> None:
        if before is not None and item.source is not None and before.item.source != item.source:
            msg = "Rule has been re-defined with a different source"
            raise _invalid(msg, item.place)

    def _tick(self) -> int:
        self._next += 1
        return self._next


_REPLACEABLE: Final = (
    "condition", "condition_place", "output", "output_place", "desc", "priority", "tags", "exceptions",
    "enabled", "warn_evttypes", "skip_if_unknown", "capture", "capture_duration",
)  # fmt: skip
_OPERATORS: Final = frozenset({*UNARY, *NUMERIC, *TEXTUAL, *LISTED})


def satisfied(alternatives: tuple[tuple[str, str], ...], plugins: Mapping[str, str]) -> bool:
    """Tell whether one of several plugins is there, of the same major version and not older than asked."""
    for name, version in alternatives:
        wanted, here = parse_version(version), parse_version(plugins.get(name, ""))
        if wanted is not None and here is not None and wanted[0] == here[0] and wanted <= here:
            return True
    return False


def _is_modified(comparison: str) -> bool:
    operator, _, modifier = comparison.partition(" ")
    return operator in TEXTUAL and modifier in MODIFIERS


def _joined(old: str | None, added: str | None) -> str | None:
    return old if added is None else f"{old or ''} {added}".strip(" ")


def _dots(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


def _invalid(message: str, place: Place) -> LoadError:
    return LoadError(ErrorCode.VALIDATE, message, place)

"""Nodes of a rule file to definitions: which keys an item has, and what their values must be."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from signatures.document import Node
from signatures.priority import Priority, parse_priority
from signatures.problems import ErrorCode, LoadError, Place, Problem, WarningCode
from signatures.vocabulary import BARE, IDENTIFIER

APPEND_DEPRECATED: Final = (
    "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead."
)
_ENABLED_DEPRECATED: Final = (
    "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry "
    "under the 'override' key (i.e. 'enabled: replace')."
)
_BOTH: Final = (
    "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. 'condition: "
    "append') under 'override' instead."
)
_APPENDED: Final = ("condition", "output", "desc", "tags", "exceptions")
_REPLACED: Final = (
    *_APPENDED, "priority", "enabled", "warn_evttypes", "skip-if-unknown-filter",
    "capture", "capture_duration",
)  # fmt: skip
_RULE_KEYS: Final = frozenset({"rule", "append", "override", "source", *_REPLACED})
_LIST_KEYS: Final = frozenset({"list", "items", "append", "override"})
_MACRO_KEYS: Final = frozenset({"macro", "condition", "append", "override"})
_NAMES: Final = "{} names should match a regular expression: "
_SHORT: Final = re.compile("[0-9]{1,9}")
_MAX_EXCEPTION_DEPTH: Final = 4

Entry: TypeAlias = str | tuple["Entry", ...]
"""A text, or a list of entries: what exceptions are written in."""
Warn: TypeAlias = Callable[[Problem], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListItem:
    """A named list of texts."""

    name: str
    items: tuple[str, ...]
    append: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroItem:
    """A named condition."""

    name: str
    condition: str
    append: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionItem:
    """When a rule does not apply; what was not given is None."""

    name: str
    fields: Entry | None
    comparisons: Entry | None
    values: tuple[Entry, ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleItem:
    """What an item says of a rule; None where it says nothing."""

    name: str
    place: Place
    condition: str | None = None
    condition_place: Place | None = None
    output: str | None = None
    output_place: Place | None = None
    desc: str | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] | None = None
    exceptions: tuple[ExceptionItem, ...] | None = None
    source: str | None = None
    enabled: bool | None = None
    warn_evttypes: bool | None = None
    skip_if_unknown: bool | None = None
    capture: bool | None = None
    capture_duration: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Changes to a rule that exists: what is added, then what is put in place of what was there."""

    appended: RuleItem | None
    replaced: RuleItem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Toggle:
    """Switches a rule that exists on or off."""

    name: str
    enabled: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRequirement:
    """The version of the language that a file needs."""

    version: tuple[int, int, int]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRequirement:
    """Plugins of which a file needs one, each with its least version."""

    alternatives: tuple[tuple[str, str], ...]
    place: Place


Item: TypeAlias = ListItem | MacroItem | RuleItem | Update | Toggle | EngineRequirement | PluginRequirement


def read_item(node: Node, content: Place, warn: Warn) -> list[Item]:
    """Return what one item of a file defines.

    Args:
        node: The item.
        content: Place of the file.
        warn: Takes warnings.

    Raises:
        LoadError: A key is missing, or its value is not what it must be.
    """
    if not node.is_mapping:
        message = "Unexpected element type. Each element should be a yaml associative array."
        raise _bad(message, content.of(node, "rules content item"))
    reader = _Reader(node, content, warn)
    for key, read in (
        ("required_engine_version", reader.engine),
        ("required_plugin_versions", reader.plugins),
        ("list", reader.list_),
        ("macro", reader.macro),
        ("rule", reader.rule),
    ):
        if node.get(key) is not None:
            return read()
    place = content.of(node, "rules content item")
    warn(Problem(WarningCode.UNKNOWN_ITEM, "Unknown top level item", place))
    return []


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Return the numbers of an `x.y.z` version, None where it is none; what follows a dash is left out."""
    found = re.fullmatch(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?:[-+][0-9A-Za-z.+-]+)?", text.strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


class _Reader:
    def __init__(self, node: Node, content: Place, warn: Warn) -> None:
        self._node = node
        self._content = content
        self._warn_with = warn

    def engine(self) -> list[Item]:
        place = self._content.of(self._node, "required_engine_version")
        value = self._text("required_engine_version", place)
        version = (0, int(value), 0) if _SHORT.fullmatch(value) else parse_version(value)
        if version is None:
            message = (
                f"Unable to parse engine version '{value}' as a semver string. "
                'Expected "x.y.z" semver format.'
            )
            raise _bad(message, place)
        return [EngineRequirement(version=version, place=place)]

    def plugins(self) -> list[Item]:
        node = self._node.get("required_plugin_versions")
        if node is None or not node.is_sequence:
            place = self._content.of(node or self._node, "required_plugin_versions")
            msg = "Value of required_plugin_versions must be a sequence"
            raise _bad(msg, place)
        return [self._plugin(each) for each in node.members()]

    def _plugin(self, node: Node) -> PluginRequirement:
        place = self._content.of(node, "required plugin versions entry")
        if not node.is_mapping:
            msg = "Plugin version must be a mapping"
            raise _bad(msg, place)
        found = [(_text_of(node, "name", place), _text_of(node, "version", place))]
        others = node.get("alternatives")
        if others is not None:
            if not others.is_sequence:
                msg = "Value of plugin version alternatives must be a sequence"
                raise _bad(msg, place)
            for other in others.members():
                if not other.is_mapping:
                    msg = "Plugin version alternative must be a mapping"
                    raise _bad(msg, place)
                found.append((_text_of(other, "name", place), _text_of(other, "version", place)))
        return PluginRequirement(alternatives=tuple(found), place=place)

    def list_(self) -> list[Item]:
        name = self._text("list", self._content.of(self._node, "list"))
        place = self._content.of(self._node, "list", name)
        if not BARE.fullmatch(name):
            message = (
                "List has an invalid name. List names should match a regular expression: " + BARE.pattern
            )
            self._warn(WarningCode.INVALID_LIST_NAME, message, place)
        self._check_keys(_LIST_KEYS, place)
        items = self._texts("items", place)
        append = self._appends("items", place)
        return [ListItem(name=name, items=items, append=append, place=place)]

    def macro(self) -> list[Item]:
        name = self._text("macro", self._content.of(self._node, "macro"))
        place = self._content.of(self._node, "macro", name)
        if not IDENTIFIER.fullmatch(name):
            message = f"Macro has an invalid name. {_NAMES.format('Macro')}{IDENTIFIER.pattern}"
            self._warn(WarningCode.INVALID_MACRO_NAME, message, place)
        self._check_keys(_MACRO_KEYS, place)
        condition = self._text("condition", place)
        append = self._appends("condition", place)
        return [MacroItem(name=name, condition=condition, append=append, place=place)]

    def rule(self) -> list[Item]:
        name = self._text("rule", self._content.of(self._node, "rule"))
        place = self._content.of(self._node, "rule", name)
        self._check_keys(_RULE_KEYS, place)
        append = self._flag("append", place) or False
        if append:
            self._warn(WarningCode.DEPRECATED_ITEM, APPEND_DEPRECATED, place)
        appended, replaced = self._overrides(_APPENDED, _REPLACED, place)
        if append and (appended or replaced):
            raise _bad(_BOTH, place)
        if appended or replaced:
            return [self._update(name, place, appended, replaced)]
        if append:
            keys = {"condition", "exceptions"} & self._keys()
            found = self._read(
                RuleItem(name=name, place=place, source=self._source(place)), keys, appending=True
            )
            return [Update(appended=found, replaced=None)]
        if not {"condition", "output", "desc", "priority"} & self._keys():
            enabled = self._flag("enabled", place, required=True)
            self._warn(WarningCode.DEPRECATED_ITEM, _ENABLED_DEPRECATED, place)
            return [Toggle(name=name, enabled=bool(enabled), place=place)]
        return [self._definition(name, place)]

    def _definition(self, name: str, place: Place) -> RuleItem:
        for key in ("condition", "output", "desc", "priority"):
            self._text(key, place)
        source = self._node.get("source")
        found = RuleItem(
            name=name,
            place=place,
            source=self._text("source", place) if source is not None else "syscall",
            tags=(),
            exceptions=(),
            enabled=True,
            warn_evttypes=True,
            skip_if_unknown=False,
            capture=False,
            capture_duration=0,
        )
        return self._read(found, set(_REPLACED) & self._keys(), appending=False)

    def _update(self, name: str, place: Place, appended: set[str], replaced: set[str]) -> Update:
        expected = set(_REPLACED) & self._keys()
        for kind, keys in (("append", appended), ("replace", replaced)):
            for key in sorted(keys - expected):
                message = f"An {kind} override for '{key}' was specified but '{key}' is not defined"
                raise _bad(message, place)
        base = RuleItem(name=name, place=place, source=self._source(place))
        update = Update(
            appended=self._read(base, appended, appending=True) if appended else None,
            replaced=self._read(base, replaced, appending=False) if replaced else None,
        )
        for key in sorted(expected - appended - replaced):
            message = f"Unexpected key '{key}': no corresponding entry under 'override' is defined."
            raise _bad(message, place.at(self._node.get(key) or self._node))
        return update

    def _source(self, place: Place) -> str | None:
        # A source that is given and empty is none; one that differs from the rule's is an error later on.
        node = self._node.get("source")
        if node is None or node.is_null or not node.text:
            return None
        return self._text("source", place)

    def _read(  # noqa: C901 - one for each key
        self, item: RuleItem, keys: set[str], *, appending: bool
    ) -> RuleItem:
        place = item.place
        if "condition" in keys:
            node = self._node.get("condition")
            item = replace(
                item,
                condition=self._text("condition", place),
                condition_place=place.at(node) if node is not None else place,
            )
        if "output" in keys:
            node = self._node.get("output")
            item = replace(
                item,
                output=self._text("output", place).strip(),
                output_place=place.at(node) if node is not None else place,
            )
        if "desc" in keys:
            item = replace(item, desc=self._text("desc", place))
        if "priority" in keys:
            item = replace(item, priority=self._priority(place))
        if "tags" in keys:
            item = replace(item, tags=self._texts("tags", place))
        if "exceptions" in keys:
            item = replace(item, exceptions=self._exceptions(place, appending=appending))
        for key, attribute in _FLAG_KEYS:
            if key in keys:
                changes: dict[str, Any] = {attribute: self._flag(key, place, required=True)}
                item = replace(item, **changes)
        if "capture_duration" in keys:
            node = self._node.get("capture_duration")
            duration = node.natural() if node is not None else None
            if duration is None:
                msg = "Can't decode YAML scalar value"
                raise _bad(msg, place.at(node or self._node))
            item = replace(item, capture_duration=duration)
        return item

    def _priority(self, place: Place) -> Priority:
        found = parse_priority(self._text("priority", place))
        if found is None:
            msg = "Invalid priority"
            raise _bad(msg, place.at(self._node.get("priority") or self._node))
        return found

    def _exceptions(self, place: Place, *, appending: bool) -> tuple[ExceptionItem, ...]:
        node = self._node.get("exceptions")
        if node is None or node.is_null:
            return ()
        if not node.is_sequence:
            msg = "Rule exceptions must be a sequence"
            raise _bad(msg, place.of(node, "exceptions"))
        found: list[ExceptionItem] = []
        for each in node.members():
            exception = self._exception(each, appending=appending)
            if any(exception.name == other.name for other in found):
                message = f"Multiple definitions of exception '{exception.name}' in the same rule"
                self._warn(WarningCode.EXCEPTION_NAME_NOT_UNIQUE, message, exception.place)
            found.append(exception)
        return tuple(found)

    def _exception(self, node: Node, *, appending: bool) -> ExceptionItem:
        place = self._content.of(node, "exception")
        if not node.is_mapping:
            msg = "Rule exception must be a mapping"
            raise _bad(msg, place)
        name = _text_of(node, "name", place)
        place = self._content.of(node, "exception", name)
        fields = node.get("fields")
        if fields is None and not appending:
            msg = "Item has no mapping for key 'fields'"
            raise _bad(msg, place)
        comparisons, values = node.get("comps"), node.get("values")
        if values is not None and not values.is_sequence:
            msg = "Rule exception values must be a sequence"
            raise _bad(msg, place)
        if values is None and appending:
            message = "Overriding/appending exception with no values"
            self._warn(WarningCode.APPEND_NO_VALUES, message, place)
        return ExceptionItem(
            name=name,
            fields=_entry(fields, place) if fields is not None else None,
            comparisons=_entry(comparisons, place) if comparisons is not None else None,
            values=tuple(_entry(each, place) for each in values.members()) if values is not None else (),
            place=place,
        )

    def _appends(self, key: str, place: Place) -> bool:
        append = self._flag("append", place) or False
        if append:
            self._warn(WarningCode.DEPRECATED_ITEM, APPEND_DEPRECATED, place)
        appended, replaced = self._overrides((key,), (key,), place)
        if append and (appended or replaced):
            raise _bad(_BOTH, place)
        return append or key in appended

    def _overrides(
        self, may_append: tuple[str, ...], may_replace: tuple[str, ...], place: Place
    ) -> tuple[set[str], set[str]]:
        node = self._node.get("override")
        appended: set[str] = set()
        replaced: set[str] = set()
        if node is None or not node.is_mapping:
            return appended, replaced
        for key, operation in node.pairs():
            name = key.text
            if operation.text == "append":
                if name not in may_append:
                    message = f"Key '{name}' cannot be appended to, use 'replace' instead"
                    raise _bad(message, place.at(key))
                appended.add(name)
            elif operation.text == "replace":
                if name not in may_replace:
                    msg = f"Key '{name}' cannot be replaced"
                    raise _bad(msg, place.at(key))
                replaced.add(name)
            else:
                allowed = [
                    word
                    for word, names in (("append", may_append), ("replace", may_replace))
                    if name in names
                ]
                message = (
                    f"Invalid override operation for key '{name}': '{operation.text}'. "
                    f"Allowed values are: {' '.join(allowed)} "
                )
                raise _bad(message, place.at(operation))
        return appended, replaced

    def _check_keys(self, known: frozenset[str], place: Place) -> None:
        for key, _ in self._node.pairs():
            if key.is_scalar and key.text not in known:
                item = f"{place.item_type} '{place.item_name}'"
                message = f"Unknown key '{key.text}' in {item}. The key will be ignored."
                self._warn(WarningCode.UNKNOWN_KEY, message, place.at(key))

    def _keys(self) -> set[str]:
        return {key.text for key, _ in self._node.pairs() if key.is_scalar}

    def _text(self, key: str, place: Place) -> str:
        return _text_of(self._node, key, place)

    def _flag(self, key: str, place: Place, *, required: bool = False) -> bool | None:
        node = self._node.get(key)
        if node is None and not required:
            return None
        self._text(key, place)
        found = node.flag() if node is not None else None
        if found is None:
            msg = "Can't decode YAML scalar value"
            raise _bad(msg, place.at(node or self._node))
        return found

    def _texts(self, key: str, place: Place) -> tuple[str, ...]:
        node = self._node.get(key)
        if node is None:
            msg = f"Item has no mapping for key '{key}'"
            raise _bad(msg, place)
        if not node.is_sequence:
            msg = "Value is not a sequence"
            raise _bad(msg, place.at(node))
        found = []
        for each in node.members():
            if not each.is_scalar and not each.is_null:
                msg = "sequence value is not scalar"
                raise _bad(msg, place.at(each))
            found.append(each.text)
        return tuple(found)

    def _warn(self, code: WarningCode, message: str, place: Place) -> None:
        self._warn_with(Problem(code, message, place))


_FLAG_KEYS: Final = (
    ("enabled", "enabled"),
    ("warn_evttypes", "warn_evttypes"),
    ("skip-if-unknown-filter", "skip_if_unknown"),
    ("capture", "capture"),
)


def _text_of(node: Node, key: str, place: Place) -> str:
    found = node.get(key)
    if found is None:
        msg = f"Item has no mapping for key '{key}'"
        raise _bad(msg, place)
    if found.is_null:
        msg = f"Mapping for key '{key}' is empty"
        raise _bad(msg, place)
    if not found.is_scalar:
        msg = "Value is not a scalar value"
        raise _bad(msg, place.at(found))
    if not found.text:
        msg = "Value must be non-empty"
        raise _bad(msg, place.at(found))
    return found.text


def _entry(node: Node, place: Place, depth: int = 0) -> Entry:
    if node.is_sequence:
        if depth >= _MAX_EXCEPTION_DEPTH:
            msg = "Rule exception nests too deeply"
            raise _bad(msg, place)
        return tuple(_entry(each, place, depth + 1) for each in node.members())
    if node.is_mapping:
        msg = "Rule exception entries must be scalars or sequences"
        raise _bad(msg, place)
    if node.is_scalar and not node.text:
        msg = "Value must be non-empty"
        raise _bad(msg, place)
    return node.text


def _bad(message: str, place: Place) -> LoadError:
    return LoadError(ErrorCode.YAML_VALIDATE, message, place)

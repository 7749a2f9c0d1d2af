"""Items of rules: defined anew, added to, changed in part, or switched on and off; and their exceptions."""

from dataclasses import replace
from typing import Any, Final

from signatures.definitions import Entry, ExceptionItem, Item, RuleItem, Toggle, Update
from signatures.document import Node
from signatures.item_reader import APPEND_DEPRECATED, BOTH, ItemReader, bad, text_of
from signatures.priority import Priority, parse_priority
from signatures.problems import Place, WarningCode

_ENABLED_DEPRECATED: Final = (
    "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry "
    "under the 'override' key (i.e. 'enabled: replace')."
)
_APPENDED: Final = ("condition", "output", "desc", "tags", "exceptions")
_REPLACED: Final = (
    *_APPENDED, "priority", "enabled", "warn_evttypes", "skip-if-unknown-filter",
    "capture", "capture_duration",
)  # fmt: skip
_RULE_KEYS: Final = frozenset({"rule", "append", "override", "source", *_REPLACED})
_MAX_EXCEPTION_DEPTH: Final = 4
_FLAG_KEYS: Final = (
    ("enabled", "enabled"),
    ("warn_evttypes", "warn_evttypes"),
    ("skip-if-unknown-filter", "skip_if_unknown"),
    ("capture", "capture"),
)


class RuleReader(ItemReader):
    """Reads items with the key `rule`."""

    def read(self) -> list[Item]:
        """Return what the item defines."""
        name = self.text("rule", self.content.of(self.node, "rule"))
        place = self.content.of(self.node, "rule", name)
        self.check_keys(_RULE_KEYS, place)
        append = self.flag("append", place) or False
        if append:
            self.warn(WarningCode.DEPRECATED_ITEM, APPEND_DEPRECATED, place)
        appended, replaced = self.overrides(_APPENDED, _REPLACED, place)
        if append and (appended or replaced):
            raise bad(BOTH, place)
        if appended or replaced:
            return [self._update(name, place, appended, replaced)]
        if append:
            keys = {"condition", "exceptions"} & self.keys()
            found = self._values(
                RuleItem(name=name, place=place, source=self._source(place)), keys, appending=True
            )
            return [Update(appended=found, replaced=None)]
        if not {"condition", "output", "desc", "priority"} & self.keys():
            enabled = self.flag("enabled", place, required=True)
            self.warn(WarningCode.DEPRECATED_ITEM, _ENABLED_DEPRECATED, place)
            return [Toggle(name=name, enabled=bool(enabled), place=place)]
        return [self._definition(name, place)]

    def _definition(self, name: str, place: Place) -> RuleItem:
        for key in ("condition", "output", "desc", "priority"):
            self.text(key, place)
        source = self.node.get("source")
        found = RuleItem(
            name=name,
            place=place,
            source=self.text("source", place) if source is not None else "syscall",
            tags=(),
            exceptions=(),
            enabled=True,
            warn_evttypes=True,
            skip_if_unknown=False,
            capture=False,
            capture_duration=0,
        )
        return self._values(found, set(_REPLACED) & self.keys(), appending=False)

    def _update(self, name: str, place: Place, appended: set[str], replaced: set[str]) -> Update:
        expected = set(_REPLACED) & self.keys()
        for kind, keys in (("append", appended), ("replace", replaced)):
            for key in sorted(keys - expected):
                message = f"An {kind} override for '{key}' was specified but '{key}' is not defined"
                raise bad(message, place)
        base = RuleItem(name=name, place=place, source=self._source(place))
        update = Update(
            appended=self._values(base, appended, appending=True) if appended else None,
            replaced=self._values(base, replaced, appending=False) if replaced else None,
        )
        for key in sorted(expected - appended - replaced):
            message = f"Unexpected key '{key}': no corresponding entry under 'override' is defined."
            raise bad(message, place.at(self.node.get(key) or self.node))
        return update

    def _source(self, place: Place) -> str | None:
        # A source that is given and empty is none; one that differs from the rule's is an error later on.
        node = self.node.get("source")
        if node is None or node.is_null or not node.text:
            return None
        return self.text("source", place)

    def _values(  # noqa: C901 - one for each key
        self, item: RuleItem, keys: set[str], *, appending: bool
    ) -> RuleItem:
        place = item.place
        if "condition" in keys:
            node = self.node.get("condition")
            item = replace(
                item,
                condition=self.text("condition", place),
                condition_place=place.at(node) if node is not None else place,
            )
        if "output" in keys:
            node = self.node.get("output")
            item = replace(
                item,
                output=self.text("output", place).strip(),
                output_place=place.at(node) if node is not None else place,
            )
        if "desc" in keys:
            item = replace(item, desc=self.text("desc", place))
        if "priority" in keys:
            item = replace(item, priority=self._priority(place))
        if "tags" in keys:
            item = replace(item, tags=self.texts("tags", place))
        if "exceptions" in keys:
            item = replace(item, exceptions=self._exceptions(place, appending=appending))
        for key, attribute in _FLAG_KEYS:
            if key in keys:
                changes: dict[str, Any] = {attribute: self.flag(key, place, required=True)}
                item = replace(item, **changes)
        if "capture_duration" in keys:
            node = self.node.get("capture_duration")
            duration = node.natural() if node is not None else None
            if duration is None:
                msg = "Can't decode YAML scalar value"
                raise bad(msg, place.at(node or self.node))
            item = replace(item, capture_duration=duration)
        return item

    def _priority(self, place: Place) -> Priority:
        found = parse_priority(self.text("priority", place))
        if found is None:
            msg = "Invalid priority"
            raise bad(msg, place.at(self.node.get("priority") or self.node))
        return found

    def _exceptions(self, place: Place, *, appending: bool) -> tuple[ExceptionItem, ...]:
        node = self.node.get("exceptions")
        if node is None or node.is_null:
            return ()
        if not node.is_sequence:
            msg = "Rule exceptions must be a sequence"
            raise bad(msg, place.of(node, "exceptions"))
        found: list[ExceptionItem] = []
        for each in node.members():
            exception = self._exception(each, appending=appending)
            if any(exception.name == other.name for other in found):
                message = f"Multiple definitions of exception '{exception.name}' in the same rule"
                self.warn(WarningCode.EXCEPTION_NAME_NOT_UNIQUE, message, exception.place)
            found.append(exception)
        return tuple(found)

    def _exception(self, node: Node, *, appending: bool) -> ExceptionItem:
        place = self.content.of(node, "exception")
        if not node.is_mapping:
            msg = "Rule exception must be a mapping"
            raise bad(msg, place)
        name = text_of(node, "name", place)
        place = self.content.of(node, "exception", name)
        fields = node.get("fields")
        if fields is None and not appending:
            msg = "Item has no mapping for key 'fields'"
            raise bad(msg, place)
        comparisons, values = node.get("comps"), node.get("values")
        if values is not None and not values.is_sequence:
            msg = "Rule exception values must be a sequence"
            raise bad(msg, place)
        if values is None and appending:
            message = "Overriding/appending exception with no values"
            self.warn(WarningCode.APPEND_NO_VALUES, message, place)
        return ExceptionItem(
            name=name,
            fields=_entry(fields, place) if fields is not None else None,
            comparisons=_entry(comparisons, place)
            if comparisons is not None and not comparisons.is_null
            else None,
            values=tuple(_entry(each, place) for each in values.members()) if values is not None else (),
            place=place,
        )


def _entry(node: Node, place: Place, depth: int = 0) -> Entry:
    if node.is_sequence:
        if depth >= _MAX_EXCEPTION_DEPTH:
            msg = "Rule exception nests too deeply"
            raise bad(msg, place)
        return tuple(_entry(each, place, depth + 1) for each in node.members())
    if node.is_mapping:
        msg = "Rule exception entries must be scalars or sequences"
        raise bad(msg, place)
    if node.is_scalar and not node.text:
        msg = "Value must be non-empty"
        raise bad(msg, place)
    # What is nothing in YAML is an empty text, not the word for nothing.
    return "" if node.is_null else node.text

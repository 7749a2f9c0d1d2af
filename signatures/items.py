"""Nodes of a rule file to definitions: what kind of item each is, and the kinds that are small."""

import re
from typing import Final

from signatures.definitions import (
    EngineRequirement,
    Item,
    ListItem,
    MacroItem,
    PluginRequirement,
    Warn,
    parse_version,
)  # fmt: skip
from signatures.document import Node
from signatures.item_reader import ItemReader, bad, text_of
from signatures.problems import Place, Problem, WarningCode
from signatures.rule_items import RuleReader
from signatures.vocabulary import BARE, IDENTIFIER

_LIST_KEYS: Final = frozenset({"list", "items", "append", "override"})
_MACRO_KEYS: Final = frozenset({"macro", "condition", "append", "override"})
_NAMES: Final = "{} names should match a regular expression: "
_SHORT: Final = re.compile("[0-9]{1,9}")


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
        raise bad(message, content.of(node, "rules content item"))
    reader = _Reader(node, content, warn)
    for key, read in (
        ("required_engine_version", reader.engine),
        ("required_plugin_versions", reader.plugins),
        ("list", reader.list_),
        ("macro", reader.macro),
        ("rule", RuleReader(node, content, warn).read),
    ):
        if node.get(key) is not None:
            return read()
    place = content.of(node, "rules content item")
    warn(Problem(WarningCode.UNKNOWN_ITEM, "Unknown top level item", place))
    return []


class _Reader(ItemReader):
    def engine(self) -> list[Item]:
        place = self.content.of(self.node, "required_engine_version")
        value = self.text("required_engine_version", place)
        version = (0, int(value), 0) if _SHORT.fullmatch(value) else parse_version(value)
        if version is None:
            message = (
                f"Unable to parse engine version '{value}' as a semver string. "
                'Expected "x.y.z" semver format.'
            )
            raise bad(message, place)
        return [EngineRequirement(version=version, place=place)]

    def plugins(self) -> list[Item]:
        node = self.node.get("required_plugin_versions")
        if node is None or not node.is_sequence:
            place = self.content.of(node or self.node, "required_plugin_versions")
            msg = "Value of required_plugin_versions must be a sequence"
            raise bad(msg, place)
        return [self._plugin(each) for each in node.members()]

    def _plugin(self, node: Node) -> PluginRequirement:
        place = self.content.of(node, "required plugin versions entry")
        if not node.is_mapping:
            msg = "Plugin version must be a mapping"
            raise bad(msg, place)
        found = [(text_of(node, "name", place), text_of(node, "version", place))]
        others = node.get("alternatives")
        if others is not None:
            if not others.is_sequence:
                msg = "Value of plugin version alternatives must be a sequence"
                raise bad(msg, place)
            for other in others.members():
                if not other.is_mapping:
                    msg = "Plugin version alternative must be a mapping"
                    raise bad(msg, place)
                found.append((text_of(other, "name", place), text_of(other, "version", place)))
        return PluginRequirement(alternatives=tuple(found), place=place)

    def list_(self) -> list[Item]:
        name = self.text("list", self.content.of(self.node, "list"))
        place = self.content.of(self.node, "list", name)
        if not BARE.fullmatch(name):
            message = (
                "List has an invalid name. List names should match a regular expression: " + BARE.pattern
            )
            self.warn(WarningCode.INVALID_LIST_NAME, message, place)
        self.check_keys(_LIST_KEYS, place)
        items = self.texts("items", place)
        append = self.appends("items", place)
        return [ListItem(name=name, items=items, append=append, place=place)]

    def macro(self) -> list[Item]:
        name = self.text("macro", self.content.of(self.node, "macro"))
        place = self.content.of(self.node, "macro", name)
        if not IDENTIFIER.fullmatch(name):
            message = f"Macro has an invalid name. {_NAMES.format('Macro')}{IDENTIFIER.pattern}"
            self.warn(WarningCode.INVALID_MACRO_NAME, message, place)
        self.check_keys(_MACRO_KEYS, place)
        condition = self.text("condition", place)
        append = self.appends("condition", place)
        return [MacroItem(name=name, condition=condition, append=append, place=place)]

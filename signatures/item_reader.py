"""One item of a rule file, asked for the values of its keys: texts, flags, lists, what it overrides."""

from typing import Final

from signatures.definitions import Warn
from signatures.document import Node
from signatures.problems import ErrorCode, LoadError, Place, Problem, WarningCode

APPEND_DEPRECATED: Final = (
    "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead."
)
BOTH: Final = (
    "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. 'condition: "
    "append') under 'override' instead."
)


class ItemReader:
    """Reads one item; each kind of item is a class of its own.

    Args:
        node: The item.
        content: Place of the file.
        warn: Takes warnings.
    """

    def __init__(self, node: Node, content: Place, warn: Warn) -> None:
        self.node = node
        self.content = content
        self._warn_with = warn

    def appends(self, key: str, place: Place) -> bool:
        """Tell whether an item adds to the one of its name, by `append` or by an override of its only key."""
        append = self.flag("append", place) or False
        if append:
            self.warn(WarningCode.DEPRECATED_ITEM, APPEND_DEPRECATED, place)
        appended, replaced = self.overrides((key,), (key,), place)
        if append and (appended or replaced):
            raise bad(BOTH, place)
        return append or key in appended

    def overrides(
        self, may_append: tuple[str, ...], may_replace: tuple[str, ...], place: Place
    ) -> tuple[set[str], set[str]]:
        """Return the keys that are appended to, and those that are replaced."""
        node = self.node.get("override")
        appended: set[str] = set()
        replaced: set[str] = set()
        if node is None or not node.is_mapping:
            return appended, replaced
        for key, operation in node.pairs():
            name = key.text
            if not key.is_scalar or not operation.is_scalar:
                msg = "Keys and values of 'override' must be scalar values"
                raise bad(msg, place.at(key))
            if operation.text == "append":
                if name not in may_append:
                    message = f"Key '{name}' cannot be appended to, use 'replace' instead"
                    raise bad(message, place.at(key))
                appended.add(name)
            elif operation.text == "replace":
                if name not in may_replace:
                    msg = f"Key '{name}' cannot be replaced"
                    raise bad(msg, place.at(key))
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
                raise bad(message, place.at(operation))
        return appended, replaced

    def check_keys(self, known: frozenset[str], place: Place) -> None:
        """Warn of keys that this kind of item does not have."""
        for key, _ in self.node.pairs():
            if key.is_scalar and key.text not in known:
                item = f"{place.item_type} '{place.item_name}'"
                message = f"Unknown key '{key.text}' in {item}. The key will be ignored."
                self.warn(WarningCode.UNKNOWN_KEY, message, place.at(key))

    def keys(self) -> set[str]:
        """Return the keys that the item has."""
        return {key.text for key, _ in self.node.pairs() if key.is_scalar}

    def text(self, key: str, place: Place) -> str:
        """Return the text of a key that must be there."""
        return text_of(self.node, key, place)

    def flag(self, key: str, place: Place, *, required: bool = False) -> bool | None:
        """Return the flag of a key; None where it is not there and need not be."""
        node = self.node.get(key)
        if node is None and not required:
            return None
        self.text(key, place)
        found = node.flag() if node is not None else None
        if found is None:
            msg = "Can't decode YAML scalar value"
            raise bad(msg, place.at(node or self.node))
        return found

    def texts(self, key: str, place: Place) -> tuple[str, ...]:
        """Return the list of texts of a key that must be there."""
        node = self.node.get(key)
        if node is None:
            msg = f"Item has no mapping for key '{key}'"
            raise bad(msg, place)
        if not node.is_sequence:
            msg = "Value is not a sequence"
            raise bad(msg, place.at(node))
        found = []
        for each in node.members():
            if not each.is_scalar:
                msg = "sequence value is not scalar"
                raise bad(msg, place.at(each))
            found.append(each.text)
        return tuple(found)

    def warn(self, code: WarningCode, message: str, place: Place) -> None:
        """Say what may not have been meant."""
        self._warn_with(Problem(code, message, place))


def text_of(node: Node, key: str, place: Place) -> str:
    """Return the text of a key of a mapping.

    Raises:
        LoadError: It is missing, empty, or no scalar.
    """
    found = node.get(key)
    if found is None:
        msg = f"Item has no mapping for key '{key}'"
        raise bad(msg, place)
    if found.is_null:
        msg = f"Mapping for key '{key}' is empty"
        raise bad(msg, place)
    if not found.is_scalar:
        msg = "Value is not a scalar value"
        raise bad(msg, place.at(found))
    if not found.text:
        msg = "Value must be non-empty"
        raise bad(msg, place.at(found))
    return found.text


def bad(message: str, place: Place) -> LoadError:
    """Return the error for a value that is not what it must be."""
    return LoadError(ErrorCode.YAML_VALIDATE, message, place)

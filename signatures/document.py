"""YAML as a tree of texts with places: no value is ever guessed to be a number, a date or a flag.

A rule file says `items: [on, 0777, 12:30]` and means these words; so scalars stay text, and only
what asks for a flag or a number decodes one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

MAX_BYTES: Final = 4 << 20
"""Largest rule file that is read."""
_MAX_DEPTH: Final = 32
_MAX_NODES: Final = 500_000
_BEING_COUNTED: Final = -1
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_YES: Final = ("y", "yes", "true", "on")
_NO: Final = ("n", "no", "false", "off")
_FLAGS: Final = {
    word: words is _YES
    for words in (_YES, _NO)
    for base in words
    for word in (base, base.capitalize(), base.upper())
}
_NATURAL: Final = re.compile("[0-9]{1,18}")


class DocumentError(Exception):
    """A text is not YAML, or larger or deeper than is read; says where."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a document."""

    _node: yaml.Node
    _text: str

    @property
    def line(self) -> int:
        """Line of its first character, from 1."""
        return int(self._node.start_mark.line) + 1

    @property
    def column(self) -> int:
        """Column of its first character, from 1."""
        return int(self._node.start_mark.column) + 1

    @property
    def is_null(self) -> bool:
        """Tell whether it is an empty plain scalar, or one of the words for nothing."""
        node = self._node
        return isinstance(node, yaml.ScalarNode) and not node.style and node.value in _NULLS

    @property
    def is_scalar(self) -> bool:
        """Tell whether it is a text."""
        return isinstance(self._node, yaml.ScalarNode) and not self.is_null

    @property
    def _is_text(self) -> bool:
        return isinstance(self._node, yaml.ScalarNode)

    @property
    def is_sequence(self) -> bool:
        """Tell whether it is a list."""
        return isinstance(self._node, yaml.SequenceNode)

    @property
    def is_mapping(self) -> bool:
        """Tell whether it has keys."""
        return isinstance(self._node, yaml.MappingNode)

    @property
    def text(self) -> str:
        """Text of a scalar."""
        return str(self._node.value)

    def flag(self) -> bool | None:
        """Return what a scalar says as a flag, None where it says none."""
        return _FLAGS.get(self.text) if self.is_scalar else None

    def natural(self) -> int | None:
        """Return what a scalar says as a natural number, None where it says none."""
        return int(self.text) if self.is_scalar and _NATURAL.fullmatch(self.text) else None

    def members(self) -> Iterator["Node"]:
        """Yield what a sequence holds."""
        for each in self._node.value:
            yield Node(each, self._text)

    def pairs(self) -> Iterator[tuple["Node", "Node"]]:
        """Yield keys and values of a mapping."""
        for key, value in self._node.value:
            yield Node(key, self._text), Node(value, self._text)

    def get(self, key: str) -> "Node | None":
        """Return the value of a key of a mapping, None where it is not there."""
        if self.is_mapping:
            for name, value in self.pairs():
                if name._is_text and name.text == key:  # noqa: SLF001 - of the same class
                    return value
        return None

    def snippet(self, most: int) -> str:
        """Return the beginning of what the node is written as."""
        start = int(self._node.start_mark.index)
        end = int(self._node.end_mark.index)
        return self._text[start : min(end, start + most)].rstrip()


def read(text: str) -> list[Node]:
    """Return the documents of a text; those that are empty are left out.

    Raises:
        DocumentError: It is not YAML, too large, too deep, or has too many nodes.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        msg = f"A rule file may have {MAX_BYTES} bytes at most; this one is larger."
        raise DocumentError(msg)
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        # Composing recurses in C; the depth is looked at before, by events, which do not.
        _check_size(text, loader)
        found = [Node(node, text) for node in yaml.compose_all(text, Loader=loader)]
        _check_aliases(found)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise DocumentError(message, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1) from None
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        raise DocumentError(str(error).splitlines()[0]) from None
    return [node for node in found if not node.is_null]


def _check_size(text: str, loader: type) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise _at(event.start_mark, f"The text nests deeper than {_MAX_DEPTH} levels.")
        if count > _MAX_NODES:
            raise _at(event.start_mark, f"The text has more than {_MAX_NODES} nodes.")


def _at(mark: Any, message: str) -> DocumentError:  # noqa: ANN401 - two kinds of mark, and None
    return DocumentError(message, mark.line + 1, mark.column + 1) if mark else DocumentError(message)


def _check_aliases(documents: list[Node]) -> None:
    """Raise where aliases make a document refer to itself, or more than can be walked through.

    Ten anchors of ten aliases each are a short text and ten thousand million nodes.
    """
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, depth: int) -> int:
        known = sizes.get(id(node))
        if known is not None:
            if known == _BEING_COUNTED:
                raise DocumentError(
                    "The text refers to itself.", node.start_mark.line + 1, node.start_mark.column + 1
                )
            return known
        sizes[id(node)] = _BEING_COUNTED
        total = 1
        if depth > _MAX_DEPTH:
            total = _MAX_NODES + 1
        elif isinstance(node, yaml.CollectionNode):
            for each in node.value:
                for part in each if isinstance(each, tuple) else (each,):
                    total += size(part, depth + 1)
        if total > _MAX_NODES:
            msg = f"The text is too deep or has more than {_MAX_NODES} nodes once aliases are followed."
            raise _at(node.start_mark, msg)
        sizes[id(node)] = total
        return total

    if sum(size(document._node, 0) for document in documents) > _MAX_NODES:  # noqa: SLF001 - of this module
        msg = f"The text has more than {_MAX_NODES} nodes once its aliases are followed."
        raise DocumentError(msg)

"""Whether a rule file has the shape that Falco's JSON schema asks for; Falco tells so beside its own errors.

The shape is that of `rule_json_schema.h` (falcosecurity/falco, userspace/engine). It decides nothing: what
matters of it, the loader says with a code of its own. So it is known here alone, where cases ask for it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from signatures.document import DocumentError, Node, read

_Shape: TypeAlias = Callable[[Node], Iterator[str]]


def misfits(text: str) -> list[str]:
    r"""Return what in a file is not of the shape, a sentence each; empty where all is.

    Examples:
        >>> misfits("- list: shells\n  items: [sh]\n  colour: red\n")
        ["Line 3: unknown key 'colour'."]
    """
    try:
        documents = read(text)
    except DocumentError as error:
        return [str(error)]
    return [found for document in documents for found in _FILE(document)]


def _said(node: Node, what: str) -> str:
    return f"Line {node.line}: {what}."


def _string(node: Node) -> Iterator[str]:
    if not node.is_scalar:
        yield _said(node, "expected a text")


def _flag(node: Node) -> Iterator[str]:
    if node.flag() is None:
        yield _said(node, "expected true or false")


def _natural(node: Node) -> Iterator[str]:
    if node.natural() is None:
        yield _said(node, "expected a whole number")


def _any(_node: Node) -> Iterator[str]:
    return iter(())


def _one_of(*words: str) -> _Shape:
    def check(node: Node) -> Iterator[str]:
        if not node.is_scalar or node.text not in words:
            yield _said(node, f"expected one of {', '.join(words)}")

    return check


def _sequence(member: _Shape) -> _Shape:
    def check(node: Node) -> Iterator[str]:
        if not node.is_sequence:
            yield _said(node, "expected a list")
            return
        for each in node.members():
            yield from member(each)

    return check


def _mapping(keys: Mapping[str, _Shape], required: Iterable[str] = (), least: int = 0) -> _Shape:
    def check(node: Node) -> Iterator[str]:
        if not node.is_mapping:
            yield _said(node, "expected keys and values")
            return
        there = set()
        for key, value in node.pairs():
            there.add(key.text)
            shape = keys.get(key.text)
            if shape is None:
                yield _said(key, f"unknown key '{key.text}'")
            else:
                yield from shape(value)
        for name in required:
            if name not in there:
                yield _said(node, f"no key '{name}'")
        if len(there) < least:
            yield _said(node, f"expected {least} key at least")

    return check


_CHANGED: Final = (
    "items", "desc", "condition", "output", "priority", "enabled", "exceptions", "tags", "warn_evttypes",
    "skip-if-unknown-filter", "capture", "capture_duration", "capture_events", "capture_filesize",
)  # fmt: skip
_PRIORITIES: Final = (
    "EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "INFORMATIONAL", "DEBUG",
)  # fmt: skip
_VERSIONED: Final = {"name": _string, "version": _string}
_ITEM: Final = _mapping(
    dict.fromkeys(
        ("required_engine_version", "macro", "condition", "list", "rule", "desc", "output", "source"), _string
    )
    | dict.fromkeys(("enabled", "append", "capture", "warn_evttypes", "skip-if-unknown-filter"), _flag)
    | dict.fromkeys(("capture_duration", "capture_events", "capture_filesize"), _natural)
    | dict.fromkeys(("items", "tags"), _sequence(_string))
    | {
        "required_plugin_versions": _sequence(
            _mapping(
                _VERSIONED | {"alternatives": _sequence(_mapping(_VERSIONED, required=_VERSIONED))},
                required=_VERSIONED,
            )
        ),
        "priority": _one_of(*_PRIORITIES),
        "exceptions": _sequence(
            _mapping({"name": _string, "fields": _any, "comps": _any, "values": _any}, required=("name",))
        ),
        "override": _mapping(dict.fromkeys(_CHANGED, _one_of("append", "replace")), least=1),
    }
)
_FILE: Final = _sequence(_ITEM)

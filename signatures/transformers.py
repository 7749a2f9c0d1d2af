"""What `tolower(…)`, `join(…)` and the others make of an operand's value."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, cast

from signatures.event import FieldValue, Scalar
from signatures.patterns import lower, upper

Values: TypeAlias = tuple[Scalar, ...]


def _text(value: FieldValue) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _b64(value: Scalar) -> str | None:
    text = _text(value)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return None


def _basename(value: Scalar) -> str:
    return _text(value).rpartition("/")[2]


_OF_TEXT: Final[dict[str, Callable[[Scalar], str | None]]] = {
    "tolower": lambda value: lower(_text(value)),
    "toupper": lambda value: upper(_text(value)),
    "b64": _b64,
    "basename": _basename,
}


def of_text(name: str) -> Callable[[FieldValue], FieldValue]:
    """Return the transformer of this name for a text, or for each member of a list."""
    one = _OF_TEXT[name]

    def transform(value: FieldValue) -> FieldValue:
        if value is None:
            return None
        if isinstance(value, tuple):
            found = [one(each) for each in value]
            return None if None in found else tuple(cast("list[str]", found))
        return one(value)

    return transform


def length(value: FieldValue) -> FieldValue:
    """Return the bytes of a text or the members of a list; None where there is no value."""
    return None if value is None else len(value) if isinstance(value, tuple | str | bytes) else None


def join(separator: FieldValue, members: FieldValue) -> FieldValue:
    """Return the members as one text with the separator between them; None where one is missing."""
    if separator is None or members is None or None in cast("Values", members):
        return None
    return _text(separator).join(map(_text, cast("Values", members)))


def concat(*parts: FieldValue) -> FieldValue:
    """Return the parts as one text; None where one is missing."""
    return None if None in parts else "".join(map(_text, parts))


def getopt(members: FieldValue, options: FieldValue) -> FieldValue:
    """Return the options among words, each followed by its value, as POSIX finds them (getopt, section 3).

    `?` stands for an option that is not known. Words end at the first that is no option, and at `--`.

    Examples:
        >>> getopt(("-xzf", "file.tar"), "xzf:")
        ('x', 'z', 'f', 'file.tar')
    """
    if members is None or options is None or (isinstance(members, tuple) and None in members):
        return None
    found: list[str] = []
    for option, value in _options(_words(members), _text(options)):
        found += [option] if value is None else [value] if not value else [option, value]
    return tuple(found)


def getopt_value(members: FieldValue, options: FieldValue, wanted: FieldValue) -> FieldValue:
    """Return the value of one option, the last given; the option itself where it takes none."""
    if members is None or options is None or (isinstance(members, tuple) and None in members):
        return None
    found: str | None = None
    for option, value in _options(_words(members), _text(options)):
        if option == wanted:
            found = option if value is None else value
    return found


def _words(members: FieldValue) -> list[str]:
    return _text(members).split() if not isinstance(members, tuple) else [_text(each) for each in members]


def _options(words: Sequence[str], options: str) -> list[tuple[str, str | None]]:
    takes = {options[at]: options[at + 1 : at + 2] == ":" for at in range(len(options)) if options[at] != ":"}
    found: list[tuple[str, str | None]] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if len(word) < 2 or word[0] != "-" or word[1] == "-":
            break
        letters = word[1:]
        for place, letter in enumerate(letters):
            if letter not in takes:
                found.append(("?", None))
            elif not takes[letter]:
                found.append((letter, None))
            else:
                rest = letters[place + 1 :]
                if rest:
                    found.append((letter, rest))
                elif at < len(words):
                    found.append((letter, words[at]))
                    at += 1
                else:
                    found.append((letter, ""))
                break
    return found

"""The words of the language: operators, modifiers, transformers, and how strings are escaped."""

import re
from typing import Final

UNARY: Final = ("exists",)
NUMERIC: Final = ("<=", "<", ">=", ">")
TEXTUAL: Final = (
    "==", "=", "!=", "glob", "iglob", "contains", "icontains", "bcontains",
    "startswith", "bstartswith", "endswith", "regex",
)  # fmt: skip
LISTED: Final = ("intersects", "in", "pmatch")
BINARY: Final = NUMERIC + TEXTUAL + LISTED
MODIFIERS: Final = ("oneof", "anyof", "allof")
TRANSFORMERS: Final = ("tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt")
"""Those that stand on either side of a check."""
VAL: Final = "val"
"""A field taken as a value; on the right side only."""

BARE: Final = re.compile(r"""[^()"'\s=,]+""", re.ASCII)
"""A string without quotes."""
IDENTIFIER: Final = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*")

_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "/": "/", " ": "\\"}
r"""`\ ` gives a backslash: rule files in use escape blanks so, and the reference reads them so."""
_UNSAFE: Final = {
    "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
    " ": " ", "\\": "\\\\", '"': '\\"', "'": "'",
}  # fmt: skip
_HEX: Final = re.compile("[0-9a-fA-F]{2}")


def unescape(quoted: str) -> str:
    r"""Return what a quoted string stands for.

    Bytes above 127 written as `\xNN` become the characters U+0080 to U+00FF: text of an event
    is decoded in the same way (latin-1 of its bytes), so both meet.

    Args:
        quoted: With its quotes.

    Raises:
        ValueError: A backslash stands before what it cannot escape; the message says which.

    Examples:
        >>> unescape(r'"a \"b\" \x41"')
        'a "b" A'
    """
    quote, inner, result, at = quoted[0], quoted[1:-1], [], 0
    while at < len(inner):
        letter = inner[at]
        at += 1
        if letter == "\\" and at < len(inner):
            letter, at = _unescape_one(inner, at, quote)
        result.append(letter)
    return "".join(result)


def _unescape_one(inner: str, at: int, quote: str) -> tuple[str, int]:
    letter = inner[at]
    if letter in _ESCAPES:
        return _ESCAPES[letter], at + 1
    if letter == quote:
        return quote, at + 1
    if letter in ('"', "'"):
        msg = f"invalid \\{letter} escape in {quote}-quoted string"
        raise ValueError(msg)
    if letter == "x":
        digits = _HEX.match(inner, at + 1)
        if digits is None:
            msg = "invalid hex escape sequence: expected two hexadecimal digits after \\x"
            raise ValueError(msg)
        return chr(int(digits.group(), 16)), digits.end()
    msg = f"unsupported string escape sequence: \\{letter}"
    raise ValueError(msg)


def escape(text: str) -> str:
    r"""Return a string that stands for a text: itself where nothing in it needs quotes.

    Examples:
        >>> escape('say "hi"'), escape("plain")
        ('"say \\"hi\\""', 'plain')
    """
    escaped = "".join(_UNSAFE.get(letter, letter) for letter in text)
    return f'"{escaped}"' if any(letter in _UNSAFE for letter in text) else text

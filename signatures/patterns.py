"""Patterns of globs, path prefixes and regular expressions, each matched in time linear in the value."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import re2

from signatures.event import Scalar

MAX_PATTERN: Final = 4096
"""Characters of a pattern."""
_MAX_MEMORY: Final = 8 << 20
_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$")
_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TO_LOWER: Final = str.maketrans(_UPPER, _UPPER.lower())
_TO_UPPER: Final = str.maketrans(_UPPER.lower(), _UPPER)


def lower(text: str) -> str:
    """Return a text with ASCII letters in lower case: others stand for bytes and have no case."""
    return text.translate(_TO_LOWER)


def upper(text: str) -> str:
    """Return a text with ASCII letters in upper case."""
    return text.translate(_TO_UPPER)


def regex(pattern: str) -> Callable[[Scalar], bool]:
    r"""Return a test whether a whole text matches an RE2 pattern in POSIX syntax, as Falco reads it.

    So there is `[[:digit:]]` and no `\d`, and `.` is any character but a line's end. Characters are those
    of UTF-8; a byte that is none counts as one.

    Raises:
        ValueError: RE2 does not take it.

    Examples:
        >>> regex("/tmp/.")("/tmp/Ã©"), regex("/tmp/.")("/tmp/\xff"), regex("a.b")("a\nb")
        (True, True, False)
    """
    options = re2.Options()
    options.posix_syntax = True
    options.longest_match = True
    try:
        matches = _whole(_characters(pattern, "strict"), options)
    except UnicodeError:
        msg = f"invalid regular expression '{pattern}': it is not UTF-8"
        raise ValueError(msg) from None
    return lambda value: matches(_characters(str(value), "replace"))


def _characters(text: str, errors: str) -> str:
    """Return an event's text as the characters that its bytes stand for."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", errors)


def _whole(pattern: str, options: Any) -> Callable[[str], bool]:  # noqa: ANN401 - RE2 has no types
    """Return a test whether a whole text matches."""
    if len(pattern) > MAX_PATTERN:
        msg = f"expected a pattern of at most {MAX_PATTERN} characters; got {len(pattern)}"
        raise ValueError(msg)
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    try:
        found = re2.compile(pattern, options=options)
    except re2.error as error:
        msg = f"invalid regular expression '{pattern}': {_message(error)}"
        raise ValueError(msg) from None
    fullmatch = found.fullmatch
    return lambda text: fullmatch(text) is not None


def needless_regex(pattern: str) -> bool:
    """Tell whether a plain operator would do what a pattern does: no metacharacter but at its ends.

    Examples:
        >>> needless_regex(".*syscall.+"), needless_regex("s.*l")
        (True, False)
    """
    core = pattern.removeprefix("^").removesuffix("$")
    if len(core) > 1 and core[0] == "." and core[1] in "*+?":
        core = core[2:]
    if len(core) > 1 and core[-2] == "." and core[-1] in "*+?" and core[-3:-2] != "\\":
        core = core[:-2]
    return not any(letter in _SPECIAL for letter in core)


def glob(pattern: str, *, ignore_case: bool = False) -> Callable[[Scalar], bool]:
    """Return a test whether a text matches a shell pattern, as fnmatch(3) without flags: `*` crosses `/`.

    Raises:
        ValueError: It is too long.
    """
    options = re2.Options()
    options.dot_nl = True
    matches = _whole(glob_to_regex(lower(pattern) if ignore_case else pattern), options)
    return lambda value: matches(lower(str(value)) if ignore_case else str(value))


def glob_to_regex(pattern: str) -> str:
    r"""Return the regular expression of a shell pattern.

    Examples:
        >>> glob_to_regex(r"/a*[!b-c]?\*")
        '/a.*[^b-c].\\*'
    """
    result, at = [], 0
    while at < len(pattern):
        letter = pattern[at]
        at += 1
        if letter == "*":
            result.append(".*")
        elif letter == "?":
            result.append(".")
        elif letter == "[" and (end := _end_of_class(pattern, at)) > 0:
            result.append(_class(pattern[at:end]))
            at = end + 1
        elif letter == "\\" and at < len(pattern):
            result.append(_literal(pattern[at]))
            at += 1
        else:
            result.append(_literal(letter))
    return "".join(result)


class PathPrefixes:
    """The operator `pmatch`: whether a path lies at or below one of several.

    Paths are compared by component; a component of a prefix may be a shell pattern.

    Examples:
        >>> below = PathPrefixes(["/var/run", "/opt/*/log"])
        >>> below("/var/run/docker.sock"), below("/opt/x/log/a"), below("/var/runner")
        (True, True, False)
    """

    def __init__(self, prefixes: Iterable[str]) -> None:
        self._plain: set[tuple[str, ...]] = set()
        self._globs: list[list[Callable[[Scalar], bool]]] = []
        for prefix in prefixes:
            parts = _components(prefix)
            if any(letter in part for part in parts for letter in "*?["):
                self._globs.append([glob(part) for part in parts])
            else:
                self._plain.add(tuple(parts))
        self._lengths = sorted({len(parts) for parts in self._plain})

    def __call__(self, value: Scalar) -> bool:
        parts = tuple(_components(str(value)))
        if any(parts[:length] in self._plain for length in self._lengths if length <= len(parts)):
            return True
        return any(
            len(tests) <= len(parts) and all(test(part) for test, part in zip(tests, parts, strict=False))
            for tests in self._globs
        )


def _components(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _end_of_class(pattern: str, at: int) -> int:
    start = at + 1 if pattern[at : at + 1] in ("!", "^") else at
    return pattern.find("]", start + 1)


def _class(inner: str) -> str:
    negated = inner[:1] in ("!", "^")
    members = inner[1:] if negated else inner
    escaped = members.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("^", "\\^")
    return f"[{'^' if negated else ''}{escaped}]"


def _literal(letter: str) -> str:
    return "\\" + letter if letter in _SPECIAL else letter


def _message(error: Exception) -> str:
    message = error.args[0] if error.args else ""
    return message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)

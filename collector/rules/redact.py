"""Takes secrets out of texts before they leave the node."""

import contextlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from collector.errors import SettingsError
from wire.match import FieldValue

REDACTED: Final = "[redacted]"
DEFAULT_PATTERNS: Final = (
    (
        r"(?i)(?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|private[_-]?key"
        r"|credential)s?[\"']?\s?[=:]\s?[\"']?(?P<secret>[^\s\"',;&]+)"
    ),
    r"(?i)--(?:password|passwd|secret|token|api-key|access-key)[ =](?P<secret>\S+)",
    # Short options mean a secret in some programs only.
    r"\b(?:mysql|mariadb)[\w-]*\b[^\n;|&]*?\s-p(?P<secret>\S+)",
    r"\b(?:sshpass|mongo\w*)\b[^\n;|&]*?\s-p\s?(?P<secret>\S+)",
    r"\bredis-cli\b[^\n;|&]*?\s-a\s?(?P<secret>\S+)",
    r"\bcurl\b[^\n;|&]*?\s(?:-u|--user)\s?[^\s:]+:(?P<secret>\S+)",
    r"(?i)\b(?:authorization:\s*)?(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9+/=._~-]{8,})",
    r"://[^/\s:@]+:(?P<secret>[^/\s@]+)@",
    r"\b(?P<secret>(?:AKIA|ASIA)[0-9A-Z]{16})\b",
    r"\b(?P<secret>eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)",
    r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{30,})\b",
)
"""What the group named `secret` matches is replaced; without that group, all that the pattern matches."""
_MOST_TEXT: Final = 4096


class Redactor:
    """Replaces what patterns find; a text is cut at 4,096 characters first.

    Args:
        patterns: Regular expressions.

    Raises:
        SettingsError: One of them is no regular expression.

    Examples:
        >>> redact = Redactor()
        >>> redact.text("mysql --password=hunter2 -h db"), redact.text("curl https://me:pw@host/")
        ('mysql --password=[redacted] -h db', 'curl https://me:[redacted]@host/')
    """

    def __init__(self, patterns: Iterable[str] = DEFAULT_PATTERNS) -> None:
        self._patterns = []
        for pattern in patterns:
            try:
                self._patterns.append(re.compile(pattern))
            except re.error as error:
                msg = f"Each redaction pattern must be a regular expression; {pattern!r} is none: {error}."
                raise SettingsError(msg) from error

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        text = _readable(text[:_MOST_TEXT])
        for pattern in self._patterns:
            text = pattern.sub(_replaced, text)
        return text[:_MOST_TEXT]

    def fields(self, values: Mapping[str, object]) -> dict[str, FieldValue]:
        """Return output fields without secrets; a list becomes a text, as in an output."""
        return {name: self._value(value) for name, value in values.items()}

    def _value(self, value: object) -> FieldValue:
        if isinstance(value, tuple):
            value = " ".join(str(each) for each in value if each is not None)
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(str(value))


def read_patterns(path: Path) -> tuple[str, ...]:
    """Read one pattern a line; empty lines and those that begin with `#` are passed over.

    Raises:
        SettingsError: The file cannot be read.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"Cannot read redaction patterns from {path}: {error}."
        raise SettingsError(msg) from error
    return tuple(line for line in lines if line.strip() and not line.startswith("#"))


def _readable(text: str) -> str:
    """Return the characters that bytes of the kernel stand for, where they are UTF-8; without NUL."""
    with contextlib.suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return text.replace("\0", " ")


def _replaced(found: re.Match[str]) -> str:
    if "secret" not in found.re.groupindex or found["secret"] is None:
        return REDACTED
    whole, start = found.group(), found.start()
    return whole[: found.start("secret") - start] + REDACTED + whole[found.end("secret") - start :]

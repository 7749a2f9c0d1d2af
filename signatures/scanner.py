"""A text read from left to right without tokens: what stands here is tried, and taken if it fits."""

import re
from bisect import bisect_right
from typing import Final

from signatures.errors import ParseError
from signatures.syntax import Position
from signatures.vocabulary import unescape

BLANKS: Final = " \t\b\r\n"


class Scanner:
    """A text and how far it was read.

    Args:
        text: What is read.
        max_depth: Steps of recursion that it may ask for.

    Attributes:
        text: What is read.
        at: Index of the first character that was not taken.
        last: What was taken last.
    """

    def __init__(self, text: str, max_depth: int) -> None:
        self.text = text
        self._max_depth = max_depth
        self._depth = 0
        self.last = ""
        self._lines = [0, *(found.end() for found in re.finditer("[\r\n]", text))]
        """Where each line begins."""
        self.at = 0

    def quoted_string(self) -> bool:
        """Take a quoted string, without its quotes and escapes, if one begins here."""
        quote = self.text[self.at : self.at + 1]
        if quote not in ('"', "'") or not quote:
            return False
        end = self.at + 1
        while end < len(self.text) and (self.text[end] != quote or self.text[end - 1] == "\\"):
            end += 1
        if end >= len(self.text):
            return False
        start, self.at = self.at, end + 1
        try:
            self.last = unescape(self.text[start : self.at])
        except ValueError as error:
            raise self.error(str(error)) from None
        return True

    def blank(self) -> bool:
        """Take blanks; tell whether there were any."""
        start, text = self.at, self.text
        while self.at < len(text) and text[self.at] in BLANKS:
            self.at += 1
        return self.at > start

    def match(self, pattern: re.Pattern[str]) -> bool:
        """Take what a pattern matches here, if it does."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return False
        self.last = found.group()
        self.at = found.end()
        return True

    def word(self, word: str, *, blank: bool = False) -> bool:
        """Take a word, if it stands here; with `blank` only if a blank follows."""
        end = self.at + len(word)
        if not self.text.startswith(word, self.at):
            return False
        if blank and (end >= len(self.text) or self.text[end] not in BLANKS):
            return False
        self.last = word
        self.at = end
        return True

    def expect(self, word: str, what: str = "") -> None:
        """Take a word that must stand here."""
        if not self.word(word):
            msg = f"expected a '{word}' token{what}"
            raise self.error(msg)

    def descend(self, steps: int) -> None:
        """Count steps of recursion."""
        self._depth += steps
        if self._depth >= self._max_depth:
            msg = f"exceeded max depth limit of {self._max_depth}"
            raise self.error(msg)

    def here(self) -> Position:
        """Return where the text is read."""
        line = bisect_right(self._lines, self.at)
        return Position(self.at, line, self.at - self._lines[line - 1] + 1)

    def error(self, message: str) -> ParseError:
        """Return the error of what stands here."""
        return ParseError(message, self.here())

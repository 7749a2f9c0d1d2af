"""Text to tree: the filter language of Falco, by recursive descent without a lexer.

The language has no tokens of its own: whether `b64` is a transformer, a value or a macro depends
on the character behind it, so each rule tries what may stand at its place. The oddities are those
of the reference parser (falcosecurity/libs, userspace/libsinsp/filter/parser.cpp), which rule files
rely on: `existsand macro` parses, `a.b = not` compares with the word, transformers take no blank
before their parenthesis.
"""

import re
from bisect import bisect_right
from typing import Final

from signatures.errors import ParseError
from signatures.syntax import (
    And,
    Binary,
    Expression,
    Field,
    Group,
    Identifier,
    Not,
    Operand,
    Or,
    Position,
    Transformer,
    Unary,
    Value,
    Values,
)
from signatures.vocabulary import (
    BARE,
    IDENTIFIER,
    LISTED,
    MODIFIERS,
    NUMERIC,
    TEXTUAL,
    TRANSFORMERS,
    UNARY,
    VAL,
    unescape,
)

MAX_DEPTH: Final = 100
"""Depth of recursion that a single condition may ask for, counted as the reference parser does."""
MAX_RULE_DEPTH: Final = 1000
"""The same for conditions of rules, in which lists and exceptions are already written out."""

_BLANKS: Final = " \t\b\r\n"
_NOT: Final = re.compile(r"not[ \t\n\v\f\r]+")
_FIELD: Final = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*(?:\.[a-zA-Z]+[a-zA-Z0-9_]*)+")
_BARE_ARGUMENT: Final = re.compile(r"""[^\]\["'\s]+""")
_HEX: Final = re.compile(r"0[xX][0-9a-zA-Z]+")
_NUMBER: Final = re.compile(r"[+\-]?[0-9]+\.?[0-9]*(?:[eE][+\-][0-9]+)?")
_TEXTUAL: Final = tuple((word, word[0].isalpha()) for word in TEXTUAL)
"""Operators of strings; a word needs a blank behind it, a sign does not."""
_CONNECTIVES: Final = ("and", "or")
_SEVERAL: Final = ("join", "concat", "getopt")
"""Transformers whose arguments may be constants and groups, and be more than one."""


def parse(text: str, *, max_depth: int = MAX_DEPTH) -> Expression:
    """Return the tree of a condition.

    Raises:
        ParseError: The text is no condition, or nests too deeply.

    Examples:
        >>> parse("evt.type=open and not proc.name in (cat, ls)").children[1].child.right.texts
        ('cat', 'ls')
    """
    return _Parser(text, max_depth).condition()


def parse_operand(text: str) -> tuple[Operand, int]:
    """Return the field or transformer that a text begins with, and how many characters it takes.

    Raises:
        ParseError: It begins with neither.
    """
    parser = _Parser(text, MAX_DEPTH)
    return parser.operand(), parser.at


class _Parser:
    def __init__(self, text: str, max_depth: int) -> None:
        self._text = text
        self._max_depth = max_depth
        self._depth = 0
        self._last = ""
        self._lines = [0, *(found.end() for found in re.finditer("[\r\n]", text))]
        """Where each line begins."""
        self.at = 0

    def condition(self) -> Expression:
        if not self._text:
            msg = "filter input string is empty"
            raise self._error(msg)
        try:
            tree = self._or()
        except RecursionError:
            msg = f"exceeded max depth limit of {self._max_depth}"
            raise self._error(msg) from None
        if self.at != len(self._text):
            msg = f"unexpected token after '{self._last}', expecting 'or', 'and'"
            raise self._error(msg)
        return tree

    def operand(self) -> Operand:
        here = self._here()
        if self._match(_FIELD):
            return self._field(self._last, here)
        if name := self._transformer():
            return self._arguments(name, here)
        msg = "expected a field or a transformer"
        raise self._error(msg)

    def _or(self) -> Expression:
        # The reference counts a step for each of its rules: "or", "and", "not" and the check.
        self._descend(1)
        here = self._here()
        self._blank()
        first = self._and()
        children = [first]
        self._blank()
        while self._word("or"):
            children.append(self._after("or"))
            self._blank()
        self._depth -= 1
        return Or(tuple(children), here) if len(children) > 1 else first

    def _and(self) -> Expression:
        self._descend(1)
        self._blank()
        here = self._here()
        first = self._not()
        children = [first]
        self._blank()
        while self._word("and"):
            children.append(self._after("and"))
            self._blank()
        self._depth -= 1
        return And(tuple(children), here) if len(children) > 1 else first

    def _after(self, connective: str) -> Expression:
        if self._blank():
            return self._and() if connective == "or" else self._not()
        if self._word("("):
            return self._closed()
        msg = f"expected blank or '(' after '{connective}'"
        raise self._error(msg)

    def _not(self) -> Expression:
        self._descend(1)
        self._blank()
        here = self._here()
        negated = False
        while self._match(_NOT):
            negated = not negated
        if self._word("not("):
            negated = not negated
            child = self._closed()
        else:
            child = self._check()
        self._depth -= 1
        return Not(child, here) if negated else child

    def _closed(self) -> Expression:
        self._descend(1)
        child = self._or()
        self._blank()
        self._expect(")")
        self._depth -= 1
        return child

    def _check(self) -> Expression:
        self._descend(1)
        self._blank()
        here = self._here()
        if self._word("("):
            child = self._closed()
        elif self._match(_FIELD):
            child = self._comparison(self._field(self._last, here), here)
        elif name := self._transformer():
            child = self._comparison(self._arguments(name, here), here)
        elif self._match(IDENTIFIER):
            child = Identifier(self._last, here)
        else:
            msg = "expected a '(' token, a field check, or an identifier"
            raise self._error(msg)
        self._depth -= 1
        return child

    def _comparison(self, left: Operand, here: Position) -> Expression:
        self._descend(1)
        self._blank()
        for word in UNARY:
            if self._word(word):
                self._depth -= 1
                return Unary(left, word, here)
        # The reference looks two rules deeper for what stands on the right.
        self._descend(2)
        check = self._binary(left, here)
        self._depth -= 3
        return check

    def _binary(self, left: Operand, here: Position) -> Binary:
        for word in NUMERIC:
            if self._word(word):
                return Binary(left, word, self._number(), position=here)
        for word, spelled in _TEXTUAL:
            if self._word(word, blank=spelled):
                modifier, right = self._text_or_list()
                return Binary(left, word, right, modifier, here)
        for word in LISTED:
            if self._word(word):
                return Binary(left, word, self._list(), position=here)
        expected = _quoted(UNARY + NUMERIC + TEXTUAL + LISTED)
        msg = f"expected a valid check operator: one of {expected}"
        raise self._error(msg)

    def _number(self) -> Operand:
        self._blank()
        here = self._here()
        if (right := self._right_field(here)) is not None:
            return right
        if self._match(_HEX) or self._match(_NUMBER):
            return Value(self._last, here)
        msg = f"expected a number value or a field with a valid transformer: {_right_words()}"
        raise self._error(msg)

    def _text_or_list(self) -> tuple[str | None, Operand]:
        before = self.at
        if self._blank() or (before and self._text[before - 1] in _BLANKS):
            start = self.at
            for word in MODIFIERS:
                if self._word(word):
                    if self._blank() and self._list_begins():
                        return word, self._list()
                    self.at = start
        return None, self._string()

    def _list_begins(self) -> bool:
        if self._text.startswith("(", self.at):
            return True
        found = IDENTIFIER.match(self._text, self.at)
        return found is not None and found.group() not in _CONNECTIVES

    def _string(self) -> Operand:
        self._blank()
        here = self._here()
        if (right := self._right_field(here)) is not None:
            return right
        if self._quoted_string() or self._match(BARE):
            return Value(self._last, here)
        msg = f"expected a string value or a field with a valid transformer: {_right_words()}"
        raise self._error(msg)

    def _list(self) -> Operand:
        self._blank()
        here = self._here()
        if self._word("("):
            return Values(tuple(self._members()), here)
        if (right := self._right_field(here)) is not None:
            return right
        if self._match(IDENTIFIER):
            return Value(self._last, here)
        expected = f"expected a list, an identifier, or a field with a valid transformer: {_right_words()}"
        raise self._error(expected)

    def _members(self) -> list[str]:
        members: list[str] = []
        self._blank()
        if self._quoted_string() or self._match(BARE):
            members.append(self._last)
            self._blank()
            while self._word(","):
                self._blank()
                if not (self._quoted_string() or self._match(BARE)):
                    msg = "expected a string value"
                    raise self._error(msg)
                members.append(self._last)
                self._blank()
        self._expect(")")
        return members

    def _right_field(self, here: Position) -> Operand | None:
        if self._word(VAL + "("):
            self._blank()
            field_here = self._here()
            if not self._match(_FIELD):
                msg = f"expected a field within '{VAL}' transformer"
                raise self._error(msg)
            child = self._field(self._last, field_here)
            self._blank()
            self._expect(")", " closing the transformer")
            return Transformer(VAL, (child,), position=here)
        name = self._transformer()
        return self._arguments(name, here) if name else None

    def _transformer(self) -> str:
        """Return the transformer that begins here, read with its parenthesis; empty where none does."""
        for name in TRANSFORMERS:
            if self._word(name + "("):
                return name
        return ""

    def _arguments(self, name: str, here: Position) -> Transformer:
        self._descend(1)
        arguments: list[Operand] = []
        self._blank()
        if name not in _SEVERAL:
            arguments.append(self._argument(constants=False))
        elif not self._text.startswith(")", self.at):
            arguments.append(self._argument(constants=True))
            while self._blank() or self._text.startswith(",", self.at):
                if not self._word(","):
                    break
                arguments.append(self._argument(constants=True))
        self._blank()
        self._expect(")", " closing the transformer")
        self._depth -= 1
        bracket = self._bracket() if name in _SEVERAL else None
        return Transformer(name, tuple(arguments), bracket, here)

    def _argument(self, *, constants: bool) -> Operand:
        self._blank()
        here = self._here()
        if name := self._transformer():
            return self._arguments(name, here)
        if self._match(_FIELD):
            return self._field(self._last, here)
        if constants and self._quoted_string():
            return Value(self._last, here)
        if constants and (self._match(_HEX) or self._match(_NUMBER)):
            return Value(self._last, here)
        if constants and self._word("("):
            return self._group(here)
        msg = f"expected a field or a nested valid transformer: {_right_words()}"
        raise self._error(msg)

    def _group(self, here: Position) -> Group:
        self._descend(1)
        members: list[Operand] = []
        self._blank()
        if not self._text.startswith(")", self.at):
            members.append(self._argument(constants=True))
            self._blank()
            while self._word(","):
                members.append(self._argument(constants=True))
                self._blank()
        self._expect(")")
        self._depth -= 1
        return Group(tuple(members), here)

    def _field(self, name: str, here: Position) -> Field:
        return Field(name, self._bracket(), here)

    def _bracket(self) -> str | None:
        if not self._word("["):
            return None
        if not (self._quoted_string() or self._match(_BARE_ARGUMENT)):
            msg = "expected a valid field argument: a quoted string or a bare string"
            raise self._error(msg)
        argument = self._last
        self._expect("]")
        return argument

    def _quoted_string(self) -> bool:
        quote = self._text[self.at : self.at + 1]
        if quote not in ('"', "'") or not quote:
            return False
        end = self.at + 1
        while end < len(self._text) and (self._text[end] != quote or self._text[end - 1] == "\\"):
            end += 1
        if end >= len(self._text):
            return False
        start, self.at = self.at, end + 1
        try:
            self._last = unescape(self._text[start : self.at])
        except ValueError as error:
            raise self._error(str(error)) from None
        return True

    def _blank(self) -> bool:
        start, text = self.at, self._text
        while self.at < len(text) and text[self.at] in _BLANKS:
            self.at += 1
        return self.at > start

    def _match(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self._text, self.at)
        if found is None:
            return False
        self._last = found.group()
        self.at = found.end()
        return True

    def _word(self, word: str, *, blank: bool = False) -> bool:
        end = self.at + len(word)
        if not self._text.startswith(word, self.at):
            return False
        if blank and (end >= len(self._text) or self._text[end] not in _BLANKS):
            return False
        self._last = word
        self.at = end
        return True

    def _expect(self, word: str, what: str = "") -> None:
        if not self._word(word):
            msg = f"expected a '{word}' token{what}"
            raise self._error(msg)

    def _descend(self, steps: int) -> None:
        self._depth += steps
        if self._depth >= self._max_depth:
            msg = f"exceeded max depth limit of {self._max_depth}"
            raise self._error(msg)

    def _here(self) -> Position:
        line = bisect_right(self._lines, self.at)
        return Position(self.at, line, self.at - self._lines[line - 1] + 1)

    def _error(self, message: str) -> ParseError:
        return ParseError(message, self._here())


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _right_words() -> str:
    return _quoted((VAL, *TRANSFORMERS))

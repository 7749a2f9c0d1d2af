"""Text to tree: the filter language of Falco, by recursive descent without a lexer.

The language has no tokens of its own: whether `b64` is a transformer, a value or a macro depends
on the character behind it, so each rule tries what may stand at its place. The oddities are those
of the reference parser (falcosecurity/libs, userspace/libsinsp/filter/parser.cpp), which rule files
rely on: `existsand macro` parses, `a.b = not` compares with the word, transformers take no blank
before their parenthesis.
"""

import re
from typing import Final

from signatures.scanner import BLANKS, Scanner
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
)

MAX_DEPTH: Final = 100
"""Depth of recursion that a single condition may ask for, counted as the reference parser does."""
MAX_RULE_DEPTH: Final = 1000
"""The same for conditions of rules, in which lists and exceptions are already written out."""

_NOT: Final = re.compile(r"not[ \t\n\v\f\r]+")
_FIELD: Final = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*(?:\.[a-zA-Z]+[a-zA-Z0-9_]*)+")
_BARE_ARGUMENT: Final = re.compile(r"""[^\]\["'\s]+""", re.ASCII)
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


class _Parser(Scanner):
    def condition(self) -> Expression:
        if not self.text:
            msg = "filter input string is empty"
            raise self.error(msg)
        try:
            tree = self._or()
        except RecursionError:
            msg = f"exceeded max depth limit of {self._max_depth}"
            raise self.error(msg) from None
        if self.at != len(self.text):
            msg = f"unexpected token after '{self.last}', expecting 'or', 'and'"
            raise self.error(msg)
        return tree

    def operand(self) -> Operand:
        here = self.here()
        if self.match(_FIELD):
            return self._field(self.last, here)
        if name := self._transformer():
            return self._arguments(name, here)
        msg = "expected a field or a transformer"
        raise self.error(msg)

    def _or(self) -> Expression:
        # The reference counts a step for each of its rules: "or", "and", "not" and the check.
        self.descend(1)
        here = self.here()
        self.blank()
        first = self._and()
        children = [first]
        self.blank()
        while self.word("or"):
            children.append(self._after("or"))
            self.blank()
        self._depth -= 1
        return Or(tuple(children), here) if len(children) > 1 else first

    def _and(self) -> Expression:
        self.descend(1)
        self.blank()
        here = self.here()
        first = self._not()
        children = [first]
        self.blank()
        while self.word("and"):
            children.append(self._after("and"))
            self.blank()
        self._depth -= 1
        return And(tuple(children), here) if len(children) > 1 else first

    def _after(self, connective: str) -> Expression:
        if self.blank():
            return self._and() if connective == "or" else self._not()
        if self.word("("):
            return self._closed()
        msg = f"expected blank or '(' after '{connective}'"
        raise self.error(msg)

    def _not(self) -> Expression:
        self.descend(1)
        self.blank()
        here = self.here()
        negated = False
        while self.match(_NOT):
            negated = not negated
        if self.word("not("):
            negated = not negated
            child = self._closed()
        else:
            child = self._check()
        self._depth -= 1
        return Not(child, here) if negated else child

    def _closed(self) -> Expression:
        self.descend(1)
        child = self._or()
        self.blank()
        self.expect(")")
        self._depth -= 1
        return child

    def _check(self) -> Expression:
        self.descend(1)
        self.blank()
        here = self.here()
        if self.word("("):
            child = self._closed()
        elif self.match(_FIELD):
            child = self._comparison(self._field(self.last, here), here)
        elif name := self._transformer():
            child = self._comparison(self._arguments(name, here), here)
        elif self.match(IDENTIFIER):
            child = Identifier(self.last, here)
        else:
            msg = "expected a '(' token, a field check, or an identifier"
            raise self.error(msg)
        self._depth -= 1
        return child

    def _comparison(self, left: Operand, here: Position) -> Expression:
        self.descend(1)
        self.blank()
        for word in UNARY:
            if self.word(word):
                self._depth -= 1
                return Unary(left, word, here)
        # The reference looks two rules deeper for what stands on the right.
        self.descend(2)
        check = self._binary(left, here)
        self._depth -= 3
        return check

    def _binary(self, left: Operand, here: Position) -> Binary:
        for word in NUMERIC:
            if self.word(word):
                return Binary(left, word, self._number(), position=here)
        for word, spelled in _TEXTUAL:
            if self.word(word, blank=spelled):
                modifier, right = self._text_or_list()
                return Binary(left, word, right, modifier, here)
        for word in LISTED:
            if self.word(word):
                return Binary(left, word, self._list(), position=here)
        expected = _quoted(UNARY + NUMERIC + TEXTUAL + LISTED)
        msg = f"expected a valid check operator: one of {expected}"
        raise self.error(msg)

    def _number(self) -> Operand:
        self.blank()
        here = self.here()
        if (right := self._right_field(here)) is not None:
            return right
        if self.match(_HEX) or self.match(_NUMBER):
            return Value(self.last, here)
        msg = f"expected a number value or a field with a valid transformer: {_right_words()}"
        raise self.error(msg)

    def _text_or_list(self) -> tuple[str | None, Operand]:
        before = self.at
        if self.blank() or (before and self.text[before - 1] in BLANKS):
            start = self.at
            for word in MODIFIERS:
                if self.word(word):
                    if self.blank() and self._list_begins():
                        return word, self._list()
                    self.at = start
        return None, self._string()

    def _list_begins(self) -> bool:
        if self.text.startswith("(", self.at):
            return True
        found = IDENTIFIER.match(self.text, self.at)
        return found is not None and found.group() not in _CONNECTIVES

    def _string(self) -> Operand:
        self.blank()
        here = self.here()
        if (right := self._right_field(here)) is not None:
            return right
        if self.quoted_string() or self.match(BARE):
            return Value(self.last, here)
        msg = f"expected a string value or a field with a valid transformer: {_right_words()}"
        raise self.error(msg)

    def _list(self) -> Operand:
        self.blank()
        here = self.here()
        if self.word("("):
            return Values(tuple(self._members()), here)
        if (right := self._right_field(here)) is not None:
            return right
        if self.match(IDENTIFIER):
            return Value(self.last, here)
        expected = f"expected a list, an identifier, or a field with a valid transformer: {_right_words()}"
        raise self.error(expected)

    def _members(self) -> list[str]:
        members: list[str] = []
        self.blank()
        if self.quoted_string() or self.match(BARE):
            members.append(self.last)
            self.blank()
            while self.word(","):
                self.blank()
                if not (self.quoted_string() or self.match(BARE)):
                    msg = "expected a string value"
                    raise self.error(msg)
                members.append(self.last)
                self.blank()
        self.expect(")")
        return members

    def _right_field(self, here: Position) -> Operand | None:
        if self.word(VAL + "("):
            self.blank()
            field_here = self.here()
            if not self.match(_FIELD):
                msg = f"expected a field within '{VAL}' transformer"
                raise self.error(msg)
            child = self._field(self.last, field_here)
            self.blank()
            self.expect(")", " closing the transformer")
            return Transformer(VAL, (child,), position=here)
        name = self._transformer()
        return self._arguments(name, here) if name else None

    def _transformer(self) -> str:
        """Return the transformer that begins here, read with its parenthesis; empty where none does."""
        for name in TRANSFORMERS:
            if self.word(name + "("):
                return name
        return ""

    def _arguments(self, name: str, here: Position) -> Transformer:
        self.descend(1)
        arguments: list[Operand] = []
        self.blank()
        if name not in _SEVERAL:
            arguments.append(self._argument(constants=False))
        elif not self.text.startswith(")", self.at):
            arguments.append(self._argument(constants=True))
            while self.blank() or self.text.startswith(",", self.at):
                if not self.word(","):
                    break
                arguments.append(self._argument(constants=True))
        self.blank()
        self.expect(")", " closing the transformer")
        self._depth -= 1
        bracket = self._bracket() if name in _SEVERAL else None
        return Transformer(name, tuple(arguments), bracket, here)

    def _argument(self, *, constants: bool) -> Operand:
        self.blank()
        here = self.here()
        if name := self._transformer():
            return self._arguments(name, here)
        if self.match(_FIELD):
            return self._field(self.last, here)
        if constants and self.quoted_string():
            return Value(self.last, here)
        if constants and (self.match(_HEX) or self.match(_NUMBER)):
            return Value(self.last, here)
        if constants and self.word("("):
            return self._group(here)
        msg = f"expected a field or a nested valid transformer: {_right_words()}"
        raise self.error(msg)

    def _group(self, here: Position) -> Group:
        self.descend(1)
        members: list[Operand] = []
        self.blank()
        if not self.text.startswith(")", self.at):
            members.append(self._argument(constants=True))
            self.blank()
            while self.word(","):
                members.append(self._argument(constants=True))
                self.blank()
        self.expect(")")
        self._depth -= 1
        return Group(tuple(members), here)

    def _field(self, name: str, here: Position) -> Field:
        return Field(name, self._bracket(), here)

    def _bracket(self) -> str | None:
        if not self.word("["):
            return None
        if not (self.quoted_string() or self.match(_BARE_ARGUMENT)):
            msg = "expected a valid field argument: a quoted string or a bare string"
            raise self.error(msg)
        argument = self.last
        self.expect("]")
        return argument


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _right_words() -> str:
    return _quoted((VAL, *TRANSFORMERS))

"""What each operator does with a field's value: the one place where comparisons are decided."""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Any, Final, TypeAlias, cast

from signatures.constants import Address, Constant, Network, to_address, to_constant
from signatures.event import FieldValue, Scalar
from signatures.fields import FieldType
from signatures.patterns import PathPrefixes, glob, lower, regex
from signatures.vocabulary import LISTED

Test: TypeAlias = Callable[[Scalar], bool]
"""Of a value that is there."""
Check: TypeAlias = Callable[[FieldValue], bool]
"""Of whatever an operand gives."""

_EQUAL: Final = frozenset({"=", "==", "!=", "in", "intersects", "exists"})
_ORDERED: Final = _EQUAL | {"<", "<=", ">", ">="}
_ALLOWED: Final[dict[FieldType, frozenset[str]]] = {
    FieldType.TEXT: _ORDERED
    | {"contains", "icontains", "startswith", "endswith", "glob", "iglob", "pmatch", "regex"},
    FieldType.SIGNED: _ORDERED,
    FieldType.UNSIGNED: _ORDERED,
    FieldType.REAL: _ORDERED,
    FieldType.FLAG: _EQUAL,
    FieldType.ADDRESS: _EQUAL,
    FieldType.NETWORK: _EQUAL,
    FieldType.BYTES: _EQUAL | {"contains", "startswith", "endswith", "bcontains", "bstartswith"},
    FieldType.ANY: _ORDERED | {"contains", "startswith", "endswith"},
}


class Arity(Enum):
    """How many values an operand gives."""

    ONE = auto()
    LIST = auto()
    """A list: `in` asks for all of them, `intersects` for any."""
    ANY = auto()
    """A check holds where it does for any of them: ancestors."""
    EITHER_END = auto()
    """The same, but `!=` asks that neither is equal: addresses and ports of a connection."""


def allows(kind: FieldType, arity: Arity, operator: str) -> bool:
    """Tell whether an operator can be asked of values of a type."""
    if arity is Arity.LIST:
        return operator in ("in", "intersects", "exists")
    return operator in _ALLOWED[kind]


def check_of(operator: str, kind: FieldType, arity: Arity, texts: Sequence[str]) -> Check:
    """Return the check of an operand against constants; `texts` has one unless the operator takes a list.

    Raises:
        ValueError: A text is no value of the type.
    """
    if arity is Arity.LIST:
        allowed = frozenset(to_constant(text, kind, "=") for text in texts)
        return _all_in(allowed) if operator == "in" else _any_in(allowed)
    return _of_operand(test_of(operator, kind, texts), operator, arity)


def _of_operand(test: Test, operator: str, arity: Arity) -> Check:
    """Return the check of an operand of one or more values that each is tested."""
    if arity is Arity.ONE:
        return lambda value: value is not None and test(cast("Scalar", value))
    combine = all if arity is Arity.EITHER_END and operator == "!=" else any

    def check(values: FieldValue) -> bool:
        there = [each for each in cast("tuple[FieldValue, ...]", values or ()) if each is not None]
        return bool(there) and combine(test(cast("Scalar", each)) for each in there)

    return check


def modified_check_of(
    operator: str, modifier: str, kind: FieldType, arity: Arity, texts: Sequence[str]
) -> Check:
    """Return the check that a value passes exactly one (`oneof`), any (`anyof`) or all (`allof`) of several.

    Of an operand of several values, such as all ancestors, each is asked by itself.

    Raises:
        ValueError: A text is no value of the type.
    """
    tests = [test_of(operator, kind, (text,)) for text in texts]
    if modifier == "oneof":
        test: Test = lambda value: sum(each(value) for each in tests) == 1  # noqa: E731 - one of three
    elif modifier == "anyof":
        test = lambda value: any(each(value) for each in tests)  # noqa: E731
    else:
        test = lambda value: bool(tests) and all(each(value) for each in tests)  # noqa: E731
    return _of_operand(test, operator, arity)


def test_of(operator: str, kind: FieldType, texts: Sequence[str]) -> Test:
    """Return the test of a single value against constants.

    Raises:
        ValueError: A text is no value of the type.
    """
    constants = [to_constant(text, kind, operator) for text in texts]
    if operator == "pmatch":
        return PathPrefixes(texts)
    if operator in LISTED:
        return _one_of(constants, kind)
    if kind in (FieldType.ADDRESS, FieldType.NETWORK):
        reached = _one_of(constants, kind)
        return (lambda value: not reached(value)) if operator == "!=" else reached
    return compare(operator, constants[0])


def compare(operator: str, constant: Constant) -> Test:  # noqa: C901, PLR0911, PLR0912 - a table in the form of a match
    """Return the test of a value against one constant of its own type.

    Raises:
        ValueError: The constant is a pattern that cannot be read.
    """
    right: Any = constant
    match operator:
        case "=" | "==":
            return lambda left: bool(left == right)
        case "!=":
            return lambda left: bool(left != right)
        case "<":
            return lambda left: bool(left < right)
        case "<=":
            return lambda left: bool(left <= right)
        case ">":
            return lambda left: bool(left > right)
        case ">=":
            return lambda left: bool(left >= right)
        case "contains" | "bcontains":
            return lambda left: right in _sized(left)
        case "startswith" | "bstartswith":
            return lambda left: bool(_sized(left).startswith(right))
        case "endswith":
            return lambda left: bool(_sized(left).endswith(right))
        case "icontains":
            wanted = lower(str(right))
            return lambda left: wanted in lower(str(left))
        case "glob":
            return glob(str(right))
        case "iglob":
            return glob(str(right), ignore_case=True)
        case "regex":
            return regex(str(right))
        case _:
            msg = f"'{operator}' is no operator for a single constant"
            raise ValueError(msg)


def between(operator: str) -> Callable[[FieldValue, FieldValue], bool]:
    """Return the check of two operands that an event both gives."""

    def check(left: FieldValue, right: FieldValue) -> bool:
        if left is None or right is None:
            return False
        several = right if isinstance(right, tuple) else (right,)
        if isinstance(left, tuple):
            found = [each in several for each in left]
            return bool(found) and (all(found) if operator == "in" else any(found))
        if operator in LISTED:
            return left in several
        if operator in ("glob", "iglob"):
            return _fits(str(right), operator)(left)
        return compare(operator, cast("Scalar", right))(left)

    return check


@lru_cache(maxsize=256)
def _fits(pattern: str, operator: str) -> Test:
    """Return the test against a pattern that an event gives; nothing fits one that cannot be read."""
    try:
        return compare(operator, pattern)
    except ValueError:
        return lambda _: False


def _one_of(constants: Sequence[Constant], kind: FieldType) -> Test:
    if kind is FieldType.ADDRESS:
        addresses = frozenset(cast("Sequence[Address]", constants))
        return lambda value: to_address(str(value)) in addresses
    if kind is FieldType.NETWORK:
        networks = cast("Sequence[Network]", constants)
        return lambda value: _within(to_address(str(value)), networks)
    values = frozenset(constants)
    return lambda value: value in values


def _within(address: Address | None, networks: Sequence[Network]) -> bool:
    if address is None:
        return False
    version, number = address
    return any(version == each and number & mask == start for each, start, mask in networks)


def _all_in(allowed: frozenset[Constant]) -> Check:
    return lambda values: bool(values) and all(each in allowed for each in cast("tuple[Scalar, ...]", values))


def _any_in(allowed: frozenset[Constant]) -> Check:
    return lambda values: any(each in allowed for each in cast("tuple[Scalar, ...]", values or ()))


def _sized(value: Scalar) -> Any:  # noqa: ANN401 - text or bytes, as the field is
    return value if isinstance(value, str | bytes) else str(value)

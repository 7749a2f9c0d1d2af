"""Conditions of which a part cannot be decided yet: what is left of them, and the decision once it is known.

The node decides all but `anomaly.*`; what is left travels with the match, and
the service decides it when the window is scored. Three-valued logic (Kleene):
a check is true, false or open, and only what depends on open checks is left.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from signatures.errors import CompileError
from signatures.syntax import (
    And,
    Binary,
    Check,
    Expression,
    Field,
    Identifier,
    Not,
    Or,
    Unary,
    Value,
    Values,
    leaves,
)

ANOMALY_FIELDS: Final = ("anomaly.novelty", "anomaly.p_value", "anomaly.score")
"""What only the service knows, and only once a window is scored."""

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def residual(expression: Expression, judge: Callable[[Check], bool | None]) -> Expression | bool:
    """Return what is left of a condition when some checks are decided.

    Args:
        expression: A condition without macros.
        judge: Decides a check, or returns None where it cannot yet.

    Returns:
        True or False where the decided checks suffice, else the smaller condition of open checks.

    Raises:
        CompileError: The condition names a macro.

    Examples:
        >>> from signatures.parser import parse
        >>> from signatures.printer import to_text
        >>> tree = parse("a.b = 1 and (anomaly.score > 9 or not a.b = 1)")
        >>> to_text(residual(tree, lambda check: True if check.left.name == "a.b" else None))
        'anomaly.score > 9'
    """
    match expression:
        case And(children):
            return _join(children, judge, neutral=True)
        case Or(children):
            return _join(children, judge, neutral=False)
        case Not(child):
            left = residual(child, judge)
            return (not left) if isinstance(left, bool) else Not(left)
        case Identifier(name, position):
            msg = f"The macro {name!r} was not written out."
            raise CompileError(msg, position)
        case check:
            decided = judge(check)
            return check if decided is None else decided


def names_anomaly(check: Check) -> bool:
    """Tell whether a check is about a field that the node does not know."""
    return isinstance(check.left, Field) and check.left.name in ANOMALY_FIELDS


def check_open(expression: Expression) -> None:
    """Raise where a condition asks for more than numbers of `anomaly.*` compared with constants.

    Raises:
        CompileError: It does; the message says what.

    Examples:
        >>> from signatures.parser import parse
        >>> check_open(parse("anomaly.p_value < 0.01 and not anomaly.novelty exists"))
    """
    match expression:
        case And(children) | Or(children):
            for child in children:
                check_open(child)
        case Not(child):
            check_open(child)
        case Identifier(name, position):
            msg = f"The macro {name!r} was not written out."
            raise CompileError(msg, position)
        case check:
            _decide(check, {})


def decide_open(expression: Expression, values: Mapping[str, float | None]) -> bool:
    """Decide a condition over `anomaly.*` alone; a field without a value makes its check false.

    Raises:
        CompileError: It asks for more than numbers of `anomaly.*` compared with constants.

    Examples:
        >>> from signatures.parser import parse
        >>> decide_open(parse("anomaly.p_value < 0.01"), {"anomaly.p_value": 0.001})
        True
        >>> decide_open(parse("not anomaly.p_value < 0.01"), {"anomaly.p_value": None})
        True
    """
    left = residual(expression, lambda check: _decide(check, values))
    if isinstance(left, bool):
        return left
    msg = "A check stayed open though all were decided."
    raise AssertionError(msg)


class OpenCondition:
    """A condition that names `anomaly.*`, on a node that does not know them.

    Args:
        expression: The condition, macros written out.
        compile_check: Returns what decides a condition, for the checks that the node can decide.

    Raises:
        CompileError: It does more with `anomaly.*` than compare it with numbers.
    """

    def __init__(
        self, expression: Expression, compile_check: Callable[[Check], Callable[[Mapping[str, Any]], bool]]
    ) -> None:
        self._expression = expression
        self._decided = {check: compile_check(check) for check in _checks(expression) if not _is_open(check)}

    def left(self, event: Mapping[str, Any]) -> Expression | bool:
        """Return what is left of the condition for an event: true, false, or a smaller condition."""

        def judge(check: Check) -> bool | None:
            holds = self._decided.get(check)
            return None if holds is None else holds(event)

        return residual(self._expression, judge)


def names_open(expression: Expression) -> bool:
    """Tell whether a condition names `anomaly.*` anywhere on the left side of a check."""
    return any(names_anomaly(check) for check in _checks(expression))


def _checks(expression: Expression) -> Iterator[Check]:
    for leaf in leaves(expression):
        if isinstance(leaf, Identifier):
            msg = f"The macro {leaf.name!r} was not written out."
            raise CompileError(msg, leaf.position)
        yield leaf


def _is_open(check: Check) -> bool:
    """Tell whether a check waits for the service; raise where the service could not decide it."""
    if not names_anomaly(check):
        return False
    _decide(check, {})
    return True


def _join(
    children: tuple[Expression, ...], judge: Callable[[Check], bool | None], *, neutral: bool
) -> Expression | bool:
    """Return what is left of a conjunction (neutral: true) or a disjunction (neutral: false)."""
    left = []
    for child in children:
        part = residual(child, judge)
        if part is (not neutral):
            return part
        if not isinstance(part, bool):
            left.append(part)
    if not left:
        return neutral
    if len(left) == 1:
        return left[0]
    return And(tuple(left)) if neutral else Or(tuple(left))


def _decide(check: Check, values: Mapping[str, float | None]) -> bool:
    if not names_anomaly(check) or not isinstance(check.left, Field) or check.left.argument is not None:
        msg = f"Expected one of {', '.join(ANOMALY_FIELDS)} on the left side of a check."
        raise CompileError(msg, check.position)
    value = values.get(check.left.name)
    match check:
        case Unary(operator="exists"):
            return value is not None
        case Binary(operator=sign, right=Value(text), modifier=None) if sign in _COMPARE:
            constant = _number(text, check)
            return value is not None and _COMPARE[sign](value, constant)
        case Binary(operator="in", right=Values(texts), modifier=None):
            constants = [_number(text, check) for text in texts]
            return value is not None and value in constants
        case _:
            pass
    msg = (
        f"Expected one of {', '.join(_COMPARE)}, in or exists with {check.left.name}; got {check.operator!r}."
    )
    raise CompileError(msg, check.position)


def _number(text: str, check: Check) -> float:
    try:
        return float(text)
    except ValueError as error:
        msg = f"Expected a number beside {check.operator!r}; got {text!r}."
        raise CompileError(msg, check.position) from error

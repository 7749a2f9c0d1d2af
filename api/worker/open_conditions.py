"""Decides what a node left open of a rule's condition: checks of `anomaly.*` alone."""

from functools import lru_cache
from typing import Final

from signatures.parser import parse
from signatures.partial import check_open, decide_open
from signatures.syntax import Expression

Numbers = tuple[float, float | None, float]
"""Score in bits, p-value where it could be ranked, novelty."""
_MOST: Final = 1024


def decide(condition: str, numbers: Numbers | None) -> bool:
    """Decide an open condition; without a window all fields are missing, which makes their checks false.

    Raises:
        SignatureError: The text is no condition over `anomaly.*` alone.

    Examples:
        >>> decide("anomaly.p_value < 0.01 or anomaly.score > 500", (600.0, None, 0.5))
        True
        >>> decide("anomaly.score > 500", None)
        False
    """
    score, p_value, novelty = numbers or (None, None, None)
    values = {"anomaly.score": score, "anomaly.p_value": p_value, "anomaly.novelty": novelty}
    return decide_open(read(condition), values)


@lru_cache(_MOST)
def read(condition: str) -> Expression:
    """Return the tree of an open condition.

    Raises:
        SignatureError: The text is no condition over `anomaly.*` alone.
    """
    expression = parse(condition)
    check_open(expression)
    return expression

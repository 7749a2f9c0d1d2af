"""Numbers as people read them."""

from typing import Final

_PLAIN_BELOW: Final = 1000


def figure(value: float) -> str:
    """Return a number to three digits, without an exponent where it is large.

    Examples:
        >>> figure(18312.7), figure(3.14159), figure(0), figure(1.65e-5)
        ('18,300', '3.14', '0', '1.65e-05')
    """
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= _PLAIN_BELOW else f"{rounded:g}"


def count(number: int, noun: str) -> str:
    """Return how many there are of something.

    Examples:
        >>> count(1, "window"), count(2, "window")
        ('1 window', '2 windows')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

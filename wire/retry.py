"""How long to wait before something that failed is tried again; agent and service wait alike."""

import random
from typing import Final

_MOST_DOUBLINGS: Final = 16


def backoff_s(failures: int, *, first_s: float, cap_s: float, chance: random.Random) -> float:
    """Return a pause in seconds that doubles with each failure, half of it by chance.

    Half fixed, half by chance: those that lost the same peer together do not come back together.

    Args:
        failures: In a row, this one included; at least 1.
        first_s: The longest pause after the first.
        cap_s: No pause is longer.
        chance: Spreads the pauses.

    Examples:
        >>> chance = random.Random(1)
        >>> pauses = [backoff_s(each, first_s=0.5, cap_s=30, chance=chance) for each in (1, 2, 40)]
        >>> 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1 and 15 <= pauses[2] <= 30
        True
    """
    longest_s = min(cap_s, first_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
    return longest_s * chance.uniform(0.5, 1.0)

"""Times in requests: text as of RFC 3339, never a number that might be seconds or milliseconds."""

import re
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

_NUMBER: Final = re.compile(r"\s*[-+]?[0-9.]+(e[-+]?[0-9]+)?\s*", re.IGNORECASE)


def _no_number(value: Any) -> Any:  # noqa: ANN401 - what a request holds
    """Refuse numbers, as JSON or as text.

    Examples:
        >>> _no_number("2026-12-01T10:00:00Z")
        '2026-12-01T10:00:00Z'
        >>> _no_number("0.5")
        Traceback (most recent call last):
        ...
        ValueError: expected a time such as 2026-12-01T10:00:00Z; got '0.5'
    """
    if isinstance(value, bool | int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        msg = f"expected a time such as 2026-12-01T10:00:00Z; got {value!r}"
        raise ValueError(msg)
    return value


Moment = Annotated[datetime, BeforeValidator(_no_number)]

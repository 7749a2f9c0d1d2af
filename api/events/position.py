"""Where a stream is: the id of its newest entry in each sequence that it follows, as one text."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from api.errors import InvalidError


class Topic(StrEnum):
    """What a stream tells of."""

    ALERTS = "alerts"
    """What happens to alerts (`GET /v1/alerts/changes`)."""
    SCORES = "scores"
    """Each window, once it is scored (`GET /v1/scores`)."""


_LETTERS: Final = {Topic.ALERTS: "a", Topic.SCORES: "s"}
_TEXT: Final = re.compile(r"(?:a(?P<alerts>[0-9]{1,19}))?[.]?(?:s(?P<scores>[0-9]{1,19}))?")
_END: Final = 1 << 63


@dataclass(frozen=True, slots=True)
class Position:
    """The newest entry of each sequence that a reader has seen or passed over; None: it follows none there.

    Examples:
        >>> str(Position(alerts=812, scores=99120)), str(Position(alerts=812))
        ('a812.s99120', 'a812')
        >>> Position.read("s99120")
        Position(alerts=None, scores=99120)
    """

    alerts: int | None = None
    scores: int | None = None

    def __str__(self) -> str:
        parts = ((letter, self.of(topic)) for topic, letter in _LETTERS.items())
        return ".".join(f"{letter}{row_id}" for letter, row_id in parts if row_id is not None)

    def of(self, topic: Topic) -> int | None:
        """Return the position in one sequence."""
        return self.alerts if topic is Topic.ALERTS else self.scores

    @classmethod
    def read(cls, text: str) -> "Position":
        """Return the position of an event's id.

        Raises:
            InvalidError: The text is no id of an event of this service.
        """
        found = _TEXT.fullmatch(text)
        parts = {name: int(each) for name, each in found.groupdict().items() if each} if found else {}
        if not parts or any(each >= _END for each in parts.values()) or str(cls(**parts)) != text:
            msg = f"Last-Event-ID: expected the id of an event of this service, as a812.s991; got {text!r}."
            raise InvalidError(msg)
        return cls(**parts)

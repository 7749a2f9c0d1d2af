"""Scores of a service, for programs."""

from collections.abc import Iterator

from api.connection import Connection, part
from api.scores.schemas import LearningIn, ScoreOut, ScoreQuery

_PATH = "/v1/scores"


class Scores:
    """How unusual each window was."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: ScoreQuery | None = None) -> Iterator[ScoreOut]:
        """Yield scores in the order in which they were made.

        Raises:
            ClientError: A page cannot be had.
        """
        return self._connection.list(ScoreOut, _PATH, query)

    def get(self, score: int) -> ScoreOut:
        """Return one of them, with its n-grams.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.get(ScoreOut, f"{_PATH}/{score}")

    def change_learning(self, score: int, step: str, wish: LearningIn) -> ScoreOut:
        """Do one of `unlearn`, `relearn`, `release` and `drop` with a window.

        Raises:
            ClashError: It is in no state for the step, or its counts are no longer kept.
        """
        return self._connection.post(ScoreOut, f"{_PATH}/{score}/{part(step)}", wish)

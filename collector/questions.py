"""Which container a runtime is asked about next: new ones first, then those of which nobody knew."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from wire.profile import ContainerRef

_FIRST_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 60.0
_MOST_REPEATS: Final = 64
"""The last comes an hour after the first question; a container without an answer by then goes without."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One container to be asked about."""

    ref: ContainerRef
    repeats: int = 0
    """How often it was asked before."""
    due: float = 0.0


class Questions:
    """Questions in the order in which they are put; times are seconds of one clock.

    A stopped runtime answers nothing, so its containers are asked about again
    after 5 s, 10 s, 20 s, 40 s and then every minute, 64 times at most.
    """

    def __init__(self) -> None:
        self._first: deque[Question] = deque()
        self._repeated: dict[str, Question] = {}

    @property
    def all_put(self) -> bool:
        """Whether every container was asked about once."""
        return not self._first

    def add(self, ref: ContainerRef) -> None:
        """Take up a container just found."""
        # One made again under its name: what is known of the earlier one must not be told of it.
        self._repeated.pop(ref.id, None)
        self._first.append(Question(ref))

    def next(self, now: float) -> Question | None:
        """Return the question to put now, which stays open until `close`; None where none is due."""
        if self._first:
            return self._first[0]
        soonest = self._soonest()
        return soonest if soonest and soonest.due <= now else None

    def wait_s(self, now: float) -> float | None:
        """Return in how many seconds a question is due; None where none will be."""
        if self._first:
            return 0.0
        soonest = self._soonest()
        return max(0.0, soonest.due - now) if soonest else None

    def close(self, question: Question, now: float, *, again: bool) -> None:
        """End a question that was put; `again` puts it once more later."""
        id_ = question.ref.id
        if question.repeats == 0:
            self._first.popleft()
        elif self._repeated.get(id_) is question:
            del self._repeated[id_]
        if not again or question.repeats == _MOST_REPEATS or self._is_open(id_):
            return
        pause_s = min(_FIRST_PAUSE_S * 2**question.repeats, _LONGEST_PAUSE_S)
        self._repeated[id_] = Question(question.ref, question.repeats + 1, now + pause_s)

    def _is_open(self, id_: str) -> bool:
        return id_ in self._repeated or any(each.ref.id == id_ for each in self._first)

    def _soonest(self) -> Question | None:
        return min(self._repeated.values(), key=lambda each: each.due, default=None)

"""The thread that asks runtimes for labels and digests, so that nothing else waits for a runtime."""

import threading
import time
from collections.abc import Callable

from collector.questions import Question, Questions
from wire.profile import ContainerRef


class Enrichment:
    """Ask about containers in the order in which they were found, and again later where nobody knew.

    Args:
        ask: Returns a container with what its runtime adds, or that very object
            where nobody knew more; may take long, never raises.
        tell: Takes the answer where it is new.
        again: Tells of a container without an answer whether it may still get one.
        clock: Seconds that never step back.
    """

    def __init__(
        self,
        ask: Callable[[ContainerRef], ContainerRef],
        tell: Callable[[ContainerRef], None],
        again: Callable[[ContainerRef], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._tell = tell
        self._again = again
        self._clock = clock
        self._questions = Questions()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="enrichment", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def add(self, ref: ContainerRef) -> None:
        """Take up a container just found: it is asked about before all that were asked about already."""
        with self._changed:
            self._questions.add(ref)
            self._changed.notify_all()

    def settle(self, timeout_s: float) -> bool:
        """Wait until every container was asked about once; return False where `timeout_s` was too short."""
        with self._changed:
            return self._changed.wait_for(lambda: self._questions.all_put, timeout_s)

    def stop(self) -> None:
        """End the thread; it is not waited for, since a runtime may hang."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _run(self) -> None:
        while question := self._next():
            answer = self._ask(question.ref)
            again = answer is question.ref and self._again(question.ref)
            if answer is not question.ref:
                self._tell(answer)
            with self._changed:
                self._questions.close(question, self._clock(), again=again)
                self._changed.notify_all()

    def _next(self) -> Question | None:
        """Wait for a question that is due; return None when no more will be put."""
        with self._changed:
            while not self._stopping:
                now = self._clock()
                if question := self._questions.next(now):
                    return question
                self._changed.wait(self._questions.wait_s(now))
        return None

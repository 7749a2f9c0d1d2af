"""How a baseline judges one ordered stream of calls in which an exploit happens at a known time."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from model.baseline import Baseline
from model.window import Window, as_arrays
from wire.ngram import GRAM_MASK, TOKEN_BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When an exploit happens, in seconds from the start of the stream."""

    start_s: float
    end_s: float
    before_s: float
    """How much earlier than stated its traces may begin."""
    after_s: float
    """How long after its end its traces may go on."""

    def touches(self, start: float, width: float) -> bool:
        """Tell whether a window of `width` seconds from `start` may hold traces of the exploit."""
        return start + width > self.start_s - self.before_s and start < self.end_s + self.after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the baseline said of one window."""

    start_s: float
    bits: float
    p_value: float | None
    novelty: float
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One stream, judged: what was learned, what should look healthy, and the windows of the exploit."""

    learned: tuple[Judgement, ...]
    """Each judged before it was learned."""
    calls_learned: int
    healthy: tuple[Judgement, ...]
    """Neither learned nor of the exploit."""
    exploit: tuple[Judgement, ...]

    @property
    def highest_healthy(self) -> float | None:
        """Most bits of a healthy window; None without any."""
        return max((each.bits for each in self.healthy), default=None)

    @property
    def least_healthy_p(self) -> float | None:
        """Least p-value of a healthy window; None where none was given."""
        return min((each.p_value for each in self.healthy if each.p_value is not None), default=None)

    @property
    def strongest(self) -> Judgement | None:
        """Window of the exploit with the most bits; None where the stream ends before it."""
        return max(self.exploit, key=lambda each: each.bits, default=None)


def windows(calls: Iterable[tuple[float, int]], width_s: float) -> Iterator[tuple[float, Window]]:
    """Yield each full window of one sequence of calls with its start; without thread ids it is one thread.

    Args:
        calls: Seconds from the start of the stream and token (`wire.syscalls`), in order of time.
        width_s: Seconds in one window. What follows the last full window is left out.

    Examples:
        >>> calls = [(0.0, 1), (0.5, 2), (2.5, 1), (3.0, 1)]
        >>> [(start, window.calls) for start, window in windows(calls, 1.0)]
        [(0.0, 2), (1.0, 0), (2.0, 1)]
    """
    counts: Counter[int] = Counter()
    history, current = 0, 0
    for at, token in calls:
        while int(at / width_s) > current:
            ngrams, numbers = as_arrays(counts)
            yield current * width_s, Window(ngrams=ngrams, counts=numbers)
            counts, current = Counter(), current + 1
        history = (history << TOKEN_BITS | token) & GRAM_MASK
        counts[history] += 1


def replay(calls: Iterable[tuple[float, int]], *, window_s: float, learn_s: float, exploit: Moment) -> Replay:
    """Learn the windows of the first `learn_s` seconds, each judged before, and only judge what follows.

    A window of the exploit is never learned, even where it begins before `learn_s`.
    """
    baseline = Baseline()
    learned, healthy, exploited = list[Judgement](), list[Judgement](), list[Judgement]()
    for start, window in windows(calls, window_s):
        score = baseline.score_window(window)
        judged = Judgement(
            start_s=start,
            bits=score.score,
            p_value=score.p_value,
            novelty=score.novelty,
            calls=score.calls,
        )
        if exploit.touches(start, window_s):
            exploited.append(judged)
        elif start < learn_s:
            baseline.learn_window(window, score)
            learned.append(judged)
        else:
            healthy.append(judged)
    return Replay(
        learned=tuple(learned),
        calls_learned=baseline.calls_learned,
        healthy=tuple(healthy),
        exploit=tuple(exploited),
    )

"""The baseline of one workload: scores a window, then learns it."""

import math
from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from model.completeness import Completeness
from model.errors import UnlearnError
from model.evidence import of_baseline, of_window
from model.explain import contributions, most_frequent
from model.kinds import news
from model.look import Seen, look
from model.mix import MixShift
from model.orders import Found
from model.phases import Phase, Records
from model.record import NOT_JUDGED, Judgement, Record
from model.score import Evidence, ReasonCode, ViewScore, WindowScore, row_of
from model.settings import BaselineSettings
from model.sizes import Sizes
from model.state import BaselineState
from model.summary import BaselineSummary, LineageSummary, calibration_of
from model.surprise import BackoffSurprise
from model.unseen import Unseen, unseen
from model.views import VIEWS, View
from model.window import Counts, Ngrams, Window
from wire.ngram import INJECTED
from wire.syscalls import load_table

_DEFAULTS: Final = BaselineSettings()
_UNRANKED: Final = frozenset({ReasonCode.FEW_WINDOWS, ReasonCode.PARTIAL_WINDOW, ReasonCode.NO_CALLS})
_NOT_AMONG_ITS_OWN: Final = frozenset({ReasonCode.FEW_STARTS, ReasonCode.FEW_STOPS})
_UNFIT: Final = frozenset({ReasonCode.PARTIAL_WINDOW, ReasonCode.LOSS, ReasonCode.NO_CALLS})


class Baseline:
    """What a workload's normal behaviour was learned to be.

    A window is judged from several views (`model.views`). Each gives every
    n-gram its bits; the score is their sum, and the record (`model.record`) of its
    phase tells how often a healthy window of the workload is as unusual in any view.
    What is counted is common to all phases.

    Args:
        arch: Architecture of the calls, as `uname -m` names it.
        settings: See `model.settings`.

    Raises:
        UnknownSyscallTableError: No syscall table is shipped for the architecture.

    Examples:
        >>> from wire.ngram import pack
        >>> from model.window import as_arrays
        >>> def window(counts):
        ...     ngrams, numbers = as_arrays(counts)
        ...     return Window(ngrams=ngrams, counts=numbers)
        >>> baseline = Baseline()
        >>> usual = window({pack([1]): 10, pack([1, 2]): 10})
        >>> for _ in range(60):
        ...     _ = baseline.learn_window(usual, baseline.score_window(usual))
        >>> score = baseline.score_window(window({pack([1]): 10, pack([1, 43]): 1}))
        >>> score.extrapolated, score.contributions[0].names
        (True, ('read', 'connect'))
    """

    def __init__(self, *, arch: str = "x86_64", settings: BaselineSettings = _DEFAULTS) -> None:
        self.arch = arch
        self.settings = settings
        self.windows_from_start = 0
        load_table(arch)
        self._surprise = BackoffSurprise(max_ngrams=settings.max_ngrams)
        self._mix = MixShift(scale=settings.mix_bits)
        self._sizes = Sizes()
        self._completeness = Completeness()
        self._records = Records(settings)
        self._looked_up: tuple[Window, Found] | None = None

    @property
    def windows_learned(self) -> int:
        """Windows learned."""
        return self._surprise.windows

    @property
    def ready(self) -> bool:
        """Tell whether enough windows of a phase were learned to rank its scores."""
        return max(self._records.windows.values()) >= self.settings.min_windows

    @property
    def calls_learned(self) -> int:
        """Calls learned; refused ones are not among them."""
        return self._surprise.calls

    @property
    def full(self) -> bool:
        """Tell whether calls were refused because the cap on distinct n-grams is reached."""
        return self._surprise.refused_calls > 0

    @property
    def largest_calls(self) -> int:
        """Calls of the largest window learned, rounded up by a sixteenth at most."""
        return self._sizes.largest

    def score_window(
        self,
        window: Window,
        *,
        alpha: float | None = None,
        unvouched: NDArray[np.bool_] | None = None,
    ) -> WindowScore:
        """Return how unusual a window is; changes nothing.

        Args:
            window: The window.
            alpha: P-value up to which all of `top` contributions are listed;
                above it the `top_of_normal` largest are. None lists all.
            unvouched: N-grams that one of several replicas alone has shown (`model.teachers`):
                none of them counts for less than what no window held.
        """
        found = self._find(window)
        seen = look(self._surprise, self._mix, window, found, unvouched)
        total = math.fsum(seen.views)
        evidence, calls = self._evidence(window), window.calls
        record, found_rare = self._rank(window, seen, evidence, unvouched)
        rankable = not evidence.has(*_UNRANKED)
        p_value = found_rare.p_value if rankable and found_rare.decided is not None else None
        unusual = alpha is None or (p_value is not None and p_value <= alpha)
        listed, rest = contributions(
            window,
            seen.bits,
            total,
            orders=self._surprise.orders,
            found=found,
            news=seen.news,
            arch=self.arch,
            top=self.settings.top if unusual else self.settings.top_of_normal,
        )
        return WindowScore(
            score=total,
            p_value=p_value,
            resolution=record.resolution,
            extrapolated=p_value is not None and p_value < record.resolution,
            evidence=evidence,
            novelty=(calls - seen.known_calls) / max(calls, 1),
            calls=calls,
            contributions=listed,
            rest=rest,
            phase=window.phase,
            view=VIEWS[found_rare.decided]
            if p_value is not None and found_rare.decided is not None
            else None,
            views=tuple(map(ViewScore, VIEWS, seen.views, found_rare.p_values)),
            least_p=1.0 if evidence.has(*_NOT_AMONG_ITS_OWN) else found_rare.least,
        )

    def held_by(self, ngrams: Ngrams) -> Counts:
        """Return how many learned windows held each of ascending, distinct n-grams; 0 where it is new."""
        return self._surprise.orders.find(ngrams).windows

    def news(self, window: Window) -> frozenset[int]:
        """Return what is new in a window, by which windows of its kind are known (`model.kinds`)."""
        return news(self._surprise.orders, window.ngrams)

    def learn_window(self, window: Window, score: WindowScore, *, again: bool = False) -> bool:
        """Learn a window that is held to be healthy, with the score it had before.

        Args:
            window: The window.
            score: What `score_window` said of it.
            again: It was unlearned before: completeness, which kept it, does not count it twice.

        Returns:
            False where the window is not fit to be learned (partial, lossy or
            without calls); then nothing changes.
        """
        if score.evidence.has(*_UNFIT):
            return False
        self._count(window, again=again)
        self._records[window.phase].learn(row_of(score), score.least_p)
        return True

    def count_window(self, window: Window, *, again: bool = False) -> bool:
        """Learn a window that was held out, but not what it scored: for `remember_window`, soon after.

        Arguments and what is returned are those of `learn_window`.
        """
        if self._evidence(window).has(*_UNFIT):
            return False
        self._count(window, again=again)
        return True

    def remember_window(
        self, window: Window, *, itself: bool = False, unvouched: NDArray[np.bool_] | None = None
    ) -> WindowScore:
        """Score a window that `count_window` learned as one of its kind, and remember that.

        When it came it was a stranger; what the next of its kind will score is what it scores
        beside all others that were learned by now.

        Args:
            window: The window.
            itself: It was released alone, so it stands for its own kind: it is not taken out for the scoring.
                A baseline that refused n-grams cannot take it out either.
            unvouched: As of `score_window`.

        Returns:
            The score that is remembered.
        """
        alone = itself or self.full
        if not alone:
            self._uncount(window)
        score = self.score_window(window, unvouched=unvouched)
        if not alone:
            self._count(window, again=True)
        self._records[window.phase].learn(row_of(score), score.least_p)
        return score

    def unlearn_window(self, window: Window, bits: float) -> None:
        """Take back a window that `learn_window` learned, and its score where it is still remembered.

        The counts are afterwards, bit for bit, those of a baseline that never
        learned the window. What others scored in the meantime stays as it was:
        a score is taken before its window is learned, so later scores may be
        lower than they would have been without it. Completeness keeps what it
        counted: it tells when n-grams came, not only that they did.

        Args:
            window: The window.
            bits: The score that it was learned with.

        Raises:
            UnlearnError: The window cannot have been learned, or calls were
                refused, so that nobody knows which; nothing was changed.
        """
        if window.seen_from_start > self.windows_from_start:
            msg = "Expected a window that was learned; got one from the start, and none of those was."
            raise UnlearnError(msg)
        self._uncount(window)
        self._records.unlearn(window.phase, bits)

    def summary(self) -> BaselineSummary:
        """Return what the baseline knows and how sure it is."""
        orders = self._surprise.orders
        split = int(np.searchsorted(orders.ngrams, np.uint64(INJECTED)))
        return BaselineSummary(
            arch=self.arch,
            windows_learned=self.windows_learned,
            windows_from_start=self.windows_from_start,
            calls_learned=self.calls_learned,
            distinct_ngrams=len(orders.ngrams),
            distinct_by_order=orders.distinct(),
            full=self.full,
            refused_calls=self._surprise.refused_calls,
            own=LineageSummary(calls=int(orders.counts[:split].sum()), distinct_ngrams=split),
            injected=LineageSummary(
                calls=int(orders.counts[split:].sum()), distinct_ngrams=len(orders.ngrams) - split
            ),
            evidence=of_baseline(self.settings, windows=max(self._records.windows.values()), full=self.full),
            calibration=calibration_of(self._records),
            top=most_frequent(orders, self.arch, self.settings.top),
            unseen=self.unseen(),
        )

    def unseen(self) -> Unseen:
        """Return how much of the workload's behaviour is still unseen."""
        return unseen(
            self._completeness,
            self.held_by(self._completeness.ngrams),
            target=self.settings.unseen_target,
            min_windows=self.settings.min_windows,
            full=self.full,
        )

    def state(self) -> BaselineState:
        """Return all that must be kept; the arrays are copies."""
        orders, sizes = self._surprise.orders, self._sizes.items()
        return BaselineState(
            arch=self.arch,
            windows=self.windows_learned,
            windows_from_start=self.windows_from_start,
            refused_calls=self._surprise.refused_calls,
            ngrams=orders.ngrams.copy(),
            counts=orders.counts.copy(),
            held_by=orders.windows.copy(),
            sizes=np.array([size for size, _ in sizes], dtype=np.int64),
            sizes_held=np.array([held for _, held in sizes], dtype=np.int64),
            **self._records.to_state(),
            completeness=self._completeness.to_state(),
        )

    @classmethod
    def from_state(cls, state: BaselineState, *, settings: BaselineSettings = _DEFAULTS) -> Self:
        """Return the baseline that `state` was taken of; it scores every window alike."""
        baseline = cls(arch=state.arch, settings=settings)
        baseline.windows_from_start = state.windows_from_start
        baseline._sizes = Sizes(zip(state.sizes.tolist(), state.sizes_held.tolist(), strict=True))
        taken = baseline._surprise.learn_arrays(
            state.ngrams, state.counts, held_by=state.held_by, windows=state.windows
        )
        baseline._surprise.refused_calls += state.refused_calls
        baseline._mix.learn_arrays(state.ngrams[taken], state.counts[taken], windows=state.windows)
        baseline._completeness = Completeness.from_state(state.completeness)
        baseline._records.restore(state.records)
        return baseline

    def _find(self, window: Window) -> Found:
        """Look a window up; the one that was scored last is learned next."""
        if self._looked_up is None or self._looked_up[0] is not window:
            self._looked_up = window, self._surprise.orders.find(window.ngrams)
        return self._looked_up[1]

    def _count(self, window: Window, *, again: bool = False) -> None:
        found, self._looked_up = self._find(window), None
        taken = self._surprise.learn_arrays(window.ngrams, window.counts, found=found)
        if not again:
            self._completeness.learn(window.ngrams[taken], ~found.known[taken], start=window.start)
        self._mix.learn_arrays(window.ngrams[taken], window.counts[taken])
        self._sizes.learn(window.calls)
        self.windows_from_start += window.seen_from_start

    def _uncount(self, window: Window) -> None:
        self._looked_up = None
        self._surprise.unlearn_arrays(window.ngrams, window.counts)
        self._mix.unlearn_arrays(window.ngrams, window.counts)
        self._sizes.unlearn(window.calls)
        self.windows_from_start -= window.seen_from_start

    def _evidence(self, window: Window) -> Evidence:
        return of_window(
            window,
            self.settings,
            windows=self._records.windows,
            windows_from_start=self.windows_from_start,
            injected_learned=self._surprise.orders.injected,
            full=self.full,
        )

    def _rank(
        self, window: Window, seen: Seen, evidence: Evidence, unvouched: NDArray[np.bool_] | None
    ) -> tuple[Record, Judgement]:
        """Rank a window among those of its phase, and of a start or stop what strangers do among steady ones.

        What an exec brought in does not depend on how long the container runs, nor does what no window
        held. In a start of which few are known the former alone is ranked. In a stop both are, and beside
        them, once enough are known, the whole: whoever ends a container must not thereby choose the record.
        """
        steady, own = self._records[Phase.STEADY], self._records[window.phase]
        strange = window.ngrams >= np.uint64(INJECTED)
        if evidence.has(ReasonCode.FEW_STARTS):
            if not window.injected or not own.seen:
                return own, NOT_JUDGED
            return steady, self._judge_part(window, strange, unvouched)
        if window.phase is Phase.STOP:
            strange |= ~self._find(window).known
            if unvouched is not None:
                strange |= unvouched
            part = self._judge_part(window, strange, unvouched)
            if evidence.has(ReasonCode.FEW_STOPS):
                return steady, part
            return own, self._judge(own, seen.views, seen.known_calls).or_stranger(part)
        return own, self._judge(own, seen.views, seen.known_calls)

    def _judge_part(
        self, window: Window, taken: NDArray[np.bool_], unvouched: NDArray[np.bool_] | None
    ) -> Judgement:
        """Rank some n-grams of a window among steady windows.

        A steady window scores no less than such a part of it, so the p-value is rather too high.
        """
        part = Window(ngrams=window.ngrams[taken], counts=window.counts[taken])
        found = self._surprise.orders.find(part.ngrams)
        seen = look(self._surprise, self._mix, part, found, None if unvouched is None else unvouched[taken])
        # A part has another mix than a window has, always.
        views = [0.0 if view is View.MIX else bits for view, bits in zip(VIEWS, seen.views, strict=True)]
        return self._judge(self._records[Phase.STEADY], views, seen.known_calls)

    def _judge(self, record: Record, views: Sequence[float], known_calls: int) -> Judgement:
        # Load is what is known: a stranger who makes many calls must not pass for a busy hour.
        beyond = known_calls - self.largest_calls
        if beyond <= 0:
            return record.judge(views)
        more = beyond * self.windows_learned / max(self.calls_learned, 1)
        # The mix is a matter of shares: more calls make none of it.
        return record.judge(views, [0.0 if view is View.MIX else more for view in VIEWS])

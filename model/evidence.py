"""What speaks against trusting a score: each reason as a code and a sentence."""

from collections.abc import Iterator, Mapping

from model.phases import Phase
from model.score import Evidence, Reason, ReasonCode
from model.settings import BaselineSettings
from model.window import Window


def of_baseline(settings: BaselineSettings, *, windows: int, full: bool) -> Evidence:
    """Return what speaks against any score of a baseline; `windows` were learned of its best-known phase."""
    return Evidence((*_few_windows(settings, windows), *_full(settings, full=full)))


def of_window(
    window: Window,
    settings: BaselineSettings,
    *,
    windows: Mapping[Phase, int],
    windows_from_start: int,
    injected_learned: bool,
    full: bool,
) -> Evidence:
    """Return what speaks against the score of one window; `windows` are those learned of each phase."""
    return Evidence(
        (
            *_phase_reasons(window, settings, windows),
            *_full(settings, full=full),
            *_window_reasons(window, settings),
            *_unseen_reasons(
                window,
                sum(windows.values()),
                windows_from_start=windows_from_start,
                injected_learned=injected_learned,
            ),
        )
    )


def _phase_reasons(
    window: Window, settings: BaselineSettings, windows: Mapping[Phase, int]
) -> Iterator[Reason]:
    learned = windows[window.phase]
    if window.phase is Phase.STEADY or max(windows.values()) < settings.min_windows:
        yield from _few_windows(settings, learned)
    elif learned < settings.min_windows and window.phase is Phase.STOP:
        text = (
            f"The window holds a container's end, and {learned} such windows were learned; "
            f"below {settings.min_windows} only what is new in it, or came with an exec, is ranked."
        )
        yield Reason(ReasonCode.FEW_STOPS, text)
    elif learned < settings.min_windows:
        text = (
            f"The window belongs to a container's start, and {learned} such windows were learned; "
            f"below {settings.min_windows} only what an exec brought in is ranked."
        )
        yield Reason(ReasonCode.FEW_STARTS, text)


def _few_windows(settings: BaselineSettings, windows: int) -> Iterator[Reason]:
    if windows < settings.min_windows:
        text = (
            f"The baseline has learned {windows} windows of this phase; "
            f"it ranks scores from {settings.min_windows} on."
        )
        yield Reason(ReasonCode.FEW_WINDOWS, text)


def _full(settings: BaselineSettings, *, full: bool) -> Iterator[Reason]:
    if full:
        text = f"The baseline holds {settings.max_ngrams} distinct n-grams and may learn no others."
        yield Reason(ReasonCode.FULL, text)


def _window_reasons(window: Window, settings: BaselineSettings) -> Iterator[Reason]:
    if window.partial:
        text = "The sensor saw only a part of the window, so sequences may begin in their middle."
        yield Reason(ReasonCode.PARTIAL_WINDOW, text)
    if not window.calls:
        yield Reason(ReasonCode.NO_CALLS, "The window holds no call.")
    lost = window.lost_calls / max(window.lost_calls + window.calls, 1)
    if lost > settings.max_loss:
        text = f"{lost:.1%} of the window's calls were lost; at most {settings.max_loss:.1%} is trusted."
        yield Reason(ReasonCode.LOSS, text)
    elif window.untracked_threads:
        text = f"{window.untracked_threads} threads could not be followed; their calls are missing."
        yield Reason(ReasonCode.LOSS, text)


def _unseen_reasons(
    window: Window, windows: int, *, windows_from_start: int, injected_learned: bool
) -> Iterator[Reason]:
    if window.seen_from_start and windows and not windows_from_start:
        text = "The container was seen from its start, and no container learned so far was."
        yield Reason(ReasonCode.START_UNSEEN, text)
    if windows and window.injected and not injected_learned:
        text = "The window holds a program that an exec brought into the container; none was ever learned."
        yield Reason(ReasonCode.UNSEEN_LINEAGE, text)

"""What follows from a score. Pure: verdict, whether to learn, how alerts grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.vocabulary import BaselineState, Mode, Verdict, state_of
from model.score import Contribution, WindowScore
from wire.profile import Mark, ProfileDelta

_KEPT_OF_NORMAL: Final = 5


@dataclass(frozen=True, slots=True)
class Learning:
    """Whether a window is learned; where it is not, why, and whether it may be later."""

    learn: bool
    reason: str | None = None
    quarantine: bool = False
    keep: bool = False
    """Its counts are kept for a time, so that it can be unlearned."""


def judge(score: WindowScore, alpha: float) -> Verdict:
    """Return the verdict; only a p-value meets the threshold, and missing evidence is never `normal`."""
    if score.p_value is not None and score.p_value <= alpha:
        return Verdict.ANOMALOUS
    return Verdict.NORMAL if score.evidence.sufficient else Verdict.INSUFFICIENT


def decide_learning(
    verdict: Verdict, mode: Mode, delta: ProfileDelta, *, ready: bool, matches: int = 0
) -> Learning:
    """Decide whether a scored window is learned; `matches` of signature rules keep it out, for good."""
    if Mark.UNIDENTIFIED in delta.marks:
        return Learning(learn=False, reason="The container was not identified.")
    if verdict is Verdict.ANOMALOUS:
        return Learning(learn=False, reason="The window has a finding.", quarantine=mode is Mode.LEARNING)
    if matches:
        return Learning(
            learn=False, reason="A signature rule matched in the window.", quarantine=mode is Mode.LEARNING
        )
    if state_of(mode, ready=ready) is BaselineState.ACTIVE:
        return Learning(learn=False, reason="The baseline is frozen in mode enforcement-alert.")
    return Learning(learn=True)


def decide_settling(
    verdict: Verdict, delta: ProfileDelta, *, start: bool, at_once: bool, matches: int = 0
) -> Learning:
    """Decide whether a window of a new image is learned while the image settles (ADR 0102).

    Args:
        verdict: Of the window, by the version that began with what the predecessor knew.
        delta: The window.
        start: It belongs to a container's start, in which a new image always differs.
        at_once: What is new in it is nothing that may settle.
        matches: Of signature rules in it.
    """
    if Mark.UNIDENTIFIED in delta.marks:
        return Learning(learn=False, reason="The container was not identified.")
    if matches:
        return Learning(learn=False, reason="A signature rule matched in the window.")
    if verdict is not Verdict.ANOMALOUS:
        return Learning(learn=True)
    if at_once:
        return Learning(learn=False, reason="The window has a finding.")
    if start:
        return Learning(learn=True)
    reason = "The image is new: the window is learned if its like returns, and else raises an alert."
    return Learning(learn=False, reason=reason, quarantine=True)


def joins(start: int, end: int, *, alert_start: int, alert_end: int, gap_ms: int) -> bool:
    """Tell whether a finding's window lies within the gap of an alert's windows, before or after."""
    return start - alert_end <= gap_ms and alert_start - end <= gap_ms


def keep(score: WindowScore, verdict: Verdict) -> tuple[list[dict[str, Any]], float]:
    """Return the contributions worth storing and the bits of all others; together they are the score."""
    listed = [each for each in score.contributions if each.bits > 0]
    kept = listed if verdict is Verdict.ANOMALOUS else listed[:_KEPT_OF_NORMAL]
    rest = score.rest + sum(each.bits for each in score.contributions[len(kept) :])
    return [to_plain(each) for each in kept], rest


def views(score: WindowScore) -> list[dict[str, Any]]:
    """Return the views of a score as they are stored."""
    return [
        {"view": each.view.value, "bits": round(each.bits, 6), "p_value": each.p_value}
        for each in score.views
    ]


def to_plain(each: Contribution) -> dict[str, Any]:
    """Return a contribution as it is stored; names come back from the n-gram."""
    return {
        "ngram": each.ngram,
        "count": each.count,
        "bits": round(each.bits, 6),
        "baseline_count": each.baseline_count,
        "baseline_rank": each.baseline_rank,
        "nearest": list(each.nearest) if each.nearest is not None else None,
        "known_ending": each.known_ending,
    }


def merge_contributions(
    known: Sequence[dict[str, Any]], added: Sequence[dict[str, Any]], top: int = 20
) -> list[dict[str, Any]]:
    """Return an alert's contributions after one more finding: the highest bits, the sum of counts.

    Examples:
        >>> merge_contributions([{"ngram": 1, "bits": 2, "count": 1}], [{"ngram": 1, "bits": 3, "count": 4}])
        [{'ngram': 1, 'bits': 3, 'count': 5}]
    """
    merged = {each["ngram"]: each for each in known}
    for each in added:
        earlier = merged.get(each["ngram"])
        if earlier is None:
            merged[each["ngram"]] = each
        else:
            higher = max(earlier, each, key=lambda one: float(one["bits"]))
            merged[each["ngram"]] = {**higher, "count": earlier["count"] + each["count"]}
    return sorted(merged.values(), key=lambda one: (-float(one["bits"]), one["ngram"]))[:top]

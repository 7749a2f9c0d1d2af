"""Every figure that is reported of one detector on one split of recorded traces."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from model.errors import SampleError
from model.evaluation.comparators import AllowList, Forest, Length, Stide, WittenBell
from model.evaluation.conformal import p_values
from model.evaluation.detectors import FOLDS, AllOrders, Detector
from model.evaluation.metrics import Scores, alarms_at, area, detection_at
from model.evaluation.streaming import streaming
from model.evaluation.traces import Split, Traces, folds

ASKED: Final = (0.001, 0.01, 0.05, 0.1)
"""False-alarm rates asked of the conformal threshold."""
RATES: Final = (0.01, 0.05, 0.1)
"""False-alarm rates at which detection is reported."""
DETECTION: Final = 0.9
"""Detection at which the false-alarm rate is reported."""
OURS: Final = "nonself, all orders"

LEAST_LEARNED: Final = 2 * FOLDS
LEAST_JUDGED: Final = 2


def detectors(seed: int, *, every: bool = False) -> Mapping[str, Callable[[], Detector]]:
    """Return how each detector is made, by its name: ours, the comparators, and length alone.

    Args:
        seed: Of those that draw at random.
        every: Whether the detectors of river are among them; they take minutes where others take seconds.
    """
    usual: dict[str, Callable[[], Detector]] = {
        OURS: AllOrders,
        "call-set allow-list": AllowList,
        "STIDE n=6": lambda: Stide(6),
        "Witten-Bell 8-gram": lambda: WittenBell(8),
        "isolation forest": lambda: Forest(seed),
        "length alone": Length,
    }
    return {**usual, **streaming(seed)} if every else usual


def check(split: Split, name: str) -> None:
    """Raise `SampleError` where a split is too small to be learned from or judged by."""
    for part, rows, least in (
        ("normal traces to learn", split.learned, LEAST_LEARNED),
        ("other normal traces to judge", split.normal, LEAST_JUDGED),
        ("attack traces to judge", split.attack, LEAST_JUDGED),
    ):
        if len(rows) < least:
            msg = f"Expected at least {least} {part} in the {name} split, got {len(rows)}."
            raise SampleError(msg)


def held_back(make: Callable[[], Detector], fitted: Detector, learned: Traces, seed: int) -> Scores:
    """Return the score of each learned trace by a detector that did not learn it, in ten folds."""
    if isinstance(fitted, AllOrders):
        return fitted.held_back
    scores = np.empty(len(learned))
    of_trace = folds(len(learned), FOLDS, seed)
    for fold in range(FOLDS):
        inside = np.flatnonzero(of_trace == fold)
        scores[inside] = (
            make().fit(learned.take(np.flatnonzero(of_trace != fold))).score(learned.take(inside))
        )
    return scores


def figures(normal: Scores, attack: Scores, back: Scores, groups: Sequence[str]) -> dict[str, Any]:
    """Return the figures of one detector on one split.

    Args:
        normal: Scores of normal traces that were not learned.
        attack: Scores of attack traces.
        back: Scores of learned traces, held back (`held_back`).
        groups: The group of each attack.
    """
    whole = area(normal, attack)
    p_normal, p_attack = p_values(back, normal), p_values(back, attack)
    names = np.array(groups)
    return {
        "auc": {"value": whole.value, "low": whole.low, "high": whole.high},
        "detection_at_false_alarm_rate": {str(rate): detection_at(normal, attack, rate) for rate in RATES},
        "false_alarm_rate_at_90_percent_detection": alarms_at(normal, attack, DETECTION),
        "calibration": [
            {
                "asked": asked,
                "realised": float((p_normal <= asked).mean()),
                "detection": float((p_attack <= asked).mean()),
            }
            for asked in ASKED
        ],
        "groups": {
            group: {
                "traces": int((names == group).sum()),
                "auc": area(normal, attack[names == group]).value if (names == group).sum() > 1 else None,
                "detection_at_false_alarm_rate": {
                    str(rate): detection_at(normal, attack[names == group], rate) for rate in RATES
                },
            }
            for group in sorted(set(groups))
        },
    }

"""What a version must meet to be promoted. Pure: evidence in, checks out, each in words."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from api.baselines.report_schemas import (
    CalendarOut,
    CheckOut,
    LossesOut,
    Outcome,
    PhasesOut,
    PromiseOut,
    ReplicasOut,
    RhythmOut,
)
from api.figures import count, figure
from api.workloads.completeness import CompletenessOut
from model.settings import BaselineSettings

_DEFAULTS: Final = BaselineSettings()
_FEW_STARTS: Final = 0.5
"""Share of future starts that may bring news above which a person should know."""


class Cycle(StrEnum):
    """How much of the calendar must have been learned."""

    NONE = "none"
    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What is asked. The defaults ask what the learner itself calls complete, and nothing of the calendar."""

    max_unseen: float = _DEFAULTS.unseen_target
    """Highest upper bound of the unseen mass."""
    max_loss: float = _DEFAULTS.max_loss
    """Highest share of lost calls."""
    max_alerts_per_week: float | None = None
    """Highest promised rate of false alerts; None asks nothing of it."""
    cycle: Cycle = Cycle.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a version."""

    windows_learned: int
    completeness: CompletenessOut
    promise: PromiseOut
    losses: LossesOut
    phases: PhasesOut
    calendar: CalendarOut
    replicas: ReplicasOut
    quarantined: int
    drifting: bool
    rhythms: list[RhythmOut] = field(default_factory=list)


def check(evidence: Evidence, gate: Gate) -> list[CheckOut]:
    """Return one check for each thing that is looked at, always in the same order."""
    return [
        CheckOut(name=name, outcome=outcome, text=text) for name, outcome, text in _checks(evidence, gate)
    ]


def verdict(checks: list[CheckOut]) -> Outcome:
    """Return `fail` where one check fails, else `pass`."""
    return Outcome.FAIL if any(each.outcome is Outcome.FAIL for each in checks) else Outcome.PASS


def _checks(evidence: Evidence, gate: Gate) -> Iterator[tuple[str, Outcome, str]]:
    yield "windows", *_windows(evidence)
    yield "completeness", *_completeness(evidence.completeness, gate)
    yield "alert_rate", *_alert_rate(evidence.promise, gate)
    yield "losses", *_losses(evidence.losses, gate)
    yield "starts", *_starts(evidence)
    yield "calendar", *_calendar(evidence, gate)
    yield "replicas", *_replicas(evidence.replicas)
    yield "quarantine", *_quarantine(evidence)
    yield (
        "drift",
        _fails(failed=evidence.drifting),
        "The workload drifts: low p-values come more often than they should."
        if evidence.drifting
        else "The workload does not drift.",
    )


def _windows(evidence: Evidence) -> tuple[Outcome, str]:
    learned, least = evidence.windows_learned, _DEFAULTS.min_windows
    text = f"{learned} windows are learned; scores can be ranked from {least} on."
    return _fails(failed=learned < least), text


def _completeness(completeness: CompletenessOut, gate: Gate) -> tuple[Outcome, str]:
    text = (
        f"With 95 % confidence between {completeness.low:.2%} and {completeness.high:.2%} of future windows "
        f"hold an n-gram never learned; at most {gate.max_unseen:.2%} is asked."
    )
    if completeness.high > gate.max_unseen and completeness.verdict == "does_not_converge":
        text += " Waiting does not help: new n-grams keep coming."
    elif completeness.high > gate.max_unseen and completeness.seconds_to_target:
        hours = completeness.seconds_to_target.fewest / 3600
        text += f" At the present rate that takes at least {hours:.1f} hours more."
    return _fails(failed=completeness.high > gate.max_unseen), text


def _alert_rate(promise: PromiseOut, gate: Gate) -> tuple[Outcome, str]:
    text = (
        f"{figure(promise.promised_per_week)} false alerts a week are promised, "
        f"{figure(promise.asked_per_week)} asked; whatever the tail of the scores is, "
        f"between {figure(promise.low)} and {figure(promise.high)}."
    )
    if gate.max_alerts_per_week is not None and promise.promised_per_week > gate.max_alerts_per_week:
        return Outcome.FAIL, f"{text} At most {figure(gate.max_alerts_per_week)} are accepted."
    coarser = promise.promised_per_week > promise.asked_per_week
    return Outcome.WARN if coarser else Outcome.PASS, text


def _losses(losses: LossesOut, gate: Gate) -> tuple[Outcome, str]:
    share = max(
        _share(losses.learned_lost, losses.learned_calls),
        _share(losses.newest_lost or 0, losses.newest_calls or 0),
    )
    text = f"{share:.3%} of calls were lost; at most {gate.max_loss:.3%} is asked."
    return _fails(failed=share > gate.max_loss), text


def _starts(evidence: Evidence) -> tuple[Outcome, str]:
    starts = evidence.completeness.starts
    if not evidence.phases.windows_from_start:
        return Outcome.FAIL, (
            "No container was seen from its start, so start-up behaviour is unknown: restart one."
        )
    text = (
        f"{starts.learned} starts are learned; at most {starts.high:.0%} of future ones bring something new."
    )
    return Outcome.WARN if starts.high > _FEW_STARTS else Outcome.PASS, text


def _calendar(evidence: Evidence, gate: Gate) -> tuple[Outcome, str]:
    calendar = evidence.calendar
    known = [each.text for each in evidence.rhythms if not each.quarantined]
    text = calendar.text + (f" Known rhythm: {'; '.join(known)}." if known else "")
    met = {Cycle.NONE: True, Cycle.DAY: calendar.daily_cycle, Cycle.WEEK: calendar.weekly_cycle}[gate.cycle]
    if not met:
        return Outcome.FAIL, f"{text} A whole {gate.cycle} is asked."
    seen = calendar.daily_cycle and calendar.weekly_cycle
    return Outcome.PASS if seen else Outcome.WARN, text


def _replicas(replicas: ReplicasOut) -> tuple[Outcome, str]:
    if replicas.learned_from == 1:
        return Outcome.WARN, "One replica taught all of it: no second one vouches for what it showed."
    return Outcome.PASS, f"{replicas.learned_from} replicas taught it."


def _quarantine(evidence: Evidence) -> tuple[Outcome, str]:
    quarantined = evidence.quarantined
    if quarantined:
        verb = "is" if quarantined == 1 else "are"
        text = f"{count(quarantined, 'window')} {verb} quarantined and not part of it: look there first."
        for each in evidence.rhythms:
            if each.quarantined:
                text += (
                    f" {each.quarantined} of them came {each.text}: if that is a job of the "
                    f"workload's own, 'nonself baseline release --at {each.at}' makes it known."
                )
        return Outcome.WARN, text
    return Outcome.PASS, "No window is quarantined."


def _share(lost: int, calls: int) -> float:
    return lost / (calls + lost) if lost else 0.0


def _fails(*, failed: bool) -> Outcome:
    return Outcome.FAIL if failed else Outcome.PASS

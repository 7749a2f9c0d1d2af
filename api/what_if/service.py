"""Judges stored scores by another budget, and says in which way that may differ from what would have been."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy.orm import Session

from api.clock import to_datetime, to_ms
from api.errors import InvalidError, existing
from api.scores.service import show_contributions
from api.settings import ServiceSettings
from api.what_if import repository
from api.what_if.grouping import Finding, Group, group
from api.what_if.repository import Asked, Counts, Judged
from api.what_if.schemas import (
    Approximation,
    ApproximationOut,
    TotalsOut,
    WhatIfIn,
    WhatIfOut,
    WouldBeOut,
)
from api.workloads import promises, rates, repository as workloads
from model.budget import poisson_interval

_DEFAULT_MS: Final = 14 * 86_400_000
_MOST_ALERTS: Final = 1000
_MOST_SCORES: Final = 100
_MOST_CONTRIBUTIONS: Final = 3


def run(
    session: Session, workload_id: int, wish: WhatIfIn, settings: ServiceSettings, *, now_ms: int
) -> WhatIfOut:
    """Return what a budget would have raised of a workload's stored windows.

    Raises:
        NotFoundError: There is no workload of this id.
        InvalidError: The range of time is empty.
    """
    view = existing(workloads.find(session, workload_id), f"workload {workload_id}")
    promise = promises.promise(
        view.ledger,
        settings,
        learned=view.windows_learned,
        per_week=view.row.budget_per_week if wish.budget_per_week is None else wish.budget_per_week,
    )
    until_ms = to_ms(wish.until) if wish.until else now_ms
    asked = Asked(
        workload_id=workload_id,
        since_ms=to_ms(wish.since) if wish.since else until_ms - _DEFAULT_MS,
        until_ms=until_ms,
        per_week=float(promise.per_week),
        rate=rates.planned(view.ledger, settings),
    )
    if asked.since_ms >= until_ms:
        msg = f"since: expected a time before {to_datetime(until_ms)}; got {to_datetime(asked.since_ms)}."
        raise InvalidError(msg)
    counts, judged = repository.count(session, asked), repository.judge(session, asked)
    gap_ms = settings.alert_gap_s * 1000
    loud = [each for each in judged if not each.silent]
    groups = group((each.finding for each in loud if each.after), gap_ms=gap_ms)
    was = group((each.finding for each in loud if each.before), gap_ms=gap_ms)
    earlier = bool(groups) and repository.joins_earlier(session, asked, groups[0].start, gap_ms)
    kept_from = repository.find_kept_from(session, asked)
    said = list(_approximations(asked, counts, judged, earlier=earlier, kept_from=kept_from))
    low, high = poisson_interval(len(groups))
    weeks = counts.weeks
    return WhatIfOut(
        workload_id=workload_id,
        since=to_datetime(asked.since_ms),
        until=to_datetime(until_ms),
        first_window=None if counts.first is None else to_datetime(counts.first),
        windows=counts.windows,
        ranked=counts.ranked,
        weeks=weeks,
        budget_per_week=asked.per_week,
        finest_per_week=promise.finest_per_week,
        would_be=_total(groups),
        as_it_was=_total(was),
        per_week=len(groups) / weeks if weeks else None,
        low=low / weeks if weeks else None,
        high=high / weeks if weeks else None,
        alerts=_show(session, groups[:_MOST_ALERTS], {each.finding.id for each in judged if each.before}),
        exact=not said,
        approximations=said,
    )


def _total(groups: Sequence[Group]) -> TotalsOut:
    return TotalsOut(alerts=len(groups), findings=sum(len(each.findings) for each in groups))


def _approximations(
    asked: Asked, counts: Counts, judged: Sequence[Judged], *, earlier: bool, kept_from: int | None
) -> Iterator[ApproximationOut]:
    differs = [each.finding for each in judged if each.teaches and each.before != each.after]
    if differs:
        yield _say(
            Approximation.LEARNING_DIFFERS,
            "While it learned, the baseline would have learned or held out other windows than it did; "
            "p-values after the first of them are those of what it did learn.",
            windows=len(differs),
            since_ms=min(differs, key=_by_id).end,
        )
    if counts.learning:
        yield _say(
            Approximation.AS_IF_ENFORCED,
            "Windows of mode learning count as if they had raised alerts; a baseline that is enforced learns "
            "no more, so later ones might be stranger to it.",
            windows=counts.learning,
        )
    fresh = sum(each.after and not each.before for each in judged)
    if fresh and any(each.silent for each in judged):
        yield _say(
            Approximation.SUPPRESSIONS,
            "What a suppression silenced stays silent; of windows that were no findings none was asked.",
            windows=fresh,
        )
    if counts.unrated:
        yield _say(
            Approximation.RATE_OF_TODAY,
            f"Windows of an earlier release are judged by the rate of today, {asked.rate:,.0f} a week.",
            windows=counts.unrated,
        )
    if earlier:
        yield _say(
            Approximation.BEGAN_BEFORE, "The first alert goes on from before this time; here it begins in it."
        )
    if kept_from is not None:
        yield _say(
            Approximation.NOT_KEPT,
            f"Windows without a finding are kept since {to_datetime(kept_from):%Y-%m-%d %H:%M} only; "
            "of the time before, only findings of the time are judged.",
        )


def _say(
    code: Approximation, text: str, *, windows: int | None = None, since_ms: int | None = None
) -> ApproximationOut:
    since = None if since_ms is None else to_datetime(since_ms)
    return ApproximationOut(code=code, text=text, windows=windows, since=since)


def _by_id(finding: Finding) -> int:
    return finding.id


def _show(session: Session, groups: Sequence[Group], found: set[int]) -> list[WouldBeOut]:
    parts = repository.find_shown(session, [each.worst.id for each in groups])
    names = repository.find_containers(
        session, sorted({finding.container_id for each in groups for finding in each.findings})
    )
    return [
        WouldBeOut(
            start=to_datetime(each.start),
            end=to_datetime(each.end),
            findings=len(each.findings),
            p_value=each.worst.p_value,
            score=max(finding.score for finding in each.findings),
            containers=sorted({names[finding.container_id] for finding in each.findings}),
            scores=[finding.id for finding in each.findings[:_MOST_SCORES]],
            raised=any(finding.id in found for finding in each.findings),
            contributions=show_contributions(
                sorted(parts.get(each.worst.id, []), key=lambda part: -float(part["bits"]))[
                    :_MOST_CONTRIBUTIONS
                ]
            ),
        )
        for each in groups
    ]

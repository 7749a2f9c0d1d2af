"""Tries rules on stored matches: which would be raised, which not, and of which nothing can be told.

A match holds what its rule's output shows, not the event: it says whether a rule would still match, as far as
the fields go, and never what a rule matches that nobody asked for.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.clock import to_datetime, to_ms
from api.db.rule_tables import MatchRow
from api.db.selections import read_selections
from api.db.tables import WorkloadRow
from api.errors import InvalidError, NotFoundError
from api.rules import repository as stored
from api.rules.language import read_rules, try_rules
from api.rules.trial import to_event
from api.rules.versions import Upload, check, draft
from api.settings import ServiceSettings
from api.vocabulary import MatchOutcome
from api.what_if.grouping import Finding, group
from api.what_if.rule_schemas import (
    RuleChange,
    RulesWhatIfIn,
    RulesWhatIfOut,
    TriedRuleOut,
    WouldBeAlertsOut,
)
from signatures.ruleset import Rule
from wire.bundle import By, RuleFile, Selection, is_enabled
from wire.match import decode_match

_DEFAULT_MS: Final = 14 * 86_400_000
_TYPE: Final = "evt.type"


@dataclass(slots=True)
class _Tally:
    """Matches of one rule, by workload: as they were, as they surely would be, and as they might be."""

    was: defaultdict[int, list[Finding]] = field(default_factory=lambda: defaultdict(list))
    sure: defaultdict[int, list[Finding]] = field(default_factory=lambda: defaultdict(list))
    most: defaultdict[int, list[Finding]] = field(default_factory=lambda: defaultdict(list))
    dropped: int = 0


def run(session: Session, wish: RulesWhatIfIn, settings: ServiceSettings, *, now_ms: int) -> RulesWhatIfOut:
    """Return what other rules would have raised.

    Raises:
        InvalidError: The range of time is empty, or the wish names both a version and a file.
        NotFoundError: There is no such version.
        RulesError: The rules do not load.
    """
    until_ms = to_ms(wish.until) if wish.until else now_ms
    since_ms = to_ms(wish.since) if wish.since else until_ms - _DEFAULT_MS
    if since_ms >= until_ms:
        msg = f"since: expected a time before {to_datetime(until_ms)}; got {to_datetime(since_ms)}."
        raise InvalidError(msg)
    active = _by_name(stored.read_files(session, stored.find_active(session)))
    rules = _by_name(_files(session, wish))
    selections = [
        *read_selections(session),
        *(Selection(enable=False, by=By.RULE, pattern=each) for each in wish.disable),
        *(Selection(enable=True, by=By.RULE, pattern=each) for each in wish.enable),
    ]
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    rows = session.execute(
        select(MatchRow, WorkloadRow)
        .join(WorkloadRow, WorkloadRow.id == MatchRow.workload_id)
        .where(
            MatchRow.time_ns >= since_ms * 1_000_000,
            MatchRow.time_ns < until_ms * 1_000_000,
            MatchRow.outcome.in_([MatchOutcome.RAISED.value, MatchOutcome.DISABLED.value]),
        )
        .order_by(MatchRow.finding_id, MatchRow.id)
        .execution_options(yield_per=1000)
    )
    for row, workload in rows:
        rule = rules.get(row.rule)
        # Of a match whose rule is not active any more, the condition of its time is not known.
        same = rule is not None and row.rule in active and rule.condition == active[row.rule].condition
        on = rule is not None and is_enabled(
            selections,
            rule.name,
            rule.tags,
            default=rule.enabled,
            namespace=workload.namespace,
            workload=workload.id,
        )
        holds = _holds(rule, row, same=same) if rule is not None and on else False
        _enter(tallies[row.rule], row, workload.id, holds=holds)
    gap_ms = settings.alert_gap_s * 1000
    tried = [_show(name, tallies[name], _change(name, active, rules), gap_ms) for name in sorted(tallies)]
    untold = sorted(name for name in rules if _change(name, active, rules) is RuleChange.CHANGED)
    return RulesWhatIfOut(
        since=to_datetime(since_ms),
        until=to_datetime(until_ms),
        rules=tried,
        untold=untold,
        exact=not untold and not any(each.undecided for each in tried),
    )


def _files(session: Session, wish: RulesWhatIfIn) -> Sequence[RuleFile]:
    if wish.file is not None:
        if wish.version is not None:
            msg = "file: expected no version with it; a file is put among the active ones."
            raise InvalidError(msg)
        return draft(session, Upload(file=RuleFile(name=wish.file.name, text=wish.file.content))).files
    row = stored.find_active(session) if wish.version is None else stored.find(session, wish.version)
    if wish.version is not None and row is None:
        msg = f"There is no version {wish.version} of the rules."
        raise NotFoundError(msg)
    return check(stored.read_files(session, row)).files


def _by_name(files: Sequence[RuleFile]) -> dict[str, Rule]:
    return {rule.name: rule for rule in read_rules(tuple(files)).rules}


def _change(name: str, active: Mapping[str, Rule], rules: Mapping[str, Rule]) -> RuleChange:
    if name not in rules:
        return RuleChange.REMOVED
    same = name in active and active[name].condition == rules[name].condition
    return RuleChange.SAME if same else RuleChange.CHANGED


def _holds(rule: Rule, row: MatchRow, *, same: bool) -> bool | None:
    """Tell whether a rule would match again; None where the match does not show enough for that."""
    if same:
        return True
    if row.payload is None:
        return None
    match = decode_match(row.payload)
    shown = {**match.output_fields, _TYPE: match.event_type}
    if not rule.keys <= shown.keys() or rule.keys & set(match.truncated):
        return None
    try:
        event = to_event(0, {name: shown[name] for name in {*rule.keys, _TYPE}})
    except InvalidError:
        # A value as people read it, which is none of its field's type.
        return None
    return bool(try_rules([rule], [event])[0])


def _enter(tally: _Tally, row: MatchRow, workload_id: int, *, holds: bool | None) -> None:
    at = row.time_ns // 1_000_000
    found = Finding(row.id, row.container_id or 0, at, at, 1.0, 0.0)
    raised = row.outcome == MatchOutcome.RAISED.value
    if raised:
        tally.was[workload_id].append(found)
        tally.dropped += holds is False
    if holds:
        tally.sure[workload_id].append(found)
    if holds is not False:
        tally.most[workload_id].append(found)


def _show(name: str, tally: _Tally, change: RuleChange, gap_ms: int) -> TriedRuleOut:
    def alerts(found: Mapping[int, list[Finding]]) -> int:
        return sum(len(group(each, gap_ms=gap_ms)) for each in found.values())

    def count(found: Mapping[int, list[Finding]]) -> int:
        return sum(map(len, found.values()))

    return TriedRuleOut(
        rule=name,
        change=change,
        matches=count(tally.was),
        alerts=alerts(tally.was),
        raised=count(tally.sure),
        dropped=tally.dropped,
        undecided=count(tally.most) - count(tally.sure),
        would_be_alerts=WouldBeAlertsOut(
            without_undecided=alerts(tally.sure), with_undecided=alerts(tally.most)
        ),
    )

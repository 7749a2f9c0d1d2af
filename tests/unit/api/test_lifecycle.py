"""Legal moves, provenance and the gate: the pure parts of a baseline's life."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given, strategies as st

from api.baselines.gate import Cycle, Evidence, Gate, check, verdict
from api.baselines.report import calendar
from api.baselines.report_schemas import LossesOut, Outcome, PhasesOut, PromiseOut, ReplicasOut
from api.errors import DataError
from api.lifecycle.moves import LEGAL, is_legal, way
from api.lifecycle.provenance import Facts, Provenance
from api.vocabulary import BaselineState, Mode, state_of
from api.workloads.completeness import CompletenessOut, StartsOut
from model.unseen import CompletenessVerdict

MELTING = (BaselineState.ACTIVE, BaselineState.READY)
"""Never: learning on from an active version begins another one."""
LIVE = (BaselineState.LEARNING, BaselineState.READY, BaselineState.ACTIVE)
FACTS = st.builds(
    Facts,
    start=st.integers(0, 4_000_000_000_000),
    length=st.sampled_from([1000, 10_000]),
    replica=st.integers(-(1 << 63), (1 << 63) - 1),
    image=st.sampled_from(["web:1", "web:2@sha256:00", ""]),
    kernel=st.sampled_from(["6.1", "6.6"]),
    calls=st.integers(0, 1 << 40),
    lost=st.dictionaries(st.sampled_from(["quota", "table_full"]), st.integers(0, 99)),
)


def known(facts: Sequence[Facts]) -> Provenance:
    """Return the provenance of these windows."""
    provenance = Provenance()
    for each in facts:
        provenance.add(each)
    return provenance


@pytest.mark.parametrize(("before", "after"), [pair for pair in product(LIVE, LIVE) if pair != MELTING])
def test_a_live_version_comes_from_any_state_to_any_other_by_legal_moves(
    before: BaselineState, after: BaselineState
) -> None:
    """Whatever mode and evidence become, there is a way; it ends where it should."""
    at = before
    for step in way(before, after):
        assert is_legal(at, step)
        at = step
    assert at is after


def test_nothing_leaves_retired_and_everything_can_come_there() -> None:
    """`active` alone has to become `stale` first."""
    assert LEGAL[BaselineState.RETIRED] == frozenset()
    enders = {state for state in BaselineState if is_legal(state, BaselineState.RETIRED)}
    assert enders == set(BaselineState) - {BaselineState.ACTIVE, BaselineState.RETIRED}


def test_a_live_state_follows_from_mode_and_evidence() -> None:
    """All four cases: only what can rank is `ready` or `active`."""
    cases = {(mode, ready): state_of(mode, ready=ready) for mode in Mode for ready in (False, True)}

    assert cases == {
        (Mode.LEARNING, False): BaselineState.LEARNING,
        (Mode.LEARNING, True): BaselineState.READY,
        (Mode.ENFORCEMENT, False): BaselineState.LEARNING,
        (Mode.ENFORCEMENT, True): BaselineState.ACTIVE,
    }


@given(st.lists(FACTS, max_size=20), st.lists(FACTS, max_size=20), st.randoms())
def test_what_is_taken_back_was_never_there(kept: list[Facts], gone: list[Facts], dice) -> None:
    """In whichever order windows came, unlearning some leaves the provenance of the others."""
    mixed = [*kept, *gone]
    dice.shuffle(mixed)
    provenance = known(mixed)
    for each in gone:
        provenance.add(each, times=-1)

    assert provenance == known(kept)


@given(st.lists(FACTS, max_size=20))
def test_provenance_survives_being_stored(facts: list[Facts]) -> None:
    """What is read back is what was written."""
    provenance = known(facts)

    assert Provenance.from_plain(provenance.to_plain()) == provenance


@given(st.integers(0, 4_000_000_000_000))
def test_hours_and_days_are_those_of_the_calendar(start: int) -> None:
    """As the standard library tells them, in UTC."""
    at = datetime.fromtimestamp(start / 1000, UTC)
    provenance = known([Facts(start=start, length=10_000, replica=1, image="", kernel="", calls=1, lost={})])

    assert provenance.weekdays == [at.weekday()]
    assert provenance.hours_of_day == [at.hour]
    assert calendar(provenance).first_day == at.date()


@pytest.mark.parametrize(
    "change",
    [{"hours": None}, {"hours": [["x", 1]]}, {"images": [["x", "y"]]}, {"windows": "1"}, {"days": [[1]]}],
)
def test_what_is_no_provenance_is_one_sentence(change: dict[str, object]) -> None:
    """It comes from a file, so nothing of it is trusted."""
    with pytest.raises(DataError, match=r"Expected .* got "):
        Provenance.from_plain(Provenance().to_plain() | change)


def test_replicas_beyond_the_most_are_counted_together() -> None:
    """Their number is bounded, the sum is not wrong."""
    facts = [
        Facts(start=0, length=10_000, replica=each, image="", kernel="", calls=1, lost={})
        for each in range(5000)
    ]
    provenance = known(facts)

    assert len(provenance.replicas) == 4097
    assert provenance.replicas.total() == 5000


def good(**changes: object) -> Evidence:
    """Return evidence that passes every check."""
    hours = [
        Facts(start=hour * 3_600_000, length=10_000, replica=hour % 2, image="", kernel="", calls=1, lost={})
        for hour in range(9 * 24)
    ]
    evidence = Evidence(
        windows_learned=1000,
        completeness=CompletenessOut(
            seen_from_start=True,
            verdict=CompletenessVerdict.CONVERGED,
            reason="",
            unseen=0.0,
            low=0.0,
            high=0.008,
            target=0.01,
            starts=StartsOut(learned=20, judged=10, novel=0, high=0.3),
            windows=1000,
            blocks=16,
            block_windows=32,
            windows_to_target=None,
            seconds_to_target=None,
        ),
        promise=PromiseOut(asked_per_week=1.0, promised_per_week=1.0, low=0.0, high=50.0),
        losses=LossesOut(
            learned_calls=1000, learned_lost=0, newest_windows=10, newest_calls=1000, newest_lost=0
        ),
        phases=PhasesOut(
            seen=[], not_seen=[], starts_learned=20, windows_from_start=1000, own_calls=1000, exec_calls=0
        ),
        calendar=calendar(known(hours)),
        replicas=ReplicasOut(learned_from=2, at_once=2.0),
        quarantined=0,
        drifting=False,
    )
    return replace(evidence, **changes)


def test_good_evidence_passes_every_check() -> None:
    """Also with a week asked for and a rate that is promised."""
    checks = check(good(), Gate(cycle=Cycle.WEEK, max_alerts_per_week=1.0))

    assert {each.outcome for each in checks} == {Outcome.PASS}
    assert verdict(checks) is Outcome.PASS


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("windows", {"windows_learned": 29}),
        (
            "losses",
            {
                "losses": LossesOut(
                    learned_calls=100,
                    learned_lost=2,
                    newest_windows=None,
                    newest_calls=None,
                    newest_lost=None,
                )
            },
        ),
        (
            "losses",
            {
                "losses": LossesOut(
                    learned_calls=9000, learned_lost=0, newest_windows=9, newest_calls=100, newest_lost=2
                )
            },
        ),
        (
            "starts",
            {
                "phases": PhasesOut(
                    seen=[], not_seen=[], starts_learned=0, windows_from_start=0, own_calls=1, exec_calls=0
                )
            },
        ),
        ("calendar", {"calendar": calendar(Provenance())}),
        ("drift", {"drifting": True}),
    ],
)
def test_one_piece_of_bad_evidence_fails_its_check_alone(name: str, change: dict[str, object]) -> None:
    """And with it the gate."""
    checks = check(good(**change), Gate(cycle=Cycle.WEEK))

    assert [each.name for each in checks if each.outcome is Outcome.FAIL] == [name]
    assert verdict(checks) is Outcome.FAIL


def test_a_day_and_a_week_are_asked_for_apart() -> None:
    """Two whole days are a daily cycle and no weekly one."""
    days = [
        Facts(start=hour * 3_600_000, length=10_000, replica=1, image="", kernel="", calls=1, lost={})
        for hour in range(48)
    ]
    evidence = good(calendar=calendar(known(days)))

    outcomes = {cycle: check(evidence, Gate(cycle=cycle))[5].outcome for cycle in Cycle}

    assert outcomes == {Cycle.NONE: Outcome.WARN, Cycle.DAY: Outcome.WARN, Cycle.WEEK: Outcome.FAIL}


def test_a_report_writes_numbers_out() -> None:
    """A large rate without an exponent, and one window as one."""
    promise = PromiseOut(asked_per_week=1.0, promised_per_week=1111.76, low=0.0, high=62312.0)
    texts = {each.name: each.text for each in check(good(promise=promise, quarantined=1), Gate())}

    assert "1,110 false alerts a week" in texts["alert_rate"]
    assert "between 0 and 62,300." in texts["alert_rate"]
    assert texts["quarantine"] == "1 window is quarantined and not part of it: look there first."

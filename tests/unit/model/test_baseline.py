"""Baseline: scoring is pure, scores add up, and evidence that is missing is said to be missing."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from model.baseline import Baseline
from model.score import ReasonCode, WindowScore
from model.settings import BaselineSettings
from model.views import VIEWS, View
from model.window import Window
from tests.unit.model.workloads import SHELL, Server, sequence, tokens, window
from wire.errors import UnknownSyscallTableError
from wire.ngram import N, pack

PROPERTY = settings(deadline=None, max_examples=60)
counts = st.dictionaries(
    st.builds(
        lambda calls, injected: pack(calls, injected=injected),
        st.lists(st.integers(1, 4), min_size=1, max_size=N),
        st.booleans(),
    ),
    st.integers(1, 1000),
    min_size=1,
    max_size=20,
)


def trained(windows: int = 60, *, from_start: bool = True, **settings: float) -> Baseline:
    """Return a baseline of a small server."""
    baseline, server = Baseline(settings=BaselineSettings(**settings)), Server(seed=21)
    for _ in range(windows):
        healthy = window(server.counts(50), from_start=from_start)
        baseline.learn_window(healthy, baseline.score_window(healthy))
    return baseline


def fresh(*, lost: int = 0, partial: bool = False, from_start: bool = True) -> Window:
    """Return a healthy window that was not learned."""
    return window(Server(seed=22).counts(50), lost=lost, partial=partial, from_start=from_start)


INTRUDED = window(Server(seed=23).counts(50), sequence(tokens(SHELL), injected=True))


def codes(score: WindowScore) -> set[ReasonCode]:
    """Return why a score stands on insufficient evidence."""
    return {reason.code for reason in score.evidence.reasons}


def test_scoring_changes_nothing() -> None:
    """A window scored a second time, after others, gets the same score, and the state is as before."""
    baseline = trained()
    before = baseline.state()

    first = baseline.score_window(INTRUDED)
    baseline.score_window(fresh())
    second = baseline.score_window(INTRUDED)

    assert first == second
    assert before.counts.tolist() == baseline.state().counts.tolist()
    assert before.scores.tolist() == baseline.state().scores.tolist()


def test_the_contributions_add_up_to_the_score() -> None:
    """What is listed and the rest are the score, and the largest come first."""
    score = trained().score_window(INTRUDED)
    bits = [each.bits for each in score.contributions]

    assert math.fsum((*bits, score.rest)) == pytest.approx(score.score, rel=1e-12)
    assert bits == sorted(bits, reverse=True)
    assert len(bits) == 20
    assert score.rest > 0


@PROPERTY
@given(st.lists(counts, max_size=4), counts)
def test_views_and_contributions_add_up(learned: list[dict[int, int]], asked: dict[int, int]) -> None:
    """The score is the sum of its views, and of everything listed and the rest, whatever was learned."""
    baseline = Baseline(settings=BaselineSettings(top=1000))
    for each in learned:
        baseline.learn_window(window(each), baseline.score_window(window(each)))

    score = baseline.score_window(window(asked))

    bits = [each.bits for each in score.contributions]
    by_view = {each.view: each.bits for each in score.views}
    assert tuple(by_view) == VIEWS
    assert math.fsum((*bits, score.rest)) == pytest.approx(score.score, rel=1e-9, abs=1e-9)
    assert math.fsum(by_view.values()) == score.score
    # All n-grams are listed: what remains is the share of calls that are absent.
    assert score.rest <= by_view[View.MIX] + 1e-9


@PROPERTY
@given(st.lists(counts, min_size=1, max_size=4), counts)
def test_a_new_call_is_new_in_every_longer_view(learned: list[dict[int, int]], asked: dict[int, int]) -> None:
    """A call never learned ends no learned pair, and a pair never learned no learned triple."""
    baseline = Baseline()
    for each in learned:
        baseline.learn_window(window(each), baseline.score_window(window(each)))

    calls, pairs, triples, sequences, _ = (
        each.bits > 0 for each in baseline.score_window(window(asked)).views
    )

    assert calls <= pairs <= triples <= sequences


def test_the_view_that_decides_is_named() -> None:
    """It is the one with the least p-value of its own, which is remembered when the window is learned."""
    baseline, rest = trained(200), Server(seed=25).counts(50)
    mixed = baseline.score_window(window(dict.fromkeys(list(rest)[:1], 3000) | {list(rest)[1]: 5}))

    assert mixed.view is View.MIX
    for score in (mixed, baseline.score_window(INTRUDED), baseline.score_window(fresh())):
        p_values = {each.view: each.p_value or 1.0 for each in score.views}
        assert min(p_values.values()) == p_values[score.view or View.CALLS] == score.least_p
        assert score.p_value is not None
        assert score.least_p <= score.p_value <= len(VIEWS) * score.least_p


def test_endings_count_once_however_they_are_reached() -> None:
    """A new pair after five different beginnings is one new pair of five calls."""
    baseline = Baseline()
    known = {pack([each, each, each, each, 1, 2]): 7 for each in range(3, 9)}
    usual = window(known | {pack([each, each, each, each, 1]): 7 for each in range(3, 9)})
    for _ in range(40):
        baseline.learn_window(usual, baseline.score_window(usual))

    five = baseline.score_window(window({pack([each, each, each, 1, 1, 1]): 1 for each in range(3, 8)}))
    once = baseline.score_window(window({pack([3, 3, 3, 1, 1, 1]): 5}))

    assert five.views[1].bits == pytest.approx(once.views[1].bits)
    assert five.views[0].bits == once.views[0].bits == 0


def test_a_contribution_tells_what_happened() -> None:
    """Names, lineage, count in the window and in the baseline, and the nearest known sequence."""
    baseline = trained()
    strange = window(sequence(tokens("accept4 epoll_ctl ptrace"), before=tokens("epoll_wait")))

    contribution = baseline.score_window(strange).contributions[0]
    injected = baseline.score_window(INTRUDED).contributions[0]

    assert contribution.names == ("epoll_wait", "accept4", "epoll_ctl", "ptrace")
    assert (contribution.count, contribution.baseline_count, contribution.injected) == (1, 0, False)
    assert (contribution.baseline_rank, contribution.known_ending) == (None, 0)
    assert contribution.nearest is not None
    assert contribution.nearest[-4:-1] == ("epoll_wait", "accept4", "epoll_ctl")
    assert injected.injected
    assert injected.nearest is None


def test_the_nearest_sequence_has_the_fewest_calls_changed() -> None:
    """One call replaced in the middle of a learned sequence leads back to that sequence."""
    known = "epoll_wait accept4 epoll_ctl recvfrom openat fstat"
    baseline = Baseline()
    healthy = window({pack(tokens(known)): 1, pack(tokens("close accept4 ptrace ptrace openat fstat")): 9})
    baseline.learn_window(healthy, baseline.score_window(healthy))
    changed = window({pack(tokens("epoll_wait accept4 epoll_ctl connect openat fstat")): 1})

    contribution = baseline.score_window(changed).contributions[0]

    assert contribution.nearest == tuple(known.split())
    assert contribution.known_ending == 2


def test_a_learned_sequence_has_a_rank() -> None:
    """It is 1 for what was called most often, and shared by equals."""
    baseline = Baseline()
    healthy = window({pack([1]): 9, pack([1, 2]): 5, pack([1, 3]): 5, pack([1, 4]): 1})
    baseline.learn_window(healthy, baseline.score_window(healthy))
    mixed = window({pack([1]): 1, pack([1, 2]): 1, pack([1, 3]): 1, pack([1, 4]): 100})

    ranks = {each.ngram: each.baseline_rank for each in baseline.score_window(mixed).contributions}

    assert ranks == {pack([1]): 1, pack([1, 2]): 2, pack([1, 3]): 2, pack([1, 4]): 4}


def test_a_usual_window_is_explained_in_short() -> None:
    """Above alpha fewer contributions are listed; what they leave out is in the rest."""
    baseline = trained()

    usual = baseline.score_window(INTRUDED, alpha=0.0)
    unusual = baseline.score_window(INTRUDED, alpha=1.0)

    assert (len(usual.contributions), len(unusual.contributions)) == (5, 20)
    assert usual.score == unusual.score
    for each in (usual, unusual):
        assert math.fsum((*(part.bits for part in each.contributions), each.rest)) == pytest.approx(
            each.score
        )


def test_novelty_is_the_share_of_calls_never_learned() -> None:
    """It is 0 for what is known, 1 for what is not, and weighs calls."""
    baseline = Baseline()
    known = window({pack([1]): 3})
    baseline.learn_window(known, baseline.score_window(known))

    assert baseline.score_window(known).novelty == 0
    assert baseline.score_window(window({pack([2]): 3})).novelty == 1
    assert baseline.score_window(window({pack([1]): 3, pack([2]): 1})).novelty == 0.25


def test_a_young_baseline_gives_no_p_value() -> None:
    """One window short of the minimum there is a score and a reason; with it there is a p-value."""
    young, grown = trained(29).score_window(INTRUDED), trained(30).score_window(INTRUDED)

    assert young.p_value is None
    assert young.score > 0
    assert young.view is None
    assert codes(young) == {ReasonCode.FEW_WINDOWS, ReasonCode.UNSEEN_LINEAGE}
    assert grown.p_value is not None
    assert grown.view is not None
    assert codes(grown) == {ReasonCode.UNSEEN_LINEAGE}


def test_an_empty_window_is_not_healthy() -> None:
    """No call is no evidence."""
    baseline = trained()

    score = baseline.score_window(window())

    assert (score.score, score.p_value) == (0, None)
    assert codes(score) == {ReasonCode.NO_CALLS}


def test_a_partial_window_gives_no_p_value_and_is_not_learned() -> None:
    """Sequences cut in their middle look new and are not."""
    baseline, partial = trained(), fresh(partial=True)

    score = baseline.score_window(partial)

    assert score.p_value is None
    assert codes(score) == {ReasonCode.PARTIAL_WINDOW}
    assert not baseline.learn_window(partial, score)
    assert baseline.windows_learned == 60


def test_a_lossy_window_can_alarm_but_never_reassure() -> None:
    """Lost calls hide surprise and cannot make it: the p-value stands, the evidence does not."""
    baseline = trained()
    strange = window(Server(seed=23).counts(50), sequence(tokens(SHELL)))
    lossy = replace(strange, lost_calls=strange.calls)

    score = baseline.score_window(lossy)

    assert score.p_value is not None
    assert score.p_value < 1e-3
    assert codes(score) == {ReasonCode.LOSS}
    assert "50.0%" in score.evidence.reasons[0].text
    assert not baseline.learn_window(lossy, score)


def test_threads_that_were_not_followed_are_a_loss_of_unknown_size() -> None:
    """A window with untracked threads is never called healthy, and is not learned."""
    baseline = trained()
    unfollowed = replace(fresh(), untracked_threads=1)

    score = baseline.score_window(unfollowed)

    assert codes(score) == {ReasonCode.LOSS}
    assert not baseline.learn_window(unfollowed, score)


def test_a_little_loss_is_tolerated() -> None:
    """Up to `max_loss` of the calls may be missing."""
    baseline = trained()

    assert baseline.score_window(fresh(lost=1)).evidence.sufficient


def test_a_start_that_no_learned_container_had_is_named() -> None:
    """A baseline of containers that ran before the agent has not seen the workload start."""
    baseline = trained(from_start=False)

    assert codes(baseline.score_window(fresh())) == {ReasonCode.START_UNSEEN}
    assert baseline.score_window(fresh(from_start=False)).evidence.sufficient
    assert baseline.summary().windows_from_start == 0


def test_an_injected_program_that_was_never_learned_is_named() -> None:
    """A baseline that has seen none calls no window healthy that holds one; once learned it may."""
    baseline, probe = trained(), window(Server(seed=24).counts(50), {pack([39], injected=True): 1})

    first = baseline.score_window(probe)
    baseline.learn_window(probe, first)

    assert codes(first) == {ReasonCode.UNSEEN_LINEAGE}
    assert baseline.score_window(probe).evidence.sufficient
    assert baseline.score_window(fresh()).evidence.sufficient


def test_a_full_baseline_says_so() -> None:
    """Refused calls are counted and every later score carries the reason."""
    baseline = trained(max_ngrams=20)

    assert baseline.full
    assert ReasonCode.FULL in codes(baseline.score_window(fresh()))
    summary = baseline.summary()
    assert summary.distinct_ngrams == 20
    assert summary.refused_calls > 0
    assert not summary.evidence.sufficient


def test_an_extrapolated_p_value_says_so() -> None:
    """Below the resolution it comes from the tail model, above it from ranks."""
    baseline = trained()

    intruded, healthy = baseline.score_window(INTRUDED), baseline.score_window(fresh())

    assert intruded.extrapolated
    assert intruded.p_value is not None
    assert intruded.p_value < intruded.resolution == 1 / 31
    assert not healthy.extrapolated


def test_the_summary_adds_up() -> None:
    """Lineages add up to the whole, and the most frequent n-gram comes first."""
    baseline = trained()
    baseline.learn_window(INTRUDED, baseline.score_window(INTRUDED))

    summary = baseline.summary()

    assert summary.own.calls + summary.injected.calls == summary.calls_learned == baseline.calls_learned
    assert summary.own.distinct_ngrams + summary.injected.distinct_ngrams == summary.distinct_ngrams
    assert summary.injected.calls == len(tokens(SHELL))
    assert summary.distinct_by_order[-1] == summary.distinct_ngrams
    assert list(summary.distinct_by_order) == sorted(summary.distinct_by_order)
    assert summary.windows_learned == summary.windows_from_start == 61
    assert [each.count for each in summary.top] == sorted((each.count for each in summary.top), reverse=True)
    assert summary.top[0].share == summary.top[0].count / summary.calls_learned
    assert summary.evidence.sufficient
    assert summary.calibration.scores == 30


def test_an_empty_baseline_has_a_summary() -> None:
    """Nothing learned is a state to be shown, not an error."""
    summary = Baseline().summary()

    assert summary.windows_learned == summary.distinct_ngrams == 0
    assert summary.distinct_by_order == (0, 0, 0, 0, 0, 0)
    assert summary.calibration.quantiles == ()
    assert not summary.evidence.sufficient


def test_an_unknown_architecture_is_refused() -> None:
    """Without names for its calls a baseline could not explain itself."""
    with pytest.raises(UnknownSyscallTableError, match="riscv64"):
        Baseline(arch="riscv64")

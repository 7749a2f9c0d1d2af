"""Phases: a start is judged by starts, a steady window by steady ones, a stranger by what its kind scores."""

from dataclasses import replace

import numpy as np
import pytest

from model import snapshot
from model.baseline import Baseline
from model.merge import merge
from model.phases import Phase
from model.score import ReasonCode, WindowScore
from model.window import Window
from tests.unit.model.workloads import CAT, SHELL, WORKER_START, Server, sequence, tokens, window

STARTUP = f"{WORKER_START} {CAT} getrandom sysinfo uname prctl mlock munlock sched_yield capget capset"


def steady(server: Server) -> Window:
    """Return a window of a running container."""
    return window(server.counts(50))


def start(server: Server, number: int, place: int, *more: dict[int, int]) -> Window:
    """Return one of the three windows of a container's start; the first brings most."""
    calls = tokens(STARTUP)
    # Each start is a little different, and so is what its windows hold of it.
    calls = calls[-3 * place :] if place else calls[: 10 + 5 * (number % 7)] + calls[5:]
    return replace(window(server.counts(5), sequence(calls), *more), start=number)


def trained(*, starts: int, windows: int = 60) -> Baseline:
    """Return a baseline of starts, with steady windows spread between them."""
    baseline, server = Baseline(), Server(seed=51)
    for number in range(starts):
        for place in range(3):
            learn(baseline, start(server, number, place))
        for _ in range(windows // starts):
            learn(baseline, steady(server))
    for _ in range(windows - windows // max(1, starts) * starts):
        learn(baseline, steady(server))
    return baseline


def learn(baseline: Baseline, one: Window) -> WindowScore:
    """Score a window, learn it, return the score."""
    score = baseline.score_window(one)
    assert baseline.learn_window(one, score)
    return score


def codes(score: WindowScore) -> set[ReasonCode]:
    """Return why a score stands on insufficient evidence."""
    return {reason.code for reason in score.evidence.reasons}


def test_a_window_of_a_start_says_so() -> None:
    """Its phase follows from the start it belongs to."""
    baseline, server = trained(starts=2), Server(seed=52)

    assert baseline.score_window(start(server, 9, 0)).phase is Phase.START
    assert baseline.score_window(steady(server)).phase is Phase.STEADY


def test_starts_do_not_hide_an_intrusion_in_a_steady_window() -> None:
    """However strange starts were, a steady window has the p-value that it has without their scores."""
    with_starts, server = trained(starts=6), Server(seed=53)
    state = with_starts.state()
    without = Baseline.from_state(replace(state, start_scores=state.start_scores[:0], start_scores_seen=0))
    intruded = window(server.counts(50), sequence(tokens(SHELL)))

    score = with_starts.score_window(intruded)

    assert score.p_value == without.score_window(intruded).p_value
    assert score.p_value is not None
    assert score.p_value < 1e-3
    assert max(with_starts.state().start_scores[:, :-1].sum(axis=1)) > 20


def test_a_start_is_not_ranked_before_ten_were_learned() -> None:
    """Neither an alarm because a container restarted, nor a green 0: no p-value, and the reason."""
    server = Server(seed=54)
    few, many = trained(starts=9, windows=180), trained(starts=10, windows=180)

    unranked, ranked = (each.score_window(start(server, 77, 0)) for each in (few, many))

    assert (unranked.p_value, codes(unranked)) == (None, {ReasonCode.FEW_STARTS})
    assert not unranked.evidence.sufficient
    assert ranked.evidence.sufficient
    assert ranked.p_value is not None
    assert ranked.resolution == 1 / 16


def test_what_an_exec_brings_into_a_start_is_ranked_among_steady_windows() -> None:
    """An exec session does not depend on how old its container is, so it needs no learned starts."""
    baseline, server = trained(starts=2, windows=400), Server(seed=55)
    shell = sequence(tokens(SHELL), injected=True)

    score = baseline.score_window(start(server, 88, 0, shell))

    assert codes(score) == {ReasonCode.FEW_STARTS, ReasonCode.UNSEEN_LINEAGE}
    assert score.p_value is not None
    assert score.p_value < 1e-5
    assert score.extrapolated


def test_an_exec_into_a_start_is_not_ranked_before_any_start_was_learned() -> None:
    """What a hook brings into every start is not known yet."""
    baseline = trained(starts=0)

    score = baseline.score_window(start(Server(seed=56), 1, 0, sequence(tokens(SHELL), injected=True)))

    assert score.p_value is None
    assert ReasonCode.FEW_STARTS in codes(score)


def test_a_young_baseline_says_that_it_is_young() -> None:
    """Before any phase can be ranked, windows of both have the same reason."""
    baseline, server = trained(starts=1, windows=5), Server(seed=57)

    assert codes(baseline.score_window(steady(server))) == {ReasonCode.FEW_WINDOWS}
    assert codes(baseline.score_window(start(server, 9, 1))) == {ReasonCode.FEW_WINDOWS}
    assert not baseline.ready


def test_a_workload_of_starts_alone_is_ready() -> None:
    """Short jobs, whose every window is of a start, are ranked among each other."""
    baseline, server = Baseline(), Server(seed=58)
    for number in range(10):
        for place in range(3):
            learn(baseline, start(server, number, place))

    assert baseline.ready
    assert baseline.score_window(start(server, 99, 0)).p_value is not None
    assert codes(baseline.score_window(steady(server))) == {ReasonCode.FEW_WINDOWS}


@pytest.mark.parametrize("phase", list(Phase))
def test_a_window_is_unlearned_from_the_record_of_its_phase(phase: Phase) -> None:
    """Afterwards counts and remembered scores are those from before, but for the oldest that it drove out."""
    baseline, server = trained(starts=4), Server(seed=59)
    before = baseline.state()
    one = start(server, 66, 0) if phase is Phase.START else replace(steady(server), ended=phase is Phase.STOP)
    assert one.phase is phase
    kept = replace(baseline.score_window(one), score=1e6, views=())

    baseline.learn_window(one, kept)
    baseline.unlearn_window(one, kept.score)

    after = baseline.state()
    for (now, seen), (then, seen_before) in zip(after.records.values(), before.records.values(), strict=True):
        assert seen == seen_before
        assert now.tolist() == then.tolist()[len(then) - len(now) :]
        assert len(then) - len(now) <= 1
    assert np.array_equal(after.counts, before.counts)


def test_a_start_learned_before_there_were_phases_is_unlearned_from_the_common_record() -> None:
    """A snapshot of an earlier release holds its score among the steady ones."""
    baseline, server = trained(starts=0), Server(seed=60)
    one = steady(server)
    score = learn(baseline, one)
    seen = baseline.state().scores_seen

    baseline.unlearn_window(replace(one, start=5), score.score)

    assert (baseline.state().scores_seen, baseline.state().start_scores_seen) == (seen - 1, 0)


def test_records_of_phases_are_merged_apart() -> None:
    """In either order they are the same, and no start of one becomes a steady window of the other."""
    one, other = trained(starts=4).state(), trained(starts=7).state()

    merged, turned = merge(one, other), merge(other, one)

    assert merged.start_scores_seen == 33
    assert len(merged.start_scores) == len(one.start_scores) + len(other.start_scores)
    assert merged.start_scores.tolist() == turned.start_scores.tolist()
    restored = snapshot.from_bytes(snapshot.to_bytes(Baseline.from_state(merged)))
    assert restored.state().start_scores.tolist() == merged.start_scores.tolist()


def test_a_window_that_was_held_out_is_remembered_by_what_its_kind_scores() -> None:
    """Three windows with the same strange job: each is scored beside the other two, and the next alike."""
    baseline, server = trained(starts=2, windows=400), Server(seed=61)
    job = sequence(tokens(SHELL))
    held = [window(server.counts(50), job) for _ in range(4)]
    strange = [baseline.score_window(each).score for each in held]

    assert all(baseline.count_window(each) for each in held[:3])
    known = [baseline.remember_window(each).score for each in held[:3]]

    assert max(known) < min(strange) / 3
    fourth = baseline.score_window(held[3])
    assert fourth.score < max(strange) / 3
    assert fourth.p_value is not None
    assert fourth.p_value > 1e-3


def test_counts_of_what_is_released_are_those_of_learning_it() -> None:
    """Only the remembered scores differ."""
    one, other, server = trained(starts=2), trained(starts=2), Server(seed=62)
    held = [window(server.counts(50), sequence(tokens(SHELL))) for _ in range(3)]
    for each in held:
        one.learn_window(each, one.score_window(each))
    for each in held:
        other.count_window(each)
    for each in held:
        other.remember_window(each)

    for name in ("ngrams", "counts", "held_by", "sizes", "sizes_held"):
        assert np.array_equal(getattr(one.state(), name), getattr(other.state(), name))
    assert one.unseen() == other.unseen()
    assert one.state().scores_seen == other.state().scores_seen

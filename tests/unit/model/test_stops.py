"""The last window of a container: a phase of its own, which an intruder cannot choose to hide in."""

import zlib
from dataclasses import replace

import pytest

from model import snapshot
from model.baseline import Baseline
from model.merge import merge
from model.phases import Phase
from model.score import ReasonCode, WindowScore
from model.window import Window
from tests.unit.model.workloads import CAT, SHELL, Server, sequence, tokens, window

GOODBYE = f"{CAT} fsync fdatasync shutdown unlink munmap flock ftruncate msync sync_file_range semctl shmdt"


def steady(server: Server, *more: dict[int, int]) -> Window:
    """Return a window of a running container."""
    return window(server.counts(50), *more)


def stop(server: Server, number: int, *more: dict[int, int]) -> Window:
    """Return the window in which a container ended; no end is quite like another."""
    calls = tokens(GOODBYE)
    return replace(
        window(server.counts(20), sequence(calls[number % 5 :] + calls[: number % 7]), *more), ended=True
    )


def learn(baseline: Baseline, one: Window) -> WindowScore:
    """Score a window, learn it, return the score."""
    score = baseline.score_window(one)
    assert baseline.learn_window(one, score)
    return score


def trained(*, stops: int, windows: int = 300) -> Baseline:
    """Return a baseline of stops, with steady windows spread between them."""
    baseline, server = Baseline(), Server(seed=71)
    for index in range(windows):
        learn(baseline, steady(server))
        if stops and index % (windows // stops) == 0:
            learn(baseline, stop(server, index // (windows // stops)))
    return baseline


def codes(score: WindowScore) -> set[ReasonCode]:
    """Return why a score stands on insufficient evidence."""
    return {reason.code for reason in score.evidence.reasons}


def test_a_window_says_that_it_is_a_containers_last() -> None:
    """That of a container which lived for no more than its start belongs to the start."""
    server = Server(seed=72)
    last = stop(server, 0)

    assert last.phase is Phase.STOP
    assert replace(last, start=3).phase is Phase.START
    assert replace(last, ended=False).phase is Phase.STEADY


def test_stops_do_not_hide_an_intrusion_in_a_steady_window() -> None:
    """However strange ends were, a steady window has the p-value that it has without their scores."""
    baseline, server = trained(stops=12), Server(seed=73)
    state = baseline.state()
    without = Baseline.from_state(replace(state, stop_scores=state.stop_scores[:0], stop_scores_seen=0))
    intruded = steady(server, sequence(tokens(SHELL)))

    score = baseline.score_window(intruded)

    assert score.p_value == without.score_window(intruded).p_value
    assert score.p_value is not None
    assert score.p_value < 1e-3


def test_while_few_stops_are_known_only_what_is_new_in_one_is_ranked() -> None:
    """What ends have brought before raises nothing, and is not called healthy: there are too few to tell."""
    baseline, server = trained(stops=29, windows=290), Server(seed=74)
    last = stop(server, 3)

    score, in_the_middle = (baseline.score_window(replace(last, ended=end)) for end in (True, False))

    assert (score.phase, codes(score)) == (Phase.STOP, {ReasonCode.FEW_STOPS})
    assert not score.evidence.sufficient
    assert score.resolution == in_the_middle.resolution
    assert score.p_value is not None
    assert in_the_middle.p_value is not None
    assert score.p_value > 0.05 > in_the_middle.p_value


@pytest.mark.parametrize("stops", [0, 5, 29, 60, 150])
def test_whoever_ends_a_container_after_the_act_gains_nothing_by_it(stops: int) -> None:
    """However many ends are known, and however strange these are, new calls are as new as in the middle."""
    baseline, server = trained(stops=stops), Server(seed=75)
    for _ in range(5):
        last = stop(server, 1, sequence(tokens(SHELL)))
        untold = baseline.score_window(replace(last, ended=False))

        found = baseline.score_window(last)

        assert found.p_value is not None
        assert untold.p_value is not None
        assert found.p_value < 1.5 * untold.p_value


def test_from_thirty_on_a_stop_is_ranked_among_stops() -> None:
    """What would be strange in the middle of a life is ordinary at its end, and may be called healthy."""
    baseline, server = trained(stops=30), Server(seed=76)
    last = stop(server, 2)

    score, in_the_middle = (baseline.score_window(replace(last, ended=end)) for end in (True, False))

    assert score.evidence.sufficient
    assert score.resolution == 1 / 16
    assert score.p_value is not None
    assert in_the_middle.p_value is not None
    assert score.p_value > 0.05 > in_the_middle.p_value


def test_what_an_exec_brings_into_a_stop_is_ranked_among_steady_windows_for_ever() -> None:
    """Whoever execs a shell and ends the container is as strange as in its middle."""
    baseline, server = trained(stops=60), Server(seed=77)
    shell = sequence(tokens(SHELL), injected=True)
    own = baseline.score_window(stop(server, 1))

    score = baseline.score_window(stop(server, 1, shell))
    in_the_middle = baseline.score_window(steady(server, shell))

    assert own.p_value is not None
    assert own.p_value > 0.05
    assert score.p_value is not None
    assert in_the_middle.p_value is not None
    assert score.p_value < 1.5 * in_the_middle.p_value


def test_an_exec_that_is_known_does_not_make_a_stop_strange() -> None:
    """A probe that every window holds costs the last one nothing."""
    baseline, server = Baseline(), Server(seed=78)
    probe = sequence(tokens("execve brk openat read close exit_group"), injected=True)
    for index in range(300):
        learn(baseline, steady(server, probe))
        if index % 6 == 0:
            learn(baseline, stop(server, index // 6, probe))

    score = baseline.score_window(stop(server, 2, probe))

    assert score.p_value is not None
    assert score.p_value > 0.05


def test_records_of_stops_are_merged_apart() -> None:
    """In either order they are the same."""
    one, other = trained(stops=4).state(), trained(stops=6).state()

    merged, turned = merge(one, other), merge(other, one)

    assert merged.stop_scores_seen == 10
    assert merged.stop_scores.tolist() == turned.stop_scores.tolist()
    assert len(merged.stop_scores) == len(one.stop_scores) + len(other.stop_scores)


def test_a_snapshot_holds_stops_once_one_was_learned() -> None:
    """And no word of them before: a release that knows no stops reads that one on."""
    with_stops, without = trained(stops=5), trained(stops=0)

    again = snapshot.from_bytes(snapshot.to_bytes(with_stops))

    assert again.state().stop_scores.tolist() == with_stops.state().stop_scores.tolist()
    assert again.summary().calibration.stops == 5
    assert b"stop" in zlib.decompress(snapshot.to_bytes(with_stops))
    assert b"stop" not in zlib.decompress(snapshot.to_bytes(without))


@pytest.mark.parametrize("known", [0, 40])
def test_a_stop_learned_as_steady_is_unlearned_from_the_steady_record(known: int) -> None:
    """An earlier release learned it among steady windows, whatever its agent had said."""
    baseline, server = trained(stops=known), Server(seed=79)
    before = baseline.state()
    one = replace(stop(server, 0), ended=False)
    score = learn(baseline, one)

    baseline.unlearn_window(replace(one, ended=True), score.score)

    after = baseline.state()
    assert (after.scores_seen, after.stop_scores_seen) == (before.scores_seen, before.stop_scores_seen)

"""Teachers: what one replica of several shows counts as new until a second one vouches for it."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from model.baseline import Baseline
from model.errors import SnapshotError
from model.teachers import Teachers
from model.window import Ngrams, Window
from tests.unit.model.workloads import SHELL, Server, sequence, tokens, window

LESSONS = st.lists(st.tuples(st.integers(1, 3), st.sets(st.integers(1, 9), min_size=1)), max_size=30)
PERIOD = 37
ALPHA = 7 / 60_480 / 4
"""One alert a day of four replicas at windows of ten seconds."""


def ngrams(names: set[int]) -> Ngrams:
    """Return some n-grams, ascending."""
    return np.array(sorted(names), dtype=np.uint64)


@settings(deadline=None)
@given(LESSONS)
def test_it_knows_what_one_replica_alone_has_shown(taught: list[tuple[int, set[int]]]) -> None:
    """After any lessons: the n-grams of exactly one replica; bytes keep them."""
    teachers, shown = Teachers(), dict[int, set[int]]()
    for replica, names in taught:
        teachers.learn(
            ngrams(names), np.array([name not in shown for name in sorted(names)]), replica=replica
        )
        for name in names:
            shown.setdefault(name, set()).add(replica)
    again, every = Teachers.from_bytes(teachers.to_bytes()), ngrams(set(range(1, 10)))

    alone = [name for name in range(1, 10) if len(shown.get(name, ())) == 1]
    assert every[again.unvouched(every)].tolist() == alone
    assert len(again) == len(alone)


@settings(deadline=None)
@given(st.sets(st.integers(1, 9), min_size=1), st.sets(st.integers(1, 9)))
def test_what_is_forgotten_nobody_taught(taught: set[int], gone: set[int]) -> None:
    """After an n-gram is gone, the next replica to show it is the first: it vouches for nobody."""
    teachers = Teachers()
    teachers.learn(ngrams(taught), np.ones(len(taught), dtype=bool), replica=1)

    teachers.forget(ngrams(gone))
    again = ngrams(taught & gone)
    teachers.learn(again, np.ones(len(again), dtype=bool), replica=2)

    assert teachers.unvouched(ngrams(taught)).all()
    assert len(teachers) == len(taught)


@pytest.mark.parametrize("data", [b"1" * 8, np.array([2, 1, 0, 0], dtype="<u8").tobytes()])
def test_bytes_that_do_not_fit_are_refused(data: bytes) -> None:
    """Halves of pairs, and n-grams out of order, are none of ours."""
    with pytest.raises(SnapshotError):
        Teachers.from_bytes(data)


def poisoned(*, guarded: bool) -> tuple[Baseline, Teachers | None]:
    """Return a baseline of four replicas, one of which slips in a shell piece by piece."""
    baseline, servers = Baseline(), [Server(seed) for seed in range(4)]
    teachers = Teachers() if guarded else None
    pieces = sorted(sequence(tokens(SHELL)).items())
    for at in range(500):
        for replica, server in enumerate(servers):
            counts = server.counts(50)
            if replica == 0 and at >= 20:
                counts |= {ngram: 1 for ngram, _ in pieces[at % PERIOD :: PERIOD]}
            one = window(counts)
            learn(baseline, teachers, one, replica)
    return baseline, teachers


def learn(baseline: Baseline, teachers: Teachers | None, one: Window, replica: int) -> None:
    """Learn a window as the worker does, unless it is an anomaly."""
    unvouched = None if teachers is None else teachers.unvouched(one.ngrams)
    score = baseline.score_window(one, unvouched=unvouched)
    if score.p_value is not None and score.p_value <= ALPHA:
        return
    new = baseline.held_by(one.ngrams) == 0
    baseline.learn_window(one, score)
    if teachers is not None:
        teachers.learn(one.ngrams, new, replica=replica)


def test_one_replica_cannot_make_a_shell_ordinary() -> None:
    """A shell slipped in piece by piece stays an anomaly where replicas must vouch; else it passes."""
    shell = window(Server(99).counts(50), sequence(tokens(SHELL)))
    (guarded, teachers), (open_, _) = poisoned(guarded=True), poisoned(guarded=False)
    assert teachers is not None

    watched = guarded.score_window(shell, unvouched=teachers.unvouched(shell.ngrams)).p_value
    slipped = open_.score_window(shell).p_value

    assert watched is not None
    assert slipped is not None
    assert watched <= ALPHA < slipped


def test_replicas_that_vouch_for_each_other_lose_little() -> None:
    """Healthy windows of replicas that share all behaviour keep their false-alarm rate."""
    baseline, teachers, servers = Baseline(), Teachers(), [Server(seed) for seed in range(3)]
    p_values = []
    for at in range(2400):
        one = window(servers[at % 3].counts(100))
        unvouched = teachers.unvouched(one.ngrams)
        score, new = baseline.score_window(one, unvouched=unvouched), baseline.held_by(one.ngrams) == 0
        p_values.append(score.p_value or 1.0)
        baseline.learn_window(one, score)
        teachers.learn(one.ngrams, new, replica=at % 3)
    late = np.array(p_values[1200:])

    assert 0.03 < np.mean(late <= 0.05) < 0.075
    assert np.mean(late <= 0.01) < 0.02
    assert not np.any(late <= ALPHA)

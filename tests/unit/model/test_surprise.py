"""BackoffSurprise: what is new or rare has bits, what every window holds has none."""

import math

import numpy as np
import pytest

from model.surprise import BackoffSurprise
from model.window import as_arrays
from tests.unit.model.workloads import Server
from wire.ngram import pack

USUAL = {pack([1]): 10, pack([1, 2]): 10, pack([1, 2, 1]): 10}


def trained(windows: int = 100) -> BackoffSurprise:
    """Return a detector for which every window was the same."""
    detector = BackoffSurprise()
    for _ in range(windows):
        detector.learn_one(USUAL)
    return detector


def test_what_every_window_holds_has_no_bits_at_any_load() -> None:
    """Ten or ten million calls on known paths add nothing."""
    detector = trained()

    assert detector.score_one(USUAL) == 0
    assert detector.score_one({ngram: count * 10**6 for ngram, count in USUAL.items()}) == 0
    assert detector.score_one(dict.fromkeys(USUAL, 1)) == 0


def test_a_new_sequence_is_not_diluted() -> None:
    """The same strange call has the same bits beside a hundred calls and beside a hundred million."""
    detector, strange = trained(), {pack([1, 2, 9]): 1}
    quiet = detector.score_one(USUAL | strange)
    busy = detector.score_one({ngram: count * 10**7 for ngram, count in USUAL.items()} | strange)

    assert quiet == busy > 10


def test_repetition_grows_slowly() -> None:
    """A million repetitions of a new sequence are worth twenty times one, not a million times."""
    detector = trained()

    once = detector.score_one({pack([9]): 1})
    often = detector.score_one({pack([9]): 2**20 - 1})

    assert often == pytest.approx(20 * once)


def test_a_rare_sequence_counts_for_its_rarity() -> None:
    """One that every eighth window holds is worth nothing, one of two hundred what it is beyond sixteen."""
    detector = BackoffSurprise()
    for index in range(1000):
        extra = {pack([1, 2, 3]): 1} if index % 8 == 0 else {}
        extra |= {pack([1, 2, 4]): 1} if index % 200 == 0 else {}
        detector.learn_one(USUAL | extra)
    ngrams, counts = as_arrays(USUAL | {pack([1, 2, 3]): 1, pack([1, 2, 4]): 1})

    bits = dict(zip(ngrams.tolist(), detector.bits(ngrams, counts).tolist(), strict=True))

    assert bits[pack([1, 2, 3])] == 0
    assert bits[pack([1, 2, 4])] == pytest.approx(math.log2(1001 / 6) - 4, abs=0.1)


def test_a_busier_window_makes_rare_sequences_expected() -> None:
    """A sequence of every hundredth window is worth nothing in a window a hundred times as large."""
    detector = BackoffSurprise()
    for index in range(1000):
        detector.learn_one(USUAL | ({pack([1, 2, 3]): 1} if index % 100 == 0 else {}))
    busy = {ngram: count * 100 for ngram, count in USUAL.items()}

    usual = detector.score_one(USUAL | {pack([1, 2, 3]): 1})
    at_load = detector.score_one(busy | {pack([1, 2, 3]): 1})

    assert usual > 2
    assert at_load == 0


def test_strange_calls_are_not_load() -> None:
    """A million calls in new sequences leave what is rare as rare as it was."""
    detector = BackoffSurprise()
    for index in range(1000):
        detector.learn_one(USUAL | ({pack([1, 2, 3]): 1} if index % 100 == 0 else {}))
    ngrams, counts = as_arrays(USUAL | {pack([1, 2, 3]): 1, pack([9]): 10**6})

    bits = dict(zip(ngrams.tolist(), detector.bits(ngrams, counts).tolist(), strict=True))

    assert bits[pack([1, 2, 3])] == pytest.approx(detector.score_one(USUAL | {pack([1, 2, 3]): 1}))


def test_the_cap_refuses_and_counts() -> None:
    """Beyond `max_ngrams` new sequences are not learned, known ones still are."""
    detector = BackoffSurprise(max_ngrams=3)
    detector.learn_one(USUAL)
    detector.learn_one(USUAL | {pack([7]): 4, pack([8]): 5})

    assert len(detector.orders.ngrams) == 3
    assert detector.refused_calls == 9
    assert detector.calls == 60
    assert detector.orders.counts.tolist() == [20, 20, 20]


def test_healthy_scores_settle() -> None:
    """The mean prequential score of a server falls by more than nine tenths while it is learned."""
    detector, server = BackoffSurprise(), Server(seed=11)
    scores = []
    for _ in range(200):
        window = server.counts(100)
        scores.append(detector.score_one(window))
        detector.learn_one(window)

    assert np.mean(scores[-50:]) < 0.1 * np.mean(scores[:10])

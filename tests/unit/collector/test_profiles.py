"""Profiles: counts of cgroups become one delta that keeps the format's rules."""

from dataclasses import replace

import numpy as np
from hypothesis import given, strategies as st

from collector import profiles
from collector.carry import MAX_OWED, Owed, carry
from collector.probe import CgroupCounts
from collector.profiles import Origin, to_delta
from collector.windows import Window
from tests.unit.collector.fakes import container, sandbox
from tests.unit.collector.test_spool import batch
from wire.codec import decode_delta, encode_delta
from wire.profile import LossCause, Mark

ORIGIN = Origin("node-a", "boot-1", "x86_64")
WHOLE = Window(10_000, 20_000, partial=False)

parts = st.lists(
    st.tuples(
        st.dictionaries(st.integers(0, (1 << 61) - 1), st.integers(1, 1 << 40), max_size=30),
        st.dictionaries(st.sampled_from(LossCause), st.integers(0, 1 << 40)),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


def counts(cgroup_id, ngrams, lost=None, *, over_quota=False):
    """Return a probe's counts of one cgroup."""
    keys = sorted(ngrams)
    return CgroupCounts(
        cgroup_id,
        np.array(keys, dtype=np.uint64),
        np.array([ngrams[key] for key in keys], dtype=np.uint64),
        lost or {},
        over_quota,
    )


@given(parts)
def test_no_call_is_lost_or_made_up_by_joining(drawn):
    """Calls and losses of all cgroups are in the delta, which every reader of the format takes."""
    joined = to_delta(
        ORIGIN,
        WHOLE,
        container("web"),
        [counts(i, ngrams, lost, over_quota=over) for i, (ngrams, lost, over) in enumerate(drawn)],
    )

    assert joined.calls == sum(sum(ngrams.values()) for ngrams, _, _ in drawn)
    for cause in LossCause:
        assert joined.lost.get(cause, 0) == sum(lost.get(cause, 0) for _, lost, _ in drawn)
    assert (Mark.QUOTA in joined.marks) == any(over for _, _, over in drawn)
    assert decode_delta(encode_delta(joined)) == joined


def test_a_monstrous_profile_keeps_its_most_frequent_ngrams(monkeypatch):
    """Beyond the bound the rarest n-grams are counted as lost to a quota: the sum stays true."""
    monkeypatch.setattr(profiles, "MAX_NGRAMS", 3)
    joined = to_delta(ORIGIN, WHOLE, container("web"), [counts(1, {1: 5, 2: 1, 3: 9, 4: 2, 5: 7})])

    assert joined.ngrams == (1, 3, 5)
    assert joined.counts == (5, 9, 7)
    assert joined.lost == {LossCause.QUOTA: 3}
    assert Mark.QUOTA in joined.marks


def test_marks_follow_window_and_container():
    """A cut window is partial; a container with nothing but an id is unidentified, unless it is a pause."""
    cut = replace(WHOLE, partial=True)
    some = [counts(1, {1: 1})]

    assert to_delta(ORIGIN, cut, container("web"), some).marks == {Mark.PARTIAL}
    assert to_delta(ORIGIN, WHOLE, container("web", name=""), some).marks == {Mark.UNIDENTIFIED}
    assert to_delta(ORIGIN, WHOLE, replace(sandbox("pause"), name=""), some).marks == frozenset()


def test_a_loss_is_carried_for_a_bounded_number_of_containers():
    """Of thousands of containers without other news only the greatest losses travel."""
    owed = {f"c{index}": Owed(container(f"c{index}"), index) for index in range(1, MAX_OWED + 500)}

    carried = carry(batch(0, {"web": 10}), owed)

    assert len(carried.deltas) == 1 + MAX_OWED
    assert min(delta.lost[LossCause.DISCARDED] for delta in carried.deltas[1:]) == 500

"""What matches do to learning, and how the worker keeps them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from api.db.access_tables import AuditRow
from api.db.alert_tables import AlertRow
from api.db.rule_tables import MatchRow
from api.db.tables import BaselineRow, ContainerRow, InboxRow, ScoreRow, WorkloadRow
from api.errors import StoreError
from api.matches import intake
from api.retention.keeper import Keeper
from api.scores import learning
from api.worker.returning import RETURNS
from api.worker.signatures import SignatureBook
from model import snapshot
from model.baseline import Baseline
from tests.service import LOOP, NOW_MS, FakeClock, a_container, a_delta, a_match, a_match_batch
from tests.unit.api.test_worker import HOUR, SHELL, Bench
from wire.match import Priority, SignatureMatch, encode_match_batch
from wire.ngram import pack

ODD = {pack([9, 9, 9, 9, 9, each]): 1 for each in range(1, 3)}


class MatchBench(Bench):
    """A store and a worker that are fed matches too."""

    def match(self, *matches: SignatureMatch) -> None:
        """Take matches in; `drain` raises them."""
        batch, parcels = intake.read(encode_match_batch(a_match_batch(*matches)), latest_ms=NOW_MS)
        with self.core.store.write() as session:
            intake.accept(session, batch, parcels, now_ms=self.core.clock.now_ms(), inbox_limit=10_000)

    def learned(self) -> int:
        """Return how many windows the baseline learned."""
        with self.core.store.read() as session:
            return snapshot.from_bytes(session.scalars(select(BaselineRow.snapshot)).one()).windows_learned

    def counts(self) -> tuple[list[int], list[int]]:
        """Return n-grams and counts that the baseline holds."""
        with self.core.store.read() as session:
            state = snapshot.from_bytes(session.scalars(select(BaselineRow.snapshot)).one()).state()
        return state.ngrams.tolist(), state.counts.tolist()

    def audited(self) -> list[tuple[str, str, str]]:
        """Return what was audited of scores: action, actor, target."""
        with self.core.store.read() as session:
            rows = session.scalars(select(AuditRow).where(AuditRow.action.startswith("score.")))
            return [(row.action, row.actor, row.target) for row in rows]

    def refuse(self, calls: int) -> None:
        """Make the stored baseline one that refused so many calls, as a full one does."""
        with self.core.store.write() as session:
            row = session.scalars(select(BaselineRow)).one()
            state = replace(snapshot.from_bytes(row.snapshot).state(), refused_calls=calls)
            row.snapshot = snapshot.to_bytes(Baseline.from_state(state))
            self.core.forget_baseline(row.workload_id)

    def score_of(self, index: int) -> ScoreRow:
        """Return the score of a window."""
        with self.core.store.read() as session:
            return session.scalars(select(ScoreRow).where(ScoreRow.start == a_delta(index).start)).one()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[MatchBench]:
    """An empty store and its worker."""
    made = MatchBench(tmp_path)
    yield made
    made.core.store.close()


def test_a_window_with_a_match_is_not_learned(bench: MatchBench) -> None:
    """An ordinary window in which a rule matched stays out of the baseline, its neighbours do not."""
    bench.learn()
    bench.match(a_match(1, index=50))
    bench.put(a_delta(49), a_delta(50), a_delta(51))

    held = bench.score_of(50)
    assert (held.learned, held.quarantined, held.matches) == (False, True, 1)
    assert held.not_learned == "A signature rule matched in the window."
    assert bench.score_of(49).learned
    assert bench.score_of(51).learned
    assert bench.learned() == 42


def test_a_match_of_another_container_holds_nothing(bench: MatchBench) -> None:
    """Only the windows of the container in which it happened are held."""
    bench.learn()
    bench.match(a_match(1, index=50, container=a_container(id="d" * 64)))
    bench.put(a_delta(50))

    assert bench.score_of(50).learned


def test_windows_with_matches_are_not_released_by_recurring(bench: MatchBench) -> None:
    """What is merely strange is learned the third time; what a rule named never is, nor counts for it."""
    bench.learn()
    named = range(50, 50 + HOUR * RETURNS, HOUR)
    for index in named:
        bench.match(a_match(index, index=index))
        bench.put(a_delta(index, LOOP | SHELL))
    bench.put(a_delta(60, LOOP | SHELL), a_delta(60 + HOUR, LOOP | SHELL))
    before = bench.learned()
    bench.put(a_delta(60 + 2 * HOUR, LOOP | SHELL))

    assert before == 40
    assert bench.learned() == 40 + RETURNS
    assert not any(bench.score_of(index).learned for index in named)


def test_a_match_that_comes_after_learning_takes_its_window_back(bench: MatchBench) -> None:
    """The counts are those of a baseline that never saw the window, in memory and in the database."""
    bench.learn()
    before = bench.counts()
    bench.put(a_delta(50, LOOP | ODD))
    with_it, learned = bench.counts(), bench.score_of(50).learned
    bench.match(a_match(1, index=50))
    bench.worker.drain()
    without, late = bench.counts(), bench.score_of(50)
    bench.put(a_delta(51))

    assert learned
    assert without == before != with_it
    assert (late.learned, late.quarantined, late.matches, late.not_unlearned) == (False, False, 1, None)
    assert late.not_learned == (
        "The signature rule 'Shell spawned' matched in the window, as was told after it was learned."
    )
    assert bench.learned() == 41
    assert not set(ODD) & set(bench.counts()[0])
    assert b'nonself_matches_late_total{outcome="unlearned"} 1.0' in bench.core.metrics.render()
    assert bench.audited() == [("score.unlearn", "nonself", str(late.id))]


def test_a_window_with_many_late_matches_is_taken_back_once(bench: MatchBench) -> None:
    """Two matches of one transaction, and one of a later, subtract one window."""
    bench.learn()
    bench.put(a_delta(50), a_delta(51))
    bench.match(a_match(1, index=50), a_match(2, index=50), a_match(3, index=51))
    bench.worker.drain()
    bench.match(a_match(4, index=50))
    bench.worker.drain()

    assert bench.learned() == 40
    assert (bench.score_of(50).matches, bench.score_of(51).matches) == (3, 1)
    assert len(bench.audited()) == 2


def test_a_window_that_a_person_relearned_stays_learned(bench: MatchBench) -> None:
    """Who relearns a window in which a rule matched has judged it; a further match does not overrule that."""
    bench.learn()
    bench.put(a_delta(50))
    bench.match(a_match(1, index=50))
    bench.worker.drain()
    with bench.core.store.write() as session:
        score_id = bench.score_of(50).id
        row = learning.take(
            session, score_id, learning.LearningStep.RELEARN, reason="a drill", actor="eve", now_ms=NOW_MS
        )
        bench.core.forget_baseline(row.workload_id)
    bench.match(a_match(2, index=50))
    bench.worker.drain()

    assert (bench.score_of(50).learned, bench.score_of(50).matches) == (True, 2)
    assert bench.learned() == 41


def test_a_window_whose_counts_are_gone_stays_learned_and_says_why(bench: MatchBench) -> None:
    """Without the counts nothing can be subtracted: the score names the setting that keeps them."""
    bench.learn()
    bench.put(a_delta(50))
    with bench.core.store.write() as session:
        session.execute(update(InboxRow).values(payload=None))
    bench.match(a_match(1, index=50))
    bench.worker.drain()

    late = bench.score_of(50)
    assert (late.learned, late.matches) == (True, 1)
    assert "learned_kept_hours" in (late.not_unlearned or "")
    assert bench.learned() == 41
    assert b'nonself_matches_late_total{outcome="kept"} 1.0' in bench.core.metrics.render()
    assert bench.audited() == [("score.unlearn_failed", "nonself", str(late.id))]


def test_a_baseline_that_refused_calls_keeps_the_window_and_says_why(bench: MatchBench) -> None:
    """A full baseline does not know what of a window it took; the match is raised all the same."""
    bench.learn()
    bench.put(a_delta(50))
    bench.refuse(7)
    before = bench.counts()
    bench.match(a_match(1, index=50))
    bench.worker.drain()

    late = bench.score_of(50)
    assert (late.learned, late.matches) == (True, 1)
    assert late.not_unlearned == ("Expected a baseline that refused no calls; got one of 7 refused calls.")
    assert bench.counts() == before
    with bench.core.store.read() as session:
        assert session.scalars(select(MatchRow.outcome)).one() == "raised"


def test_a_transaction_that_fails_unlearns_nothing(
    bench: MatchBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the match not be raised, its window stays learned, in memory too; later both happen."""
    bench.learn()
    bench.put(a_delta(50))
    before = bench.counts()

    def fail(*_: object) -> None:
        msg = "no room"
        raise StoreError(msg)

    bench.match(a_match(1, index=50))
    with monkeypatch.context() as broken:
        broken.setattr(SignatureBook, "enter", fail)
        with pytest.raises(StoreError):
            bench.worker.drain()
    after_failure, learned = bench.counts(), bench.score_of(50).learned
    bench.worker.drain()

    assert learned
    assert after_failure == before
    assert not bench.score_of(50).learned
    assert bench.learned() == 40


def test_a_refuted_match_holds_nothing(bench: MatchBench) -> None:
    """Scored first, then decided, then learned: a window whose score does not meet the rule is ordinary."""
    bench.learn()
    bench.match(a_match(1, index=50, open_condition="anomaly.score > 1e+9"))
    bench.put(a_delta(50))

    assert (bench.score_of(50).learned, bench.score_of(50).matches) == (True, 0)


def test_a_condition_that_is_none_harms_no_window(bench: MatchBench) -> None:
    """Nonsense from an agent fails as a match, before its window is scored."""
    bench.learn()
    bench.match(a_match(1, index=50, open_condition="anomaly.score > 1e9 x"))
    bench.put(a_delta(50))

    assert bench.score_of(50).learned
    with bench.core.store.read() as session:
        assert session.scalars(select(MatchRow.outcome)).one() == "failed"


def test_a_confirmed_match_holds_its_window(bench: MatchBench) -> None:
    """The same window is not learned where its score meets the rest of the rule."""
    bench.learn()
    bench.match(a_match(1, index=50, open_condition="anomaly.score >= 0"))
    bench.put(a_delta(50))

    assert (bench.score_of(50).learned, bench.score_of(50).matches) == (False, 1)


def test_a_frozen_baseline_quarantines_nothing(bench: MatchBench) -> None:
    """In mode enforcement-alert no window is learned anyway, and none is kept for later."""
    bench.learn()
    bench.enforce()
    bench.match(a_match(1, index=50))
    bench.put(a_delta(50))

    assert (bench.score_of(50).quarantined, bench.score_of(50).matches) == (False, 1)


def test_a_match_before_any_window_makes_container_and_workload(bench: MatchBench) -> None:
    """The windows that follow belong to the same ones."""
    bench.match(a_match(1, index=0))
    bench.worker.drain()
    bench.put(a_delta(0))

    with bench.core.store.read() as session:
        assert len(session.scalars(select(ContainerRow)).all()) == 1
        (workload,) = session.scalars(select(WorkloadRow)).all()
        alert = session.scalars(select(AlertRow)).one()
    assert (workload.windows, alert.workload_id) == (1, workload.id)


def test_a_match_that_knows_less_than_a_window_did_goes_to_the_same_workload(bench: MatchBench) -> None:
    """A container without a name in a match keeps the name that a window brought."""
    bench.put(a_delta(0))
    nameless = a_container(name="", pod="", namespace="", image="")
    bench.match(a_match(1, index=0, container=nameless))
    bench.worker.drain()

    with bench.core.store.read() as session:
        assert [row.name for row in session.scalars(select(WorkloadRow))] == ["cart"]
        assert session.scalars(select(ContainerRow.pod)).one() == "cart-6d4cf56db6-x7k2p"


def test_a_match_that_cannot_be_read_stops_no_other(bench: MatchBench) -> None:
    """It is kept with its error, and those around it are raised."""
    bench.match(*(a_match(each) for each in range(3)))
    with bench.core.store.write() as session:
        session.execute(update(MatchRow).where(MatchRow.sequence == 1).values(payload=b"{}"))

    bench.worker.drain()

    with bench.core.store.read() as session:
        rows = session.scalars(select(MatchRow).order_by(MatchRow.sequence)).all()
        alert = session.scalars(select(AlertRow)).one()
    assert [row.outcome for row in rows] == ["raised", "failed", "raised"]
    assert "VersionError" in (rows[1].error or "")
    assert alert.findings == 2


def test_old_matches_go_and_samples_stay(bench: MatchBench) -> None:
    """Beyond the retention an alert keeps its samples; identities of the others go, and held windows."""
    bench.learn()
    bench.match(*(a_match(each, index=50) for each in range(30)))
    bench.put(a_delta(50), a_delta(51))
    clock = bench.core.clock
    assert isinstance(clock, FakeClock)
    clock.at_ms += (bench.settings.retention_days + 1) * 86_400_000

    Keeper(bench.core).tidy()

    with bench.core.store.read() as session:
        assert len(session.scalars(select(MatchRow.id)).all()) == 20
        assert session.scalars(select(AlertRow.findings)).one() == 30
        assert session.scalars(select(ScoreRow).where(ScoreRow.matches > 0)).all() == []
        assert session.scalars(select(InboxRow.id).where(InboxRow.payload.is_not(None))).all() == []


def test_levels_follow_the_most_urgent_match(bench: MatchBench) -> None:
    """A rule whose priority was raised raises the level of its open alert."""
    bench.match(a_match(1), a_match(2, priority=Priority.ERROR), a_match(3))
    bench.worker.drain()

    with bench.core.store.read() as session:
        assert session.scalars(select(AlertRow.level)).one() == "high"

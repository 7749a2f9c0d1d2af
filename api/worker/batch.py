"""One transaction of the worker: score first, then learn, and everything that follows from it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from api.db.alert_tables import AlertRow, FindingRow
from api.db.tables import ContainerRow, NodeRow, WorkloadRow
from api.falco.shape import Alert
from api.falco.telling import anomaly_of
from api.owners import OwnerOf, unasked
from api.settings import ServiceSettings
from api.tracing.tracer import Untraced
from api.vocabulary import Mode, Verdict
from api.worker import policy, releasing, repository
from api.worker.baselines import Baselines, Key, Learner, is_ready
from api.worker.drifts import DriftBook
from api.worker.grouping import KIND_ANOMALY, AlertBook
from api.worker.identities import Identities
from api.worker.ledger import Ledgers
from api.worker.policy import Learning
from api.worker.repository import Item, identify_replica
from api.worker.settling import brings_program
from api.worker.spans import Spans
from api.worker.suppressing import MOST_UNSEEN, Suppressions, unseen_of
from api.worker.upgrading import Judge, Upgrades
from api.worker.window_matches import WindowMatches
from api.worker.windows import facts_of, window_of
from model.phases import Phase
from model.score import ReasonCode, WindowScore
from model.window import Window
from wire.codec import decode_delta
from wire.profile import ContainerKind, ProfileDelta


def _never() -> bool:
    return False


@dataclass(slots=True)
class Tally:
    """What one transaction did, to be counted once it is committed."""

    verdicts: list[Verdict] = field(default_factory=list)
    handled: int = 0
    """Of the deltas that were given; the others go on waiting."""
    ngrams: int = 0
    findings: int = 0
    suppressed: int = 0
    alerts_opened: list[int] = field(default_factory=list)
    drifts: list[str] = field(default_factory=list)
    matches: Counter[str] = field(default_factory=Counter)
    """By what became of those that had waited for a score."""


@dataclass(slots=True)
class _Scored:
    """A score that waits to be stored with the others."""

    workload: WorkloadRow
    container: ContainerRow
    delta: ProfileDelta
    row: dict[str, Any]
    alert: AlertRow | None
    unseen: list[int]
    suppression: int | None


class BatchProcessor:
    """Handles inbox items within a transaction that the caller opened and commits."""

    def __init__(
        self,
        session: Session,
        baselines: Baselines,
        settings: ServiceSettings,
        now_ms: int,
        emit: Callable[[Alert], None],
        *,
        owner_of: OwnerOf = unasked,
        spans: Spans | None = None,
    ) -> None:
        self._session = session
        self._spans = spans or Spans(Untraced())
        self._baselines = baselines
        self._settings = settings
        self._now_ms = now_ms
        self._emit = emit
        self._ledgers = Ledgers(session, settings)
        self._alerts = AlertBook(session, gap_s=settings.alert_gap_s, now_ms=now_ms)
        self._suppressions = Suppressions(session, now_ms)
        self._matches = WindowMatches(
            session,
            gap_s=settings.alert_gap_s,
            now_ms=now_ms,
            emit=emit,
            suppressions=self._suppressions,
        )
        self._containers: dict[tuple[int, str, str], ContainerRow] = {}
        self._nodes: Sequence[NodeRow] = ()
        """Held, since a session forgets rows that nobody holds, and each delta asks for its node's."""
        self._identities = Identities(session, settings, now_ms, owner_of)
        self._waiting: list[_Scored] = []
        self._upgrades = Upgrades(session, settings, now_ms)
        self._drifts = DriftBook(session, now_ms)
        self._kept: dict[int, bytes] = {}
        self._tally = Tally(alerts_opened=self._alerts.opened, drifts=self._drifts.reported)

    def process(self, items: Sequence[Item], *, enough: Callable[[], bool] = _never) -> Tally:
        """Handle items in the order given, then write the baselines that changed.

        Args:
            items: What waits.
            enough: Asked after each item; once it says so, the others go on waiting.
        """
        with self._session.no_autoflush:
            self._containers = repository.find_containers(self._session, items)
            self._nodes = repository.find_nodes(self._session, items)
            self._identities.prefetch(self._containers.values())
            self._matches.look(self._containers.values())
            for item in items:
                with self._spans.of(self._session, "score delta", item.traceparent):
                    self._handle(item)
                self._tally.handled += 1
                if enough():
                    break
            items = items[: self._tally.handled]
            self._store_waiting()
            for late in self._upgrades.finish(self._alerts, self._ledgers, self._suppressions):
                self._emit(late)
            self._drifts.close()
            self._matches.trim()
            self._alerts.tell()
            self._tally.alerts_opened += self._matches.opened
            self._tally.matches.update(self._matches.outcomes)
            repository.settle(
                self._session, [item.id for item in items], kept=self._kept, now_ms=self._now_ms
            )
            self._baselines.save(self._session, self._now_ms)
        return self._tally

    def _handle(self, item: Item) -> None:
        delta = decode_delta(item.payload)
        container = self._upsert_container(item, delta)
        if delta.container.kind is ContainerKind.SANDBOX:
            return
        workload = self._identities.workload_of(delta.container, container, delta.node)
        workload.windows += 1
        live = self._baselines.get(self._session, Key(workload.id), delta.arch)
        judge = self._upgrades.judge_of(workload, live.provenance, container)
        learner = live if judge.at_rest is None else self._baselines.get(self._session, judge.key, delta.arch)
        baseline, window = learner.baseline, window_of(delta, container)
        alpha = self._ledgers.alpha(workload, delta.start, delta.end)
        score = baseline.score_window(window, alpha=alpha, unvouched=learner.unvouched(window))
        verdict = policy.judge(score, alpha)
        mode = Mode(workload.mode)
        matches = self._matches.enter(workload, container, delta, score)
        if judge.settling:
            learning = policy.decide_settling(
                verdict,
                delta,
                start=window.phase is Phase.START,
                at_once=verdict is Verdict.ANOMALOUS
                and brings_program(
                    baseline.news(window),
                    delta.arch,
                    execs_known=not score.evidence.has(ReasonCode.UNSEEN_LINEAGE),
                ),
                matches=matches,
            )
        else:
            learning = policy.decide_learning(verdict, mode, delta, ready=is_ready(baseline), matches=matches)
        if learning.learn:
            learning = self._learn(judge, learner, container, window, score)
            if learning.learn:
                learner.provenance.add(facts_of(self._session, delta, container))
        row = self._describe(item, delta, score, verdict, learning) | {
            "alpha": alpha,
            "windows_per_week": self._ledgers.rate(self._ledgers.of(workload.id, delta.start)),
            "workload_id": workload.id,
            "container_id": container.id,
            "mode": workload.mode,
            "learned_score": score.score if learning.learn else None,
            "matches": matches,
            "version_id": judge.at_rest,
        }
        row["evidence"] += judge.evidence(learner.provenance)
        # What settles is no test of a promise: it is neither counted nor drift, but shown as the difference.
        settles = judge.settling and verdict is Verdict.ANOMALOUS and (learning.learn or learning.quarantine)
        if not settles:
            self._ledgers.enter(workload, row)
        # Of a stop of which few are known a part alone is ranked: that says nothing of steady windows.
        if not settles and not score.evidence.has(ReasonCode.FEW_STOPS):
            self._watch_drift(workload, container, row)
        self._upgrades.count(judge, row, held=learning.quarantine)
        raised = verdict is Verdict.ANOMALOUS and mode is Mode.ENFORCEMENT and not settles
        unseen = unseen_of(baseline, window) if verdict is Verdict.ANOMALOUS else []
        silenced = (
            self._suppressions.of_anomaly(workload.id, row["contributions"], unseen) if raised else None
        )
        self._tally.suppressed += silenced is not None
        alert = self._alerts.enter(workload, row, delta.arch) if raised and silenced is None else None
        self._waiting.append(_Scored(workload, container, delta, row, alert, unseen, silenced))
        self._tally.verdicts.append(verdict)
        self._tally.ngrams += len(delta.ngrams)
        if learning.quarantine or (learning.keep and self._settings.learned_kept_hours):
            self._kept[item.id] = repository.pack(item.payload)
        if learning.quarantine and not matches:
            self._release_if_regular(judge, learner, window.phase, delta.end - delta.start)

    def _watch_drift(self, workload: WorkloadRow, container: ContainerRow, row: dict[str, Any]) -> None:
        if row["p_value"] is None:
            return
        ledger = self._ledgers.of(workload.id, row["start"])
        self._drifts.enter(
            ledger,
            container,
            p_value=row["p_value"],
            resolution=row["resolution"],
            start=row["start"],
            end=row["end"],
            windows_per_week=self._ledgers.rate(ledger),
        )

    def _upsert_container(self, item: Item, delta: ProfileDelta) -> ContainerRow:
        row = self._containers.get(item.instance)
        if row is None:
            row = ContainerRow(
                node_id=item.node_id,
                boot_id=item.boot_id,
                container_id=item.container_id,
                first_start=delta.start,
                last_end=delta.end,
            )
            repository.describe_container(row, delta.container)
            self._session.add(row)
            self._session.flush()
            self._containers[item.instance] = row
        elif delta.end >= row.last_end:
            repository.describe_container(row, delta.container)
        row.first_start = min(row.first_start, delta.start)
        row.last_end = max(row.last_end, delta.end)
        return row

    def _several(self, judge: Judge, learner: Learner) -> bool:
        """Tell whether another replica could vouch for what one shows."""
        if judge.at_rest is None:
            return self._ledgers.several(judge.key.workload_id)
        return len(learner.provenance.replicas) > 1

    def _learn(
        self,
        judge: Judge,
        learner: Learner,
        container: ContainerRow,
        window: Window,
        score: WindowScore,
    ) -> Learning:
        # Marked before it is touched: should learning fail halfway, the baseline is read anew.
        self._baselines.mark_changed(judge.key)
        replica = identify_replica(container) if self._several(judge, learner) else None
        if learner.learn(window, score, replica):
            return Learning(learn=True, keep=True)
        return Learning(learn=False, reason="The window is no evidence: calls are missing, or it has none.")

    def _describe(
        self, item: Item, delta: ProfileDelta, score: WindowScore, verdict: Verdict, learning: Learning
    ) -> dict[str, Any]:
        contributions, rest = policy.keep(score, verdict)
        return {
            "inbox_id": item.id,
            "start": delta.start,
            "end": delta.end,
            "scored_at": self._now_ms,
            "verdict": verdict.value,
            "score": score.score,
            "p_value": score.p_value,
            "resolution": score.resolution,
            "extrapolated": score.extrapolated,
            "novelty": score.novelty,
            "calls": score.calls,
            "lost": {cause.value: count for cause, count in delta.lost.items()},
            "marks": sorted(mark.value for mark in delta.marks),
            "evidence": [{"code": each.code.value, "text": each.text} for each in score.evidence.reasons],
            "learned": learning.learn,
            "quarantined": learning.quarantine,
            "not_learned": learning.reason,
            "contributions": contributions,
            "rest": rest,
            "phase": score.phase.value,
            "view": score.view.value if score.view else None,
            "views": policy.views(score),
        }

    def _store_waiting(self) -> None:
        ids = repository.add_scores(self._session, [each.row for each in self._waiting])
        raised: list[tuple[_Scored, AlertRow, FindingRow]] = []
        for score_id, each in zip(ids, self._waiting, strict=True):
            each.workload.last_score_id = score_id
            if each.row["verdict"] == Verdict.ANOMALOUS.value:
                finding = FindingRow(
                    workload_id=each.workload.id,
                    score_id=score_id,
                    alert_id=each.alert.id if each.alert else None,
                    suppression_id=each.suppression,
                    unseen=each.unseen if len(each.unseen) <= MOST_UNSEEN else None,
                    kind=KIND_ANOMALY,
                    created_at=self._now_ms,
                )
                self._session.add(finding)
                if each.alert:
                    raised.append((each, each.alert, finding))
                self._tally.findings += 1
        self._waiting.clear()
        self._session.flush()
        for scored, alert, finding in raised:
            self._emit(
                anomaly_of(
                    scored.row,
                    scored.workload,
                    scored.container,
                    alert_id=alert.id,
                    finding_id=finding.id,
                    node=scored.delta.node,
                    arch=scored.delta.arch,
                )
            )

    def _release_if_regular(self, judge: Judge, learner: Learner, phase: Phase, window_ms: int) -> None:
        self._store_waiting()
        several, rule = self._several(judge, learner), judge.rule(window_ms)
        found = repository.find_waiting(self._session, judge.key.workload_id, judge.at_rest)
        waiting = [each for each in found if (each.phase or Phase.STEADY) == phase]
        hopeful = releasing.hopeful(waiting, several=several, rule=rule)
        held = releasing.returned(self._session, learner, hopeful, several=several, rule=rule)
        if not held:
            return
        self._baselines.mark_changed(judge.key)
        scores = learner.release([(each.window, each.replica if several else None) for each in held])
        for each, score in zip(held, scores, strict=True):
            row = each.row.score
            row.quarantined = False
            if score is not None:
                learner.provenance.add(facts_of(self._session, each.delta, each.row.container))
                row.learned, row.not_learned = True, None
                row.learned_score = score.score
                row.learning_changed_at = self._now_ms
        self._session.flush()

    def tend(self) -> Tally:
        """Raise what settled in no new image, and close changes of images that left nothing to decide."""
        with self._session.no_autoflush:
            for late in self._upgrades.overdue(self._alerts, self._ledgers, self._suppressions):
                self._emit(late)
            self._alerts.tell()
        return self._tally

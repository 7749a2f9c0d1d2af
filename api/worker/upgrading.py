"""Which version of its baseline judges a window: the live one, or the one that knows the window's image."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from api.db.baseline_tables import BaselineVersionRow
from api.db.tables import BaselineRow, ContainerRow, WorkloadRow
from api.db.upgrade_tables import UpgradeRow
from api.falco.anomaly import Anomaly
from api.lifecycle import upgrades, versions
from api.lifecycle.provenance import Provenance
from api.settings import ServiceSettings
from api.vocabulary import BaselineState, Mode, UpgradeState
from api.worker import late, settling
from api.worker.baselines import Key
from api.worker.grouping import AlertBook
from api.worker.ledger import Ledgers
from api.worker.returning import WHILE_LEARNING, Rule
from api.worker.suppressing import Suppressions

INHERITED: Final = "inherited"
"""Code of evidence: most of what a window was judged by was learned of an earlier image."""
_GRACE_MS: Final = 60_000
RECENT_MS: Final = 86_400_000
"""For which windows may still be held out of the version of a change that was closed."""


@dataclass(frozen=True, slots=True)
class Judge:
    """What a window is scored against."""

    key: Key
    upgrade: UpgradeRow | None = None
    """The change to an image that the version belongs to, if it is open."""

    @property
    def at_rest(self) -> int | None:
        """Id of the version, where it is not the live one."""
        return self.key.version_id

    @property
    def settling(self) -> bool:
        """Whether the image is so new that its version learns."""
        return self.upgrade is not None and self.upgrade.state == UpgradeState.SETTLING.value

    def rule(self, window_ms: int) -> Rule:
        """Return how often something strange has to return to belong, where windows have a length."""
        return settling.rule_for(window_ms) if self.settling else WHILE_LEARNING

    def evidence(self, known: Provenance) -> list[dict[str, Any]]:
        """Return what is to be said of a score by a version that inherited most of what it knows."""
        if self.upgrade is None:
            return []
        text = (
            f"The image is new to the workload: {known.windows} of its windows were learned, "
            "and the rest of the baseline is its predecessor's."
        )
        return [{"code": INHERITED, "text": text}]


class Upgrades:
    """The changes of images that one transaction of the worker sees."""

    def __init__(self, session: Session, settings: ServiceSettings, now_ms: int) -> None:
        self._session = session
        self._settings = settings
        self._now_ms = now_ms
        self._known: dict[tuple[int, str], Judge] = {}
        self._touched: dict[int, tuple[UpgradeRow, int]] = {}

    def judge_of(self, workload: WorkloadRow, live: Provenance, container: ContainerRow) -> Judge:
        """Return what judges a window of a container; opens a change where its image is new.

        Args:
            workload: Of the container.
            live: Windows that the workload's live version learned.
            container: As it was described with the window.
        """
        digest = container.image_digest
        if workload.mode != Mode.ENFORCEMENT.value or not digest:
            return Judge(Key(workload.id))
        judge = self._known.get((workload.id, digest))
        if judge is None:
            judge = self._known[workload.id, digest] = self._find(workload, live, container)
        return judge

    def count(self, judge: Judge, row: dict[str, Any], *, held: bool) -> None:
        """Count a scored window of an image that settles."""
        upgrade = judge.upgrade
        if upgrade is None:
            return
        window_ms = row["end"] - row["start"]
        upgrade.newest_start = max(upgrade.newest_start, row["start"])
        self._touched[upgrade.id] = upgrade, window_ms
        if not judge.settling:
            return
        upgrade.windows += 1
        upgrade.quiet = 0 if held else upgrade.quiet + 1
        most = self._settings.upgrade_windows
        if settling.has_settled(windows=upgrade.windows, quiet=upgrade.quiet, most=most):
            reason = f"{upgrade.windows} windows of the image were seen, and the newest {upgrade.quiet} fit."
            upgrades.settle(self._session, upgrade, reason=reason, now_ms=self._now_ms)

    def finish(self, alerts: AlertBook, ledgers: Ledgers, suppressions: Suppressions) -> Iterator[Anomaly]:
        """Raise what was held out for long enough of the images that this transaction saw."""
        for upgrade, window_ms in self._touched.values():
            before = upgrade.newest_start - settling.HELD_WINDOWS * window_ms
            due = late.find(self._session, upgrade, before)
            yield from late.enter_all(self._session, due, alerts, ledgers, suppressions)

    def overdue(self, alerts: AlertBook, ledgers: Ledgers, suppressions: Suppressions) -> Iterator[Anomaly]:
        """Raise what waits in vain, since its image sends nothing more or its change is closed.

        Changes that leave nothing to decide are closed before.
        """
        for upgrade in upgrades.list_recent(self._session, self._now_ms - RECENT_MS):
            if upgrade.closed_at is None:
                self._close_if_decided(upgrade)
            window_ms = late.window_ms(self._session, upgrade)
            if window_ms is None:
                continue
            patience = settling.HELD_WINDOWS * window_ms + _GRACE_MS
            before = self._now_ms - patience if upgrade.closed_at is None else None
            due = late.find(self._session, upgrade, before)
            yield from late.enter_all(self._session, due, alerts, ledgers, suppressions)

    def _find(self, workload: WorkloadRow, live: Provenance, container: ContainerRow) -> Judge:
        digest, by_live = container.image_digest, Judge(Key(workload.id))
        known = upgrades.digests_of(live)
        if digest in known or not known:
            return by_live
        upgrade = upgrades.find(self._session, workload.id, digest)
        if upgrade is not None and upgrade.closed_at is None:
            return self._judged_by(upgrade) or by_live
        if upgrade is not None and upgrade.state == UpgradeState.REJECTED.value:
            return by_live
        row = self._session.get(BaselineRow, workload.id)
        version = versions.find_live(self._session, row)
        ancestor = upgrades.find_ancestor(self._session, version, digest) if version else None
        if ancestor is not None:
            return Judge(Key(workload.id, ancestor.id))
        # Approved, and yet unknown: a person went back to a version before it, which judges the image now.
        approved = upgrade is not None and upgrade.state == UpgradeState.APPROVED.value
        # A version that cannot rank scores yet learns whatever comes.
        if row is None or not row.ready or version is None or approved:
            return by_live
        begun = upgrades.begin(
            self._session, version, row, image=container.image, digest=digest, now_ms=self._now_ms
        )
        return self._judged_by(begun) or by_live

    def _judged_by(self, upgrade: UpgradeRow) -> Judge | None:
        """Return what judges the image of an open change; None where its version was moved by itself."""
        version = self._session.get_one(BaselineVersionRow, upgrade.version_id)
        # Its state, not what it learned: that is as large as a baseline.
        if version.state not in upgrades.AT_REST:
            return None
        return Judge(Key(upgrade.workload_id, upgrade.version_id), upgrade)

    def _close_if_decided(self, upgrade: UpgradeRow) -> None:
        """Close a change whose version somebody promoted or retired, or that leaves nothing to decide."""
        workload = self._session.get_one(WorkloadRow, upgrade.workload_id)
        version = self._session.get_one(BaselineVersionRow, upgrade.version_id)
        row = self._session.get(BaselineRow, upgrade.workload_id)
        to = UpgradeState.SUPERSEDED
        if version.state in {BaselineState.ACTIVE.value, BaselineState.STALE.value}:
            to, reason = UpgradeState.APPROVED, f"Version {version.number} was promoted by itself."
        elif version.state == BaselineState.RETIRED.value:
            to, reason = UpgradeState.REJECTED, f"Version {version.number} was retired by itself."
        elif workload.mode != Mode.ENFORCEMENT.value:
            reason = f"The workload is in mode {workload.mode}: its live version learns the image."
        elif row is not None and upgrade.digest in upgrades.digests_of(Provenance.from_plain(row.provenance)):
            reason = "The live version knows the image."
        else:
            return
        upgrades.close(
            self._session,
            upgrade,
            to=to,
            difference={},
            actor=versions.WORKER,
            reason=reason,
            now_ms=self._now_ms,
        )

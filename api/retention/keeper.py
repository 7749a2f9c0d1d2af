"""The thread that sums scores up and deletes what is old, in small transactions beside ingest and worker."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from sqlalchemy.orm import Session

from api.core import Core
from api.errors import StoreError
from api.retention import candidates, happenings, repository
from api.retention.candidates import Candidate, Place, Versions
from api.retention.rollup import DAY_MS, HOUR_MS, by_hour
from api.settings import MIB

_log = structlog.get_logger()

_ROLL_UP_EVERY_S: Final = 60.0
_TIDY_EVERY_S: Final = 600.0
_AT_ONCE: Final = 500
"""Rows in one transaction: some ten milliseconds."""
_VERSIONS_AT_ONCE: Final = 20
"""Versions in one transaction: each is a row of many pages, and an entry of the audit record."""
_LOW_WATER: Final = 0.95
"""Share of the limit down to which is dropped, so that not each new window drops an old one."""
_AGE: Final = "age"
_SIZE: Final = "size"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Something that is dropped: how it is found by a reader, and deleted by a writer."""

    what: str
    find: Callable[..., list[Candidate]]
    delete: Callable[[Session, Sequence[int]], list[int]]
    at_once: int = _AT_ONCE
    """Most that one transaction deletes."""


_COUNTS: Final = _Kind(what="counts", find=candidates.find_counts, delete=candidates.delete_counts)
_DELTAS: Final = _Kind(what="deltas", find=candidates.find_unscored, delete=candidates.delete_unscored)
_SCORES: Final = _Kind(what="scores", find=candidates.find_scores, delete=candidates.delete_scores)
_FINDINGS: Final = _Kind(what="findings", find=candidates.find_findings, delete=candidates.delete_findings)
_SURPLUS: Final = _Kind(what="findings", find=candidates.find_surplus, delete=candidates.delete_surplus)
"""What a flood put into alerts that nobody has closed, beyond what is shown of them."""
_MATCHES: Final = _Kind(
    what="matches",
    find=partial(candidates.find_matches, whole=False),
    delete=partial(candidates.delete_matches, whole=False),
)
_SAMPLES: Final = _Kind(
    what="samples",
    find=partial(candidates.find_matches, whole=True),
    delete=partial(candidates.delete_matches, whole=True),
)
_CHANGES: Final = _Kind(what="changes", find=happenings.find_changes, delete=happenings.delete_changes)
_TROUBLES: Final = _Kind(what="troubles", find=happenings.find_troubles, delete=happenings.delete_troubles)
_BY_SIZE: Final = (_DELTAS, _SCORES, _MATCHES, _FINDINGS, _SAMPLES, _SURPLUS)
"""What goes first where the database is too large."""


class Keeper:
    """Keeps what the settings say, and sums up what goes (ADR 0076, 0077)."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nonself-retention", daemon=True)
        self._dropped: Counter[tuple[str, str]] = Counter()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the transaction at hand and end."""
        self._stopping.set()
        self._thread.join()

    def tidy(self) -> None:
        """Do all that is due, in the calling thread.

        Raises:
            StoreError: The database cannot be used.
        """
        for _ in self._steps(tidy=True):
            pass

    def work(self, *, tidy: bool) -> None:
        """Sum up, and where `tidy` drop what is due, with pauses for others; in the calling thread.

        Raises:
            StoreError: The database cannot be used.
        """
        began = time.perf_counter()
        for _ in self._steps(tidy=tidy):
            took = time.perf_counter() - began
            # At most half of the time belongs to this thread: ingest and worker write in the other half.
            if self._stopping.wait(took):
                return
            began = time.perf_counter()

    def _run(self) -> None:
        tidied_at = time.monotonic() - _TIDY_EVERY_S
        while not self._stopping.is_set():
            due = time.monotonic() - tidied_at >= _TIDY_EVERY_S
            try:
                self.work(tidy=due)
                tidied_at = time.monotonic() if due else tidied_at
            except StoreError as error:
                self._core.metrics.count("nonself_retention_failures_total")
                _log.error("retention_waits", reason=error.detail)
            except Exception:  # noqa: BLE001 - see below
                # Whatever it was, a thread that died would fill the disk.
                self._core.metrics.count("nonself_retention_failures_total")
                _log.exception("retention_failed")
            self._stopping.wait(_ROLL_UP_EVERY_S)

    def _steps(self, *, tidy: bool) -> Iterator[None]:
        """Do one transaction for each step."""
        while self._roll_up():
            yield
        if tidy:
            yield from self._drop_old()
            yield from self._fold()
            yield from self._drop_surplus()
            self._report()

    def _roll_up(self) -> bool:
        """Sum some scores up; return whether more may wait."""
        with self._core.store.read() as session:
            mark = repository.find_mark(session)
            scores = repository.find_scored(session, mark, limit=_AT_ONCE)
        if not scores:
            return False
        sums = by_hour(scores)
        with self._core.store.write() as session:
            # Sums and mark are one transaction: each score is counted once, whatever happens in between.
            if repository.find_mark(session) == mark:
                repository.add_sums(session, sums)
                repository.move_mark(session, scores[-1].id)
        self._core.metrics.count("nonself_rolled_up_total", len(scores))
        return len(scores) == _AT_ONCE

    def _drop_old(self) -> Iterator[None]:
        now_ms, settings = self._core.clock.now_ms(), self._core.settings
        scores_ms = now_ms - settings.retention_days * DAY_MS
        findings_ms = now_ms - settings.finding_retention_days * DAY_MS
        with self._core.store.write() as session:
            candidates.end_quarantine(session, scores_ms)
        for kind, before_ms in (
            (_COUNTS, now_ms - settings.learned_kept_hours * HOUR_MS),
            (_SCORES, scores_ms),
            (_DELTAS, scores_ms),
            (_MATCHES, scores_ms),
            (_FINDINGS, findings_ms),
            (_SURPLUS, findings_ms),
            (_SAMPLES, findings_ms),
            (_CHANGES, now_ms - settings.change_retention_days * DAY_MS),
            (_TROUBLES, findings_ms),
            (self._versions(now_ms), now_ms - settings.stale_version_days * DAY_MS),
        ):
            yield from self._drop(kind, _AGE, before_ms)

    def _versions(self, now_ms: int) -> _Kind:
        settings = self._core.settings
        kept = Versions(rollback=settings.rollback_versions, most=settings.stale_versions)
        before_ms = now_ms - settings.stale_version_days * DAY_MS
        return _Kind(
            what="versions",
            find=partial(candidates.find_versions, kept=kept),
            delete=partial(candidates.retire_versions, before_ms=before_ms, kept=kept, now_ms=now_ms),
            at_once=_VERSIONS_AT_ONCE,
        )

    def _fold(self) -> Iterator[None]:
        now_ms, settings = self._core.clock.now_ms(), self._core.settings
        for span_ms, days in ((HOUR_MS, settings.hourly_history_days), (DAY_MS, settings.history_days)):
            before_ms = now_ms - days * DAY_MS
            before_ms -= before_ms % DAY_MS
            done = _AT_ONCE
            while done == _AT_ONCE:
                with self._core.store.write() as session:
                    if span_ms == HOUR_MS:
                        done = repository.fold(session, before_ms=before_ms, limit=_AT_ONCE)
                    else:
                        done = repository.forget_days(session, before_ms, _AT_ONCE)
                yield

    def _drop_surplus(self) -> Iterator[None]:
        limit = self._core.settings.max_database_mib * MIB
        if not limit or self._used() <= limit:
            return
        for kind in _BY_SIZE:
            for _ in self._drop(kind, _SIZE, None):
                yield
                if self._used() <= limit * _LOW_WATER:
                    return
        if self._used() > limit:
            _log.error("database_above_limit", used_bytes=self._used(), limit_bytes=limit)

    def _drop(self, kind: _Kind, cause: str, before_ms: int | None) -> Iterator[None]:
        place, found = Place(), [Candidate(0, 0, 0)]
        while found:
            with self._core.store.read() as session:
                found = kind.find(session, place, before_ms=before_ms, limit=_AT_ONCE)
            if found:
                place = Place(found[-1].at, found[-1].id)
                for begin in range(0, len(found), kind.at_once):
                    self._delete(kind, cause, found[begin : begin + kind.at_once])
                    yield

    def _delete(self, kind: _Kind, cause: str, found: Sequence[Candidate]) -> None:
        starts = {each.id: each.start for each in found}
        with self._core.store.write() as session:
            gone = kind.delete(session, list(starts))
            repository.enter_drop(
                session,
                now_ms=self._core.clock.now_ms(),
                cause=cause,
                what=kind.what,
                starts=[starts[each] for each in gone],
            )
        self._core.metrics.count("nonself_dropped_total", len(gone), cause=cause, what=kind.what)
        self._dropped[cause, kind.what] += len(gone)

    def _used(self) -> int:
        with self._core.store.read() as session:
            measured = repository.measure(session)
        return measured[0] if measured else 0

    def _report(self) -> None:
        for cause, say in ((_AGE, _log.info), (_SIZE, _log.warning)):
            gone = {what: count for (why, what), count in self._dropped.items() if why == cause and count}
            if gone:
                say("dropped", cause=cause, **gone)
        self._dropped.clear()

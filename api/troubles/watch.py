"""The thread that looks at the service itself twice a minute, and writes down what is wrong."""

import shutil
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from sqlalchemy.orm import Session

from api.core import Core
from api.db.tables import NodeRow
from api.errors import StoreError
from api.ingest.repository import count_pending
from api.matches import repository as matches
from api.troubles import readings, repository, sources
from api.troubles.judging import Judgement, Reading, judge
from api.troubles.kinds import TroubleKind, bounds
from api.troubles.readings import Waiting

_log = structlog.get_logger()

_EVERY_S: Final = 30.0
_LOSS_SPAN_MS: Final = 600_000
_EXPIRED_TOLD_MS: Final = 7 * readings.DAY_MS
"""How long an expired token is told of; later than that nobody misses it."""
_GONE_MS: Final = 7 * readings.DAY_MS
"""A node that was silent for so long is taken for removed: clusters shrink, and nobody tells us."""


class Watch:
    """Measures, judges and stores; what cannot be measured leaves its troubles as they are.

    Args:
        core: What the service consists of.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._limits = bounds(core.settings.window_s)
        self._lost: deque[tuple[int, dict[int, int]]] = deque()
        """Calls that each node lost since it is known, at several times of the last minutes."""
        self._since_ms = core.clock.now_ms()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nonself-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the look at hand and end."""
        self._stopping.set()
        self._thread.join()

    def look(self) -> Judgement:
        """Measure everything once and store what follows, in the calling thread.

        Raises:
            StoreError: The database cannot be used.
        """
        now_ms = self._core.clock.now_ms()
        measured = self._measure(now_ms)
        with self._core.store.write() as session:
            rows = repository.find_open(session)
            judged = judge(list(rows), measured, self._limits)
            repository.store(session, judged, rows, now_ms)
        if judged.opened or judged.closed:
            self._core.wake_push()
        for key, reading in judged.opened.items():
            _log.warning("trouble_opened", kind=key.kind.value, subject=key.subject, said=reading.said)
        for key in judged.closed:
            _log.info("trouble_closed", kind=key.kind.value, subject=key.subject)
        return judged

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            try:
                self.look()
            except StoreError as error:
                _log.error("watch_waits", reason=error.detail)
            except Exception:  # noqa: BLE001 - a thread that died would report nothing wrong ever again
                _log.exception("watch_failed")

    def _measure(self, now_ms: int) -> Mapping[TroubleKind, list[Reading]]:
        core = self._core
        with core.store.read() as session:
            nodes = [each for each in sources.list_nodes(session) if each.seen_at > now_ms - _GONE_MS]
            queues = (
                Waiting("deltas", count_pending(session), sources.find_oldest_pending(session)),
                Waiting("matches", matches.count_pending(session), sources.find_oldest_match(session)),
            )
            found = {
                TroubleKind.NODE_SILENT: readings.silence(
                    nodes,
                    now_ms,
                    watched_since_ms=self._since_ms,
                    patience_s=self._limits[TroubleKind.NODE_SILENT].opens,
                ),
                TroubleKind.RULE_ENGINE: readings.engines(nodes),
                TroubleKind.CHANNEL: readings.channels(sources.list_channels(session)),
                TroubleKind.REFUSED: readings.refused(sources.list_refused(session), now_ms),
                TroubleKind.TOKEN: readings.tokens(
                    sources.list_expiring(session, now_ms - _EXPIRED_TOLD_MS), now_ms
                ),
            }
            if (lost := self._measure_loss(session, nodes, now_ms)) is not None:
                found[TroubleKind.LOSS] = lost
        age, share = readings.waiting(queues, core.settings.inbox_limit, now_ms)
        found |= {
            TroubleKind.BACKLOG: [age],
            TroubleKind.INBOX_FULL: [share],
            TroubleKind.WORKER: [readings.worker(core.worker_trouble())],
            TroubleKind.FALCO_OUTPUT: [readings.falco_output(core.falco.trouble())],
            TroubleKind.KUBERNETES: self._measure_kubernetes(),
            TroubleKind.ISSUER: [readings.issuer(core.issuer.trouble(ask=True))] if core.issuer else [],
        }
        self._try(found, TroubleKind.DISK, self._measure_disk)
        if core.settings.tls_cert:
            self._try(found, TroubleKind.CERTIFICATE, lambda: self._measure_certificate(now_ms))
        else:
            found[TroubleKind.CERTIFICATE] = []
        return found

    def _measure_loss(self, session: Session, nodes: Sequence[NodeRow], now_ms: int) -> list[Reading] | None:
        """Return what each node lost of late; None at the first look, which has nothing to compare with."""
        totals = {row.id: sum(row.lost.values()) for row in nodes}
        self._lost.append((now_ms, totals))
        # One reading from before the span stays: the time since then is what is looked at.
        while len(self._lost) > 2 and self._lost[1][0] <= now_ms - _LOSS_SPAN_MS:
            self._lost.popleft()
        if len(self._lost) == 1:
            return None
        since_ms, before = self._lost[0]
        lost = {node_id: total - before.get(node_id, 0) for node_id, total in totals.items()}
        seen = sources.count_calls(session, since_ms) if any(lost.values()) else {}
        return readings.loss({row.id: row.name for row in nodes}, lost, seen)

    def _measure_kubernetes(self) -> list[Reading]:
        if self._core.kubernetes is None:
            return []
        failures, reason = astuple(self._core.kubernetes())
        said = f"The Kubernetes API does not answer: {reason}" if failures else None
        return [readings.kubernetes(said, failures)]

    def _measure_disk(self) -> Reading:
        folder = self._core.settings.state_dir
        usage = shutil.disk_usage(folder)
        return readings.disk(str(folder), usage.free, usage.total)

    def _measure_certificate(self, now_ms: int) -> Reading:
        path = self._core.settings.tls_cert
        (first, *_issuers) = x509.load_pem_x509_certificates(Path(path).read_bytes())
        return readings.certificate(path, first.not_valid_after_utc, now_ms)

    def _try(
        self, found: dict[TroubleKind, list[Reading]], kind: TroubleKind, measure: Callable[[], Reading]
    ) -> None:
        try:
            found[kind] = [measure()]
        except (OSError, ValueError) as error:
            _log.warning("not_measured", kind=kind.value, reason=str(error))

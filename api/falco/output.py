"""Every place that gets alerts in Falco's shape: lines are written at once, posts wait in the database."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import structlog
from sqlalchemy.orm import Session

from api.db.store import Store
from api.falco import queue
from api.falco.lines import Lines
from api.falco.poster import Poster
from api.falco.sender import BACKOFF_FIRST_S, Sender
from api.falco.shape import Alert, to_line
from api.metrics import Metrics
from api.settings import ServiceSettings
from api.targets import is_url, shown, targets

_log = structlog.get_logger()


class FalcoOutput:
    """Tells of each finding of an alert once; nowhere, where no target is named.

    Args:
        settings: Name the targets.
        metrics: Counts what was written, posted and what failed.
    """

    def __init__(self, settings: ServiceSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        named = targets(settings.falco_output)
        self._lines = [Lines(each, metrics) for each in named if not is_url(each)]
        self._posters = {
            each: Poster(each, auth_file=settings.falco_auth_file, ca_file=settings.falco_ca_file)
            for each in named
            if is_url(each)
        }
        self._senders: list[Sender] = []

    def check(self) -> None:
        """Create files that are missing, and read those that posting needs.

        Raises:
            StartError: One cannot be written or read.
        """
        for lines in self._lines:
            lines.check()
        for poster in self._posters.values():
            poster.check()

    def write(self, session: Session, alert: Alert) -> None:
        """Tell of an alert's finding in the transaction that raised it."""
        if not self._lines and not self._posters:
            return
        line = to_line(alert)
        for each in self._lines:
            each.write(line)
        for target in self._posters:
            queue.add(session, target, line.rstrip())

    def committed(self) -> None:
        """Tell that a transaction which may have written is committed."""
        for sender in self._senders:
            sender.wake()

    @contextmanager
    def posting(self, store: Store, *, backoff_first_s: float = BACKOFF_FIRST_S) -> Iterator[None]:
        """Post what waits until the block ends.

        Raises:
            StoreError: The database cannot be used.
        """
        with store.write() as session:
            if gone := queue.drop_others(session, list(self._posters)):
                _log.warning("falco_alerts_of_other_targets_dropped", alerts=gone)
        with ExitStack() as stack:
            for target, poster in self._posters.items():
                sender = Sender(
                    store,
                    target,
                    poster,
                    limit=self._settings.falco_queue,
                    metrics=self._metrics,
                    chance=random.Random(),  # noqa: S311 - no secret depends on it
                    backoff_first_s=backoff_first_s,
                )
                self._senders.append(sender)
                sender.start()
                stack.callback(sender.stop)
            yield

    def measure(self, session: Session) -> None:
        """Set the gauges of what waits."""
        for target in self._posters:
            self._metrics.set("nonself_falco_waiting", queue.count(session, target), target=shown(target))

    def trouble(self) -> str | None:
        """Return sentences on what keeps alerts from their targets, or None where nothing does."""
        said = [*(each.trouble() for each in self._lines), *(each.trouble() for each in self._senders)]
        return " ".join(each for each in said if each) or None

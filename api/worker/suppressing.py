"""The suppressions that hold while one transaction of the worker is made, and what each kept silent."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from api.suppressions import repository
from model.baseline import Baseline
from model.window import Window

SUPPRESSED_METRIC: Final = "nonself_findings_suppressed_total"
MOST_UNSEEN: Final = 4096
"""N-grams never learned that are kept with a finding, so that it can be marked as benign by them."""


class Suppressions:
    """Looked up once: most services have none, and then every question is answered at once."""

    def __init__(self, session: Session, now_ms: int) -> None:
        self._now_ms = now_ms
        self._active = [(row, repository.scope_of(row)) for row in repository.list_active(session, now_ms)]

    def of_anomaly(
        self, workload: int, contributions: Sequence[Mapping[str, Any]], unseen: Collection[int]
    ) -> int | None:
        """Count and return the suppression that silences an anomalous window; None where none does."""
        for row, scope in self._active:
            if scope.fits_anomaly(workload, contributions, unseen):
                row.suppressed += 1
                row.last_at = self._now_ms
                return row.id
        return None

    def of_match(self, workload: int, rule: str) -> int | None:
        """Count and return the suppression that silences a match; None where none does."""
        for row, scope in self._active:
            if scope.fits_match(workload, rule):
                row.suppressed += 1
                row.last_at = self._now_ms
                return row.id
        return None


def unseen_of(baseline: Baseline, window: Window) -> list[int]:
    """Return the n-grams of a window that were never learned, ascending."""
    never: list[int] = window.ngrams[baseline.held_by(window.ngrams) == 0].tolist()
    return never

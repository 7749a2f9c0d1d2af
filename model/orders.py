"""Counts of the six-grams that were learned: everything additive that a baseline knows of sequences.

Counts are added and taken back as integers, so the same windows give the same
arrays in whatever order and batches they came, and a window that is unlearned
leaves no trace. Probabilities follow from them (`model.backoff`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.backoff import ALPHABET, Backoff, Floats, Rows, find, suffix_keys
from model.errors import UnlearnError
from model.window import Counts, Ngrams
from wire.ngram import INJECTED

__all__ = ["ALPHABET", "Found", "Orders", "Rows", "find", "suffix_keys"]


@dataclass(frozen=True, slots=True)
class Found:
    """What was learned of some n-grams: looked up once, used by all that asks of a window."""

    rows: Rows
    known: NDArray[np.bool_]
    counts: Counts
    """Calls learned of each, 0 where it is new."""
    windows: Counts
    """Windows learned that held each."""
    all_known: bool


class Orders:
    """Counts of all orders, and the probability of the newest call given those before it.

    Own and injected lineages share no count at any order: a shell that somebody
    brings in must not look normal because the service starts shells itself.

    Examples:
        >>> from wire.ngram import pack
        >>> orders = Orders()
        >>> orders.learn(np.array([pack([1]), pack([1, 2])], dtype=np.uint64), np.array([3, 3]))
        >>> orders.distinct()
        (2, 2, 2, 2, 2, 2)
        >>> by_order, known = orders.probabilities(np.array([pack([1, 2]), pack([1, 3])], dtype=np.uint64))
        >>> seen, new = by_order[-1]
        >>> bool(seen > 0.9 > 0.01 > new), known.tolist()
        (True, [6, 0])
    """

    def __init__(self) -> None:
        self._ngrams = np.empty(0, dtype=np.uint64)
        self._counts = np.empty(0, dtype=np.int64)
        self._windows = np.empty(0, dtype=np.int64)
        self._built: Backoff | None = None

    @property
    def ngrams(self) -> Ngrams:
        """Distinct n-grams learned, ascending."""
        return self._ngrams

    @property
    def counts(self) -> Counts:
        """Calls learned for each of `ngrams`."""
        return self._counts

    @property
    def windows(self) -> Counts:
        """Windows learned that held each of `ngrams`."""
        return self._windows

    @property
    def injected(self) -> bool:
        """Tell whether anything of an injected lineage was learned."""
        return bool(len(self._ngrams)) and int(self._ngrams[-1]) >= INJECTED

    def distinct(self) -> tuple[int, ...]:
        """Return how many distinct sequences of 1, 2, … calls were learned."""
        return (*self._backoff().distinct(), len(self._ngrams))

    def find(self, ngrams: Ngrams) -> Found:
        """Look n-grams up."""
        rows, known = find(self._ngrams, ngrams)
        if not len(self._ngrams):
            none = np.zeros(len(ngrams), dtype=np.int64)
            return Found(rows, known, none, none, all_known=not len(ngrams))
        if known.all():
            return Found(rows, known, self._counts[rows], self._windows[rows], all_known=True)
        counts, windows = np.where(known, self._counts[rows], 0), np.where(known, self._windows[rows], 0)
        return Found(rows, known, counts, windows, all_known=False)

    def learn(
        self, ngrams: Ngrams, counts: Counts, windows: Counts | int = 1, found: Found | None = None
    ) -> None:
        """Add the counts of ascending, distinct n-grams.

        Args:
            ngrams: Ascending and distinct.
            counts: Calls of each.
            windows: How many windows held each.
            found: What `find` says of them, where it is known already.
        """
        rows, known = find(self._ngrams, ngrams) if found is None else (found.rows, found.known)
        if not (known.all() if found is None else found.all_known):
            new = ngrams[~known]
            at = np.searchsorted(self._ngrams, new)
            self._ngrams = np.insert(self._ngrams, at, new)
            self._counts = np.insert(self._counts, at, 0)
            self._windows = np.insert(self._windows, at, 0)
            self._built = None
            rows = np.searchsorted(self._ngrams, ngrams)
        self._counts[rows] += counts
        self._windows[rows] += windows
        if self._built is not None:
            self._built.add(rows, counts)

    def unlearn(self, ngrams: Ngrams, counts: Counts, windows: Counts | int = 1) -> None:
        """Take back exactly what `learn` added; n-grams that no other window held are forgotten.

        Raises:
            UnlearnError: The counts cannot have been learned; nothing was changed.
        """
        found = self.find(ngrams)
        counts_left, windows_left = found.counts - counts, found.windows - windows
        # What other windows hold has at least one call in each of them.
        fits = found.known & (windows_left >= 0) & (counts_left >= windows_left)
        if not bool(np.all(fits & ((windows_left == 0) == (counts_left == 0)))):
            msg = (
                "Expected a window that was learned; got one with more calls or sequences than were learned."
            )
            raise UnlearnError(msg)
        self._counts[found.rows] = counts_left
        self._windows[found.rows] = windows_left
        gone = found.rows[windows_left == 0]
        if len(gone):
            self._ngrams = np.delete(self._ngrams, gone)
            self._counts = np.delete(self._counts, gone)
            self._windows = np.delete(self._windows, gone)
            self._built = None
        elif self._built is not None:
            self._built.add(found.rows, -counts)

    def known_probabilities(self, rows: Rows, counts: Counts) -> Floats:
        """Return the probability of the newest call of learned n-grams, by row and count learned."""
        return self._backoff().of_rows(rows, counts)

    def probabilities(self, ngrams: Ngrams) -> tuple[Floats, NDArray[np.int64]]:
        """Return the probability of each newest call given its context, as `Backoff.of_any` defines it.

        Args:
            ngrams: Any n-grams.

        Returns:
            Probabilities, shape (6, n-grams): row k looks at the newest k + 1
            calls. And how many of the newest calls of each were learned in this sequence, 0 to 6.
        """
        return self._backoff().of_any(ngrams, self._counts)

    def _backoff(self) -> Backoff:
        # Built when asked for: many windows may be learned, or merged, before the next is scored.
        if self._built is None:
            self._built = Backoff(self._ngrams, self._counts)
        return self._built

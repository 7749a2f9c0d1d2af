"""Whether a suppression fits a finding. Pure: the worker and the preview ask the same question."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from wire.ngram import TOKEN_MASK

SHARE: Final = 0.9
"""Least part of the bits of a finding's heaviest n-grams that a suppression has to explain."""


class By(StrEnum):
    """What a suppression goes by."""

    WORKLOAD = "workload"
    """Every anomaly of a workload."""
    SEQUENCES = "sequences"
    """Anomalies of a workload that nothing but known sequences carries."""
    CALLS = "calls"
    """Anomalies of a workload that nothing but sequences ending with known calls carries."""
    RULE = "rule"
    """Matches of a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a suppression silences."""

    by: By
    workload: int | None
    """None: everywhere, for a rule alone."""
    rule: str = ""
    ngrams: frozenset[int] = frozenset()
    tokens: frozenset[int] = frozenset()

    def fits_anomaly(
        self, workload: int, contributions: Sequence[Mapping[str, Any]], unseen: Collection[int] | None
    ) -> bool:
        """Tell whether an anomalous window of a workload is silenced.

        A sequence never learned that the suppression does not name is never silenced, however small its part:
        an intrusion beside what is known to be benign stays one.

        Args:
            workload: Whose window it is.
            contributions: Its heaviest n-grams, as they are stored.
            unseen: All of its n-grams that were never learned; None where only `contributions` are known.

        Examples:
            >>> scope = Scope(by=By.SEQUENCES, workload=1, ngrams=frozenset({7}))
            >>> backup = {"ngram": 7, "bits": 40.0, "baseline_count": 0}
            >>> scope.fits_anomaly(1, [backup], {7}), scope.fits_anomaly(1, [backup], {7, 8})
            (True, False)
        """
        if workload != self.workload or self.by is By.RULE:
            return False
        if self.by is By.WORKLOAD:
            return True
        if not all(map(self._names, _unseen(contributions, unseen))):
            return False
        explained = sum(each["bits"] for each in contributions if self._names(each["ngram"]))
        return bool(explained) and explained >= SHARE * sum(each["bits"] for each in contributions)

    def fits_match(self, workload: int, rule: str) -> bool:
        """Tell whether a match of a rule is silenced.

        Examples:
            >>> Scope(by=By.RULE, workload=None, rule="Shell").fits_match(3, "Shell")
            True
        """
        return self.by is By.RULE and rule == self.rule and self.workload in {None, workload}

    def _names(self, ngram: int) -> bool:
        return ngram in self.ngrams if self.by is By.SEQUENCES else ngram & TOKEN_MASK in self.tokens


def carriers(contributions: Sequence[Mapping[str, Any]], unseen: Collection[int] | None) -> set[int]:
    """Return the n-grams that carried a finding: all never learned, and the heaviest others up to `SHARE`.

    Examples:
        >>> heavy = {"ngram": 1, "bits": 9.5, "baseline_count": 3}
        >>> sorted(carriers([heavy, {"ngram": 2, "bits": 0.1, "baseline_count": 3}], [5]))
        [1, 5]
    """
    found = _unseen(contributions, unseen)
    wanted = SHARE * sum(each["bits"] for each in contributions)
    bits = sum(each["bits"] for each in contributions if each["ngram"] in found)
    for each in sorted(contributions, key=lambda one: (-one["bits"], one["ngram"])):
        if bits >= wanted:
            break
        if each["ngram"] not in found:
            found.add(each["ngram"])
            bits += each["bits"]
    return found


def _unseen(contributions: Sequence[Mapping[str, Any]], unseen: Collection[int] | None) -> set[int]:
    if unseen is not None:
        return set(unseen)
    return {each["ngram"] for each in contributions if not each["baseline_count"]}

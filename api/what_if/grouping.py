"""Which alerts findings would have become. Pure: the worker's rule of grouping, without its rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from api.worker import policy


class Finding(NamedTuple):
    """A window that is, or would have been, a finding."""

    id: int
    """Of its score."""
    container_id: int
    start: int
    end: int
    p_value: float
    score: float


@dataclass(slots=True)
class Group:
    """Findings that would have been one alert."""

    start: int
    end: int
    findings: list[Finding] = field(default_factory=list)

    @property
    def worst(self) -> Finding:
        """The finding of the smallest p-value, the first of several."""
        return min(self.findings, key=lambda each: each.p_value)


def group(findings: Iterable[Finding], *, gap_ms: int) -> list[Group]:
    """Return the alerts that findings open or join, in the order in which they were opened.

    Args:
        findings: In the order in which the worker handled them: that of ids.
        gap_ms: A finding joins the newest alert whose windows lie within it.

    Examples:
        >>> def at(start):
        ...     return Finding(start, 1, start, start + 10, 0.001, 9.0)
        >>> [len(each.findings) for each in group([at(0), at(500), at(15)], gap_ms=100)]
        [2, 1]
    """
    groups: list[Group] = []
    for each in findings:
        near = next(
            (
                known
                for known in reversed(groups)
                if policy.joins(
                    each.start, each.end, alert_start=known.start, alert_end=known.end, gap_ms=gap_ms
                )
            ),
            None,
        )
        if near is None:
            near = Group(each.start, each.end)
            groups.append(near)
        near.start, near.end = min(near.start, each.start), max(near.end, each.end)
        near.findings.append(each)
    return groups

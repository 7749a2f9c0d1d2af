"""What is told of an anomaly outside: the window that raised it or joined it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wire.match import FieldValue, Priority

RULE: Final = "nonself anomaly"
SOURCE: Final = "nonself"
TAGS: Final[tuple[str, ...]] = ("anomaly", "nonself")


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One window that is a finding of an alert.

    `start` and `end` are milliseconds since 1970; `alpha` is the p-value below
    which a window of this workload is an anomaly; `syscalls` is the n-gram that
    adds most to the score, oldest call first.
    """

    node: str
    workload_id: int
    workload: str
    alert_id: int
    finding_id: int
    start: int
    end: int
    score: float
    p_value: float
    alpha: float
    novelty: float
    calls: int
    container_id: str
    container: str
    image: str
    pod: str
    namespace: str
    syscalls: Sequence[str]

    @property
    def priority(self) -> Priority:
        """How much rarer than the workload's budget asks: Error from 10 times on, Critical from 100.

        Examples:
            >>> from dataclasses import replace
            >>> one = Anomaly(node="n", workload_id=1, workload="w", alert_id=1, finding_id=1, start=0, end=1,
            ...     score=1.0, p_value=1e-4, alpha=1e-4, novelty=0.0, calls=1, container_id="", container="",
            ...     image="", pod="", namespace="", syscalls=())
            >>> [replace(one, p_value=each).priority.value for each in (1e-4, 1e-5, 1e-6)]
            ['Warning', 'Error', 'Critical']
        """
        # Multiplied by a little less than 10: powers of ten are not exact.
        if self.p_value * 99.9 <= self.alpha:
            return Priority.CRITICAL
        return Priority.ERROR if self.p_value * 9.99 <= self.alpha else Priority.WARNING

    @property
    def output(self) -> str:
        """One sentence for people."""
        return (
            f"Window does not belong to {self.workload} (p_value={self.p_value:.3g} score={self.score:.1f} "
            f"novelty={self.novelty:.3g} calls={self.calls} strangest={','.join(self.syscalls) or '<NA>'} "
            f"container_id={self.container_id[:12]} container_name={self.container or '<NA>'} "
            f"image={self.image or '<NA>'} k8s_ns={self.namespace or '<NA>'} "
            f"k8s_pod={self.pod or '<NA>'} alert={self.alert_id})"
        )

    @property
    def fields(self) -> dict[str, FieldValue]:
        """What pipelines look at, by Falco's names where it has them; what is missing is null."""
        return {
            "anomaly.score": self.score,
            "anomaly.p_value": self.p_value,
            "anomaly.novelty": self.novelty,
            "container.id": self.container_id[:12],
            "container.image": self.image or None,
            "container.name": self.container or None,
            "k8s.ns.name": self.namespace or None,
            "k8s.pod.name": self.pod or None,
            "nonself.alert": self.alert_id,
            "nonself.calls": self.calls,
            "nonself.finding": self.finding_id,
            "nonself.syscalls": ",".join(self.syscalls) or None,
            "nonself.window_end": self.end,
            "nonself.window_start": self.start,
            "nonself.workload": self.workload,
            "nonself.workload_id": self.workload_id,
        }

"""What the service knows of one workload, asked over REST."""

from dataclasses import dataclass
from datetime import datetime

from demo.product import Json, Product


@dataclass(frozen=True)
class Finding:
    """One window that raised, or joined, an alert."""

    alert_id: int
    start: datetime
    end: datetime
    score: float
    p_value: float
    why: tuple[Json, ...]
    """Contributions, the heaviest first."""

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether its window and this interval have a moment in common."""
        return self.start <= end and self.end > start


class Watch:
    """One workload of the service."""

    def __init__(self, product: Product, workload_id: int) -> None:
        self._product = product
        self.id = workload_id

    @classmethod
    def find(cls, product: Product, namespace: str, name: str, container: str) -> "Watch | None":
        """Return the workload of this name; None while the service does not know it."""
        found = product.items("/v1/workloads", namespace=namespace, name=name)
        ids = [int(each["id"]) for each in found if each["container"] == container]
        return cls(product, ids[0]) if ids else None

    def state(self) -> Json:
        """Return the workload as REST shows it."""
        return self._product.get(f"/v1/workloads/{self.id}")

    def baseline(self) -> Json:
        """Return its baseline as REST shows it."""
        return self._product.get(f"/v1/workloads/{self.id}/baseline")

    def enforce(self, reason: str) -> None:
        """Switch it to mode `enforcement-alert`."""
        body = {"mode": "enforcement-alert", "reason": reason}
        self._product.put(f"/v1/workloads/{self.id}/mode", body)

    def scores(self) -> list[Json]:
        """Return all of its windows, oldest first."""
        return self._product.items("/v1/scores", workload=self.id)

    def findings(self, *, since: datetime | None = None) -> list[Finding]:
        """Return the windows of its anomaly alerts that end after `since`, oldest first."""
        found = []
        for alert in self._product.items("/v1/alerts", workload=self.id, kind="anomaly"):
            if since is None or _time(alert["end"]) > since:
                detail = self._product.get(f"/v1/alerts/{alert['id']}")
                found += [_finding(alert["id"], window["score"]) for window in detail["windows"]]
        return [each for each in found if since is None or each.end > since]


def window_of(score: Json) -> tuple[datetime, datetime]:
    """Return start and end of a score's window."""
    return _time(score["start"]), _time(score["end"])


def _finding(alert_id: int, score: Json) -> Finding:
    start, end = window_of(score)
    why = tuple(sorted(score["contributions"] or (), key=lambda each: -float(each["bits"])))
    return Finding(alert_id, start, end, float(score["score"]), float(score["p_value"]), why)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)

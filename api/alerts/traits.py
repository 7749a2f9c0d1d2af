"""Whether an alert that was read already is one that is meant; `filters` asks the database the same."""

from collections.abc import Mapping
from typing import Any

from api.alerts.schemas import AlertTraits
from api.vocabulary import Level


def fits(wish: AlertTraits, alert: Mapping[str, Any]) -> bool:
    """Tell whether an alert, as REST shows it, is meant.

    Examples:
        >>> alert = {"workload": {"id": 3, "namespace": "shop", "cluster": ""}, "kind": "signature",
        ...     "level": "low"}
        >>> fits(AlertTraits(namespace="shop"), alert), fits(AlertTraits(min_level="high"), alert)
        (True, False)
    """
    workload = alert["workload"]
    if any(
        wanted is not None and wanted != came
        for wanted, came in (
            (wish.workload, workload["id"]),
            (wish.namespace, workload["namespace"]),
            (wish.cluster, workload["cluster"]),
        )
    ):
        return False
    for name in ("status", "kind", "rule", "level", "triage", "verdict", "assignee"):
        wanted = getattr(wish, name)
        if wanted is not None and wanted != alert[name]:
            return False
    return _ranks(wish, alert) and _says(wish, alert)


def _ranks(wish: AlertTraits, alert: Mapping[str, Any]) -> bool:
    order = list(Level)
    if wish.min_level is not None:
        level = alert["level"]
        if level is None or order.index(level) < order.index(wish.min_level):
            return False
    return wish.min_score is None or (alert["score"] is not None and alert["score"] >= wish.min_score)


def _says(wish: AlertTraits, alert: Mapping[str, Any]) -> bool:
    if wish.technique is not None:
        name = wish.technique.upper()
        if not any(each == name or each.startswith(f"{name}.") for each in alert["techniques"]):
            return False
    return wish.text is None or wish.text.lower() in (alert["message"] or "").lower()

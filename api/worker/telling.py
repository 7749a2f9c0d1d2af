"""What is told outside of a window that raised an alert, or joined one."""

from collections.abc import Mapping
from typing import Any

from api.db.tables import ContainerRow, WorkloadRow
from api.falco.anomaly import Anomaly
from wire.ngram import names
from wire.syscalls import load_table


def anomaly_of(
    score: Mapping[str, Any],
    workload: WorkloadRow,
    container: ContainerRow,
    *,
    alert_id: int,
    finding_id: int,
    node: str,
    arch: str,
) -> Anomaly:
    """Return a finding of an alert as others are told of it.

    Args:
        score: Values of its row in `scores`.
        workload: Whose it is.
        container: In which the window was seen.
        alert_id: Of the alert.
        finding_id: Of the finding.
        node: Name of the container's node.
        arch: Architecture of the calls.
    """
    strangest = max(score["contributions"], key=lambda each: each["bits"], default=None)
    return Anomaly(
        node=node,
        workload_id=workload.id,
        workload="/".join(
            each for each in (workload.cluster, workload.namespace, workload.name, workload.container) if each
        ),
        alert_id=alert_id,
        finding_id=finding_id,
        start=score["start"],
        end=score["end"],
        score=score["score"],
        p_value=score["p_value"],
        alpha=score["alpha"],
        novelty=score["novelty"],
        calls=score["calls"],
        container_id=container.container_id,
        container=container.name,
        image=container.image,
        pod=container.pod,
        namespace=container.namespace,
        syscalls=names(strangest["ngram"], load_table(arch)) if strangest else (),
    )

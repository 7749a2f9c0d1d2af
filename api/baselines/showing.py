"""Shows a version as REST does."""

from api.baselines.repository import VersionView
from api.baselines.schemas import VersionOut, VersionWorkloadOut
from api.clock import to_datetime


def show(view: VersionView) -> VersionOut:
    """Return a version as REST shows it."""
    row = view.row
    return VersionOut.model_validate(
        {
            "id": row.id,
            "workload": VersionWorkloadOut.model_validate(view.workload, from_attributes=True),
            "number": row.number,
            "state": row.state,
            "live": view.live is not None,
            "origin": row.origin,
            "parent_id": row.parent_id,
            "created_at": to_datetime(row.created_at),
            "changed_at": to_datetime(row.changed_at),
            "windows_learned": view.windows_learned,
            "completeness": view.completeness,
        }
    )

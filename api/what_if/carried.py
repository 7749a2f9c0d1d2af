"""A workload's baseline as a file: all that the worker needs to judge windows as this service would."""

import base64
import binascii
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.db.tables import BaselineRow, LedgerRow, WorkloadRow
from api.errors import NotPossibleError, existing
from api.settings import ServiceSettings

Base64 = Annotated[str, Field(description="Base64.")]


class CarriedOut(BaseModel):
    """What was learned of a workload, and the rate of its windows."""

    model_config = ConfigDict(extra="forbid")

    format: Annotated[str, Field(pattern="^nonself-learned$")] = "nonself-learned"
    version: Annotated[int, Field(ge=1, le=1)] = 1
    cluster: str
    namespace: str
    name: str
    container: str
    budget_per_week: Annotated[float, Field(gt=0)]
    window_s: Annotated[float, Field(gt=0, description="Length of its newest window.")]
    replicas: Annotated[float, Field(ge=0, description="Containers in one window, averaged over `slots`.")]
    slots: Annotated[int, Field(ge=0)]
    alert_gap_s: Annotated[int, Field(ge=0)]
    windows_learned: int
    snapshot: Base64
    taught_by: Annotated[Base64 | None, Field(description="N-grams that one replica alone has shown.")]


def read(session: Session, workload_id: int, settings: ServiceSettings) -> CarriedOut:
    """Return what was learned of a workload.

    Raises:
        NotFoundError: There is no workload of this id.
        NotPossibleError: Nothing was learned of it.
    """
    workload = existing(session.get(WorkloadRow, workload_id), f"workload {workload_id}")
    baseline, ledger = session.get(BaselineRow, workload_id), session.get(LedgerRow, workload_id)
    if baseline is None or ledger is None:
        msg = f"Nothing was learned of workload {workload_id} yet."
        raise NotPossibleError(msg)
    return CarriedOut(
        cluster=workload.cluster,
        namespace=workload.namespace,
        name=workload.name,
        container=workload.container,
        budget_per_week=workload.budget_per_week or settings.budget_per_week,
        window_s=(ledger.window_ms or settings.window_s * 1000) / 1000,
        replicas=ledger.replicas,
        slots=ledger.slots,
        alert_gap_s=settings.alert_gap_s,
        windows_learned=baseline.windows_learned,
        snapshot=base64.b64encode(baseline.snapshot).decode(),
        taught_by=None if baseline.taught_by is None else base64.b64encode(baseline.taught_by).decode(),
    )


def decode(text: str) -> bytes:
    """Return the bytes of a field.

    Raises:
        ValueError: It is not Base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error

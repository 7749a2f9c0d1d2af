"""What ingest answers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ReceiptOut(BaseModel):
    """All deltas of the batch are stored durably, or were before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"accepted": 12, "duplicates": 0}]})

    accepted: Annotated[int, Field(description="Deltas that were new.")]
    duplicates: Annotated[int, Field(description="Deltas that were known already, with the same content.")]

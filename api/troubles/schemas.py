"""What REST says of troubles."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.paging import PageQuery
from api.troubles.kinds import TroubleKind
from api.vocabulary import Level, TroubleChange


class TroubleQuery(PageQuery):
    """Which troubles are wanted."""

    kind: Annotated[TroubleKind | None, Field(description="Of one kind.")] = None
    subject: Annotated[
        str | None, Field(max_length=253, description="Of one node, channel or token, or `service`.")
    ] = None
    open: Annotated[bool | None, Field(description="Those that go on, or those that are over.")] = None


class TroubleOut(BaseModel):
    """Something that is or was wrong with nonself itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 3,
                    "kind": "node_silent",
                    "subject": "worker-1",
                    "level": "high",
                    "cluster": "prod",
                    "dedup_key": "nonself/prod/node_silent/worker-1",
                    "open": True,
                    "said": "Node worker-1 has sent nothing for 321 seconds; see to its agent.",
                    "value": 321.0,
                    "opened_at": "2026-11-23T13:15:00Z",
                    "updated_at": "2026-11-23T13:15:30Z",
                    "closed_at": None,
                }
            ]
        }
    )

    id: int
    kind: Annotated[str, Field(description="One of those of docs/observing.md; later releases have more.")]
    subject: Annotated[str, Field(description="Name of the node, channel or token; else `service`.")]
    level: Annotated[Level, Field(description="How bad troubles of this kind are.")]
    cluster: Annotated[str, Field(description="Of the service, as its setting names it.")]
    dedup_key: Annotated[
        str,
        Field(description="The same whenever the same is wrong again: a pager keeps one incident by it."),
    ]
    open: bool
    said: Annotated[str, Field(description="What is wrong, in a sentence, as last seen while it was open.")]
    value: Annotated[float, Field(description="Newest measured while it was open, in its kind's unit.")]
    opened_at: datetime
    updated_at: datetime
    closed_at: Annotated[datetime | None, Field(description="Null while it goes on.")]


class TroubleChangeOut(BaseModel):
    """That a trouble opened or closed."""

    id: int
    change: TroubleChange
    at: datetime
    trouble: TroubleOut

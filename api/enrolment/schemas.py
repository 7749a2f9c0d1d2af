"""What REST says of enrolment."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class EnrolIn(BaseModel):
    """A node that wants a token of its own."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"node": "worker-1"}]})

    node: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            pattern=r"^[^\s\x00-\x1f\x7f]+$",
            description="Its name, as its agent sends it with profiles.",
        ),
    ]


class NodeTokenOut(BaseModel):
    """A token with which one node sends, and nothing else can be done: the only time that it is shown."""

    name: str
    node: str
    token: str
    previous_until: Annotated[
        datetime | None, Field(description="Until when the token that it had before is good as well.")
    ]

"""What REST takes and says of live streams."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from api.alerts.schemas import AlertOut, AlertTraits
from api.alerts.triage_schemas import ChangeOut
from api.events.position import Topic
from api.moments import Moment
from api.vocabulary import AlertChange, Verdict


class EventQuery(AlertTraits):
    """What a stream tells of; filters that events of a topic do not have leave that topic as it is."""

    topic: Annotated[
        list[Topic], Field(min_length=1, max_length=2, description="Give it twice for both.")
    ] = [Topic.ALERTS]  # noqa: RUF012 - pydantic copies it
    since: Annotated[
        Moment | None,
        Field(description="Begin with what was recorded at this time; without it, the stream begins now."),
    ] = None
    last_event_id: Annotated[
        str | None,
        Field(max_length=100, description="As the header, which goes before: go on after this event."),
    ] = None
    change: Annotated[
        list[AlertChange], Field(max_length=20, description="What has to happen to an alert; all where none.")
    ] = []  # noqa: RUF012 - pydantic copies it
    score_verdict: Annotated[
        Verdict | None, Field(description="Verdict on a window (`verdict` is that on an alert).")
    ] = None


class AlertEventOut(BaseModel):
    """`data` of the events `alert.<change>`."""

    change: Annotated[ChangeOut, Field(description="As `GET /v1/alerts/changes` lists it.")]
    alert: Annotated[AlertOut, Field(description="As `GET /v1/alerts` lists it when the event is sent.")]


class GapReason(StrEnum):
    """Why events between the asked position and the stream's first are missing."""

    DELETED = "deleted"
    """Retention has deleted them."""
    UNKNOWN = "unknown"
    """No entry of this id was ever given out: the database is another one, or was restored."""


class GapOut(BaseModel):
    """`data` of the event `gap`: something that was asked for may be missing."""

    topic: Topic
    reason: GapReason
    asked: Annotated[int, Field(description="Position in the sequence that was asked for.")]
    resumed: Annotated[int, Field(description="Position after which the stream goes on.")]
    text: Annotated[str, Field(description="A sentence for people.")]


class EndReason(StrEnum):
    """Why a stream ends, other than that its reader has left."""

    TOKEN = "token"  # noqa: S105 - a word
    """The token expired, or was revoked or rotated."""
    STOPPING = "stopping"
    """The service stops, most often to start again."""
    DATABASE = "database"
    """What was missed cannot be read at the moment."""
    STALLED = "stalled"
    """The reader took nothing for too long."""
    LEFT = "left"
    """The reader has gone."""


class EndOut(BaseModel):
    """`data` of the event `end`, the last of a stream."""

    reason: EndReason
    text: Annotated[str, Field(description="A sentence for people.")]

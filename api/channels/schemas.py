"""What REST says of channels and of their deliveries."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.paging import PageQuery
from api.push.filters import Filters
from api.push.pacing import Pacing
from api.push.trouble_filters import TroubleFilters
from api.push.words import ChannelKind, DeliveryState, Shape

_EXAMPLE: JsonDict = {
    "name": "soc",
    "kind": "webhook",
    "address": "https://soc.example/hooks/nonself",
    "filters": {"namespaces": ["shop-*"], "least_level": "high"},
    "pacing": {"limit": {"messages": 100, "period_s": 3600}},
}


class RoutingIn(BaseModel):
    """What a channel is told, in which format, and when."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{name: _EXAMPLE[name] for name in ("filters", "pacing")}]},
    )

    format: Shape = Shape.NONSELF
    filters: Filters = Filters()
    troubles: Annotated[
        TroubleFilters | None,
        Field(description="Troubles of nonself itself that the channel is told of too; null: of none."),
    ] = None
    pacing: Annotated[Pacing, Field(description="Of kinds `webhook` and `apprise` alone.")] = Pacing()


class ChannelIn(RoutingIn):
    """A receiver to be told of alerts from now on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
    kind: ChannelKind
    address: Annotated[
        str,
        Field(
            min_length=1,
            max_length=4000,
            description="`https://…` of webhook, alertmanager and otlp; `tcp://HOST:PORT` or "
            "`tls://HOST:PORT` of syslog; any URL of Apprise; `kafka://HOST:PORT/TOPIC`; "
            "`nats://HOST:PORT/SUBJECT`. Only its host is shown again.",
        ),
    ]
    secret: Annotated[
        str | None,
        Field(
            max_length=200, description="That signs a webhook; without one, it is made. Never shown again."
        ),
    ] = None
    token: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=4000,
            pattern=r"^[\x21-\x7e]+$",
            description="Sent as bearer by kinds that speak HTTP, as password to Kafka, as token to NATS. "
            "Never shown again.",
        ),
    ] = None


class RotateSecretIn(BaseModel):
    """A new secret for a webhook; for a while, messages are signed with the old one too."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap_hours": 48}]})

    secret: Annotated[str | None, Field(max_length=200, description="Without one, it is made.")] = None
    overlap_hours: Annotated[
        float, Field(ge=0, le=720, description="So long the old secret signs beside the new one.")
    ] = 24


class DisableIn(BaseModel):
    """Why a channel is disabled."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "the receiver is being moved"}]}
    )

    reason: Annotated[str, Field(min_length=1, max_length=1000)] = "by hand"


class ChannelOut(BaseModel):
    """A receiver of alerts, and how it fares."""

    id: int
    name: str
    kind: ChannelKind
    address: Annotated[str, Field(description="Without what may be secret in it.")]
    format: Shape
    filters: Filters
    troubles: Annotated[TroubleFilters | None, Field(description="Null: it is told of no troubles.")]
    pacing: Pacing
    enabled: bool
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime
    failures: Annotated[int, Field(description="Attempts in a row that found the receiver down.")]
    resume_at: Annotated[datetime | None, Field(description="When it is tried again.")]
    last_error: str | None
    delivered_at: Annotated[datetime | None, Field(description="When it took a message last.")]
    pending: int
    held: Annotated[int, Field(description="Wait for a digest.")]
    dead: Annotated[int, Field(description="Were given up; redeliver them once the receiver is well.")]


class ChannelMadeOut(ChannelOut):
    """A channel, with the secret that nobody can read again."""

    secret: Annotated[str | None, Field(description="Of kind `webhook`: what its receiver verifies with.")]


class TriedOut(BaseModel):
    """What came of a test."""

    delivered: bool
    detail: Annotated[str, Field(description="Why not; empty if it was.")]
    took_ms: int


class RevivedOut(BaseModel):
    """How many deliveries wait again."""

    deliveries: int


class DeliveryQuery(PageQuery):
    """Filters of the list of deliveries."""

    state: DeliveryState | None = None
    alert: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Id of an alert.")] = None
    trouble: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Id of a trouble.")] = None


class DeliveryOut(BaseModel):
    """One message to one channel."""

    id: int
    alert: Annotated[int | None, Field(description="Null: of a trouble, or a digest of several.")]
    trouble: Annotated[int | None, Field(description="Null: of an alert, or a digest of several.")]
    change: Annotated[int | None, Field(description="Id of what happened to the alert or the trouble.")]
    type: Annotated[str, Field(description="As in `alert.opened` or `trouble.opened`.")]
    message_id: Annotated[str, Field(description="The header `webhook-id`; the same at every attempt.")]
    state: DeliveryState
    created_at: datetime
    expires_at: Annotated[datetime, Field(description="An attempt that fails after this is the last.")]
    next_attempt_at: Annotated[datetime | None, Field(description="Null once nothing more is tried.")]
    attempts: int
    last_attempt_at: datetime | None
    last_error: str | None
    settled_at: datetime | None
    digest: Annotated[int | None, Field(description="The delivery that it became a part of.")]

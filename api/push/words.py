"""Words of push with a fixed set of values, the same in columns, URLs and logs."""

from enum import StrEnum


class ChannelKind(StrEnum):
    """How a receiver is spoken to."""

    WEBHOOK = "webhook"
    """POST of JSON, signed as Standard Webhooks."""
    ALERTMANAGER = "alertmanager"
    """Prometheus Alertmanager's API v2; open alerts are sent again and again."""
    SYSLOG = "syslog"
    """RFC 5424 over TCP or TLS, octets counted."""
    APPRISE = "apprise"
    """Chat, e-mail, paging: whatever a URL of Apprise names."""
    OTLP = "otlp"
    """Log records of OpenTelemetry over HTTP."""
    KAFKA = "kafka"
    NATS = "nats"
    """A stream of NATS JetStream."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    """It waits for its next attempt."""
    HELD = "held"
    """It waits for a digest: quiet hours, a rate limit, or a channel that digests."""
    DIGESTED = "digested"
    """It is part of a digest, which is a delivery of its own."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """It was given up; a person can have it delivered again."""


class Shape(StrEnum):
    """In which form a channel gives an alert."""

    NONSELF = "nonself"
    OCSF = "ocsf"
    ECS = "ecs"

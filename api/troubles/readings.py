"""Turns what was read of the service into readings, one list for each kind; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.clock import to_datetime, to_ms
from api.db.access_tables import TokenRow
from api.db.push_tables import ChannelRow
from api.db.tables import NodeRow
from api.tokens.service import Role
from api.troubles.judging import Reading
from api.troubles.kinds import DOWN_ATTEMPTS

SERVICE: Final = "service"
"""Subject of what concerns the whole service."""
DAY_MS: Final = 86_400_000
_SHORT_LIVED_MS: Final = 14 * DAY_MS
_LEAST_CALLS: Final = 1000
"""Of fewer calls, a share says nothing."""


def silence(
    nodes: Iterable[NodeRow], now_ms: int, *, watched_since_ms: int, patience_s: float
) -> list[Reading]:
    """Return for how many seconds each node has sent nothing.

    Args:
        nodes: All that are not taken for gone.
        now_ms: When.
        watched_since_ms: When the service began to listen. It was deaf before, and a node that it did not
            hear then is given as much patience as any: after an outage of ours not all nodes are silent.
        patience_s: Silence that is trouble.
    """
    deaf = now_ms - watched_since_ms < patience_s * 1000
    return [
        Reading(
            row.name,
            quiet := max(0, now_ms - row.seen_at) / 1000,
            f"Node {row.name} has sent nothing for {quiet:.0f} seconds; see to its agent.",
            certain=not deaf or row.seen_at >= watched_since_ms,
        )
        for row in nodes
    ]


def engines(nodes: Iterable[NodeRow]) -> list[Reading]:
    """Return whose rule engine failed."""
    return [
        Reading(
            row.name,
            row.agent.get("rule_engine") == "failed",
            f"The rule engine of node {row.name} ended, so its rules match nothing: "
            f"{row.agent.get('rule_engine_error') or 'it did not say why.'}",
        )
        for row in nodes
    ]


def loss(names: Mapping[int, str], lost: Mapping[int, int], seen: Mapping[int, int]) -> list[Reading]:
    """Return which share of its calls each node lost.

    Args:
        names: Of the nodes, by id.
        lost: Calls that each lost in a time.
        seen: Calls that each reported in that time.
    """
    found = []
    for node_id, name in names.items():
        missing, counted = lost.get(node_id, 0), seen.get(node_id, 0)
        enough = missing + counted >= _LEAST_CALLS
        share = missing / (missing + counted) if enough else 0.0
        found.append(
            Reading(
                name,
                share,
                f"Node {name} lost {missing:,} of {missing + counted:,} calls ({share:.1%}); such windows "
                "are no clean evidence. GET /v1/nodes names the causes.",
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of one kind waits for the worker."""

    what: str
    pending: int
    oldest_ms: int | None
    """When the oldest came; None where none waits."""


def waiting(queues: Sequence[Waiting], limit: int, now_ms: int) -> tuple[Reading, Reading]:
    """Return for how long the worker keeps the oldest waiting, and which share of the fuller queue is taken.

    Args:
        queues: At least one.
        limit: Most that each may hold.
        now_ms: When.
    """
    late = min(queues, key=lambda each: now_ms if each.oldest_ms is None else each.oldest_ms)
    age = max(0, now_ms - late.oldest_ms) / 1000 if late.oldest_ms is not None else 0.0
    full = max(queues, key=lambda each: each.pending)
    return (
        Reading(
            SERVICE,
            age,
            f"The oldest of {late.pending:,} {late.what} has waited for {age:.0f} seconds: alerts are late.",
        ),
        Reading(
            SERVICE,
            full.pending / limit,
            f"{full.pending:,} of at most {limit:,} {full.what} wait; at the limit agents are asked to wait.",
        ),
    )


def worker(trouble: str | None) -> Reading:
    """Return whether the worker works."""
    return Reading(SERVICE, trouble is not None, trouble or "The worker does not work.")


def falco_output(trouble: str | None) -> Reading:
    """Return whether the Falco output takes alerts."""
    return Reading(SERVICE, trouble is not None, trouble or "The Falco output takes no alerts.")


def kubernetes(trouble: str | None, failures: int) -> Reading:
    """Return how often in a row the Kubernetes API did not answer."""
    return Reading(SERVICE, failures, trouble or "The Kubernetes API does not answer.")


def issuer(trouble: str | None) -> Reading:
    """Return whether the OpenID Connect issuer gives no keys."""
    return Reading(SERVICE, trouble is not None, trouble or "The issuer gives no keys.")


def channels(rows: Iterable[ChannelRow]) -> list[Reading]:
    """Return how often in a row each channel delivered nothing.

    One that its receiver disabled (410) counts as down; one that a person disabled is in no trouble.
    """
    return [
        Reading(
            row.name,
            _failures(row),
            f"Channel {row.name} delivers nothing: "
            f"{(row.last_error if row.enabled else row.disabled_reason) or 'no reason is known'}.",
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Refused:
    """Messages of one channel that its receiver did not like."""

    channel: str
    down: bool
    """The receiver takes nothing at the moment: what it would say of the message is not known."""
    number: int
    oldest_ms: int | None
    """When the oldest was made; None where there is none."""
    error: str | None


def refused(rows: Iterable[Refused], now_ms: int) -> list[Reading]:
    """Return for how long each channel has had a message that its receiver refuses, while it takes others."""
    found = []
    for each in rows:
        age = max(0, now_ms - each.oldest_ms) / 1000 if each.oldest_ms is not None else 0.0
        said = (
            f"The receiver of channel {each.channel} refuses {each.number:,} messages, the oldest for "
            f"{age:.0f} seconds: {each.error or 'no reason is known'}. Given up, they are lost to it."
        )
        found.append(Reading(each.channel, age, said, certain=not each.down))
    return found


def _failures(row: ChannelRow) -> int:
    if row.enabled:
        return row.failures
    return DOWN_ATTEMPTS if row.failures else 0


def disk(folder: str, free: int, total: int) -> Reading:
    """Return which share of a file system is free."""
    share = free / total if total else 1.0
    return Reading(
        SERVICE,
        share,
        f"{free / 2**30:.1f} GiB ({share:.1%}) are free where {folder} lies, and the database needs room.",
    )


def certificate(path: str, until: datetime, now_ms: int) -> Reading:
    """Return in how many days the service's certificate expires."""
    days = (to_ms(until) - now_ms) / DAY_MS
    return Reading(SERVICE, days, f"The certificate {path} {_expires(days, until)}")


def tokens(rows: Iterable[TokenRow], now_ms: int) -> list[Reading]:
    """Return in how many days tokens expire, but for those that were made to be short-lived."""
    found = []
    for row in rows:
        if row.expires_at is None or row.role == Role.ENROL.value:
            continue
        if row.expires_at - row.created_at <= _SHORT_LIVED_MS:
            continue
        days = (row.expires_at - now_ms) / DAY_MS
        found.append(
            Reading(row.name, days, f"Token {row.name} {_expires(days, to_datetime(row.expires_at))}")
        )
    return found


def _expires(days: float, until: datetime) -> str:
    verb = "expires" if days > 0 else "expired"
    return f"{verb} on {until:%Y-%m-%d at %H:%M} UTC; replace it."

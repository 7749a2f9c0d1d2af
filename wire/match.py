"""A rule's match on one event of a node, and the body in which agents send matches and the state of rules.

`docs/wire-rules.md` describes the format for readers without this code, and
`tests/golden/wire/` holds bytes of every schema version ever shipped.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from wire.codec import from_container, to_container
from wire.fields import (
    check_version,
    dump,
    fail,
    kind_of,
    load,
    pack,
    take_int,
    take_list,
    take_name,
    take_text,
    to_member,
    to_object,
    to_text,
    unpack,
)
from wire.profile import ContainerRef

MATCH_SCHEMA_VERSION: Final = 1
MATCH_PATH: Final = "/v1/ingest/matches"
MATCH_CONTENT_TYPE: Final = "application/vnd.nonself.matches+json"
MAX_MATCHES: Final = 5000
"""Most matches of one body."""
MAX_OUTPUT: Final = 16_384
"""Most characters of a formatted output."""
_MAX_FIELDS: Final = 256
_MAX_TAGS: Final = 64
_MAX_ANCESTORS: Final = 64
_MAX_RULES: Final = 20_000
_MAX_COUNTERS: Final = 64

FieldValue = str | int | float | bool | None
"""Value of a field as JSON has it: numbers as numbers, what is missing as null."""


class Priority(StrEnum):
    """Falco's priorities, spelled as its alerts spell them, most urgent first."""

    EMERGENCY = "Emergency"
    ALERT = "Alert"
    CRITICAL = "Critical"
    ERROR = "Error"
    WARNING = "Warning"
    NOTICE = "Notice"
    INFORMATIONAL = "Informational"
    DEBUG = "Debug"


class RuleState(StrEnum):
    """Whether a rule can fire on a node."""

    EVALUABLE = "evaluable"
    PARTLY = "partly"
    """Some of its fields are not supplied: parts of its condition can never be true."""
    NOT_EVALUABLE = "not_evaluable"
    """It can never fire on this node."""
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """A process on the way from the matched one to its container's first, or the host's."""

    pid: int
    """On the host."""
    name: str
    exe: str = ""
    cmdline: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureMatch:
    """One rule that was true of one event.

    Its identity is (`node`, `boot_id`, `sequence`). What was to be redacted is redacted already.
    """

    node: str
    boot_id: str
    sequence: int
    """Numbers the node's matches; never used twice within a boot, also not by an agent that was restarted."""
    time: int
    """Unix time of the event in nanoseconds."""
    rule: str
    priority: Priority
    output: str
    """The rule's output, formatted; without time and priority."""
    ruleset: str = ""
    """Digest of the bundle that the rule came from; empty for files of the node's own."""
    container: ContainerRef | None = None
    """None where it happened on the host itself."""
    pid: int = 0
    """Of the process, on the host."""
    event_type: str = ""
    source: str = "syscall"
    tags: tuple[str, ...] = ()
    """Ascending."""
    output_fields: Mapping[str, FieldValue] = field(default_factory=dict)
    """Every field of the output's template, by its literal name."""
    ancestors: tuple[Ancestor, ...] = ()
    """The process itself first, then its parent, and so on."""
    truncated: tuple[str, ...] = ()
    """Fields whose value was cut, in alphabetical order."""
    open_condition: str = ""
    """What is left of the condition once all but `anomaly.*` is decided: a filter over these fields alone,
    which the service decides when the window is scored. Empty where the match is certain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleReport:
    """What a node can do with one rule."""

    rule: str
    state: RuleState
    reasons: tuple[str, ...] = ()
    """Sentences: which field is missing, who disabled it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReport:
    """What a node runs: sent when it changes, and at least once a minute."""

    ruleset: str
    """Digest of the bundle in use; empty where there is none yet."""
    error: str = ""
    """Why a newer bundle was not taken, in one sentence."""
    rules: tuple[RuleReport, ...] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    """Cumulative since the agent's start, for example `events`, `dropped_events`, `discarded_matches`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchBatch:
    """The body of one `POST /v1/ingest/matches`."""

    node: str
    boot_id: str
    sent_at: int
    """Unix time in milliseconds."""
    engine: EngineReport | None = None
    matches: tuple[SignatureMatch, ...] = ()


def encode_match_batch(batch: MatchBatch) -> bytes:
    """Return the gzip-compressed body of a batch; the same batch always gives the same bytes.

    Examples:
        >>> batch = MatchBatch(node="a", boot_id="b", sent_at=1)
        >>> decode_match_batch(encode_match_batch(batch)) == batch
        True
    """
    return pack(
        {
            "schema_version": MATCH_SCHEMA_VERSION,
            "node": batch.node,
            "boot_id": batch.boot_id,
            "sent_at": batch.sent_at,
            "engine": None if batch.engine is None else _engine_to_plain(batch.engine),
            "matches": [_match_to_plain(each) for each in batch.matches],
        }
    )


def decode_match_batch(body: bytes) -> MatchBatch:
    """Read a batch back, trusting nothing of it.

    Raises:
        VersionError: The schema version is not one this release reads.
        FieldError: A field is not what the format says; the message names it.
        MalformedError: The body is not gzip of JSON, cut off or too large.
    """
    plain = to_object(unpack(body), "batch")
    check_version(plain, MATCH_SCHEMA_VERSION)
    node, boot_id = take_name(plain, "node"), take_name(plain, "boot_id")
    engine = plain.get("engine")
    return MatchBatch(
        node=node,
        boot_id=boot_id,
        sent_at=take_int(plain, "sent_at"),
        engine=None if engine is None else _engine_from_plain(to_object(engine, "engine")),
        matches=tuple(
            _match_from_plain(to_object(item, f"matches[{index}]"), node=node, boot_id=boot_id)
            for index, item in enumerate(take_list(plain, "matches", MAX_MATCHES))
        ),
    )


def encode_match(match: SignatureMatch) -> bytes:
    """Return one match as JSON that stands alone: it carries its version, node and boot."""
    origin = {"schema_version": MATCH_SCHEMA_VERSION, "node": match.node, "boot_id": match.boot_id}
    return dump(origin | _match_to_plain(match))


def decode_match(plain: bytes) -> SignatureMatch:
    """Read back what `encode_match` wrote.

    Raises:
        VersionError: The schema version is not one this release reads.
        MalformedError: Anything else that does not fit.
    """
    read = to_object(load(plain), "match")
    check_version(read, MATCH_SCHEMA_VERSION)
    return _match_from_plain(read, node=take_name(read, "node"), boot_id=take_name(read, "boot_id"))


def _match_to_plain(match: SignatureMatch) -> dict[str, Any]:
    return {
        "sequence": match.sequence,
        "time": match.time,
        "pid": match.pid,
        "event_type": match.event_type,
        "rule": match.rule,
        "priority": match.priority.value,
        "output": match.output,
        "ruleset": match.ruleset,
        "container": None if match.container is None else from_container(match.container),
        "source": match.source,
        "tags": list(match.tags),
        "output_fields": dict(match.output_fields),
        "ancestors": [asdict(each) for each in match.ancestors],
        "truncated": list(match.truncated),
        "open_condition": match.open_condition,
    }


def _match_from_plain(plain: Mapping[str, Any], *, node: str, boot_id: str) -> SignatureMatch:
    container = plain.get("container")
    fields_ = to_object(plain.get("output_fields"), "output_fields")
    if len(fields_) > _MAX_FIELDS:
        fail("output_fields", f"at most {_MAX_FIELDS} fields", str(len(fields_)))
    return SignatureMatch(
        node=node,
        boot_id=boot_id,
        sequence=take_int(plain, "sequence"),
        time=take_int(plain, "time"),
        pid=take_int(plain, "pid"),
        event_type=take_text(plain, "event_type"),
        rule=take_name(plain, "rule"),
        priority=to_member(Priority, plain.get("priority"), "priority"),
        output=take_text(plain, "output", MAX_OUTPUT),
        ruleset=take_text(plain, "ruleset"),
        container=None if container is None else to_container(to_object(container, "container")),
        source=take_name(plain, "source"),
        tags=_ascending(_texts(take_list(plain, "tags", _MAX_TAGS), "tags")),
        output_fields={to_text(name, "output_fields"): _value(name, each) for name, each in fields_.items()},
        ancestors=tuple(
            _ancestor(to_object(each, "ancestors")) for each in take_list(plain, "ancestors", _MAX_ANCESTORS)
        ),
        truncated=_texts(take_list(plain, "truncated", _MAX_FIELDS), "truncated"),
        open_condition=take_text(plain, "open_condition"),
    )


def _ancestor(plain: Mapping[str, Any]) -> Ancestor:
    return Ancestor(
        pid=take_int(plain, "pid"),
        name=take_text(plain, "name"),
        exe=take_text(plain, "exe"),
        cmdline=take_text(plain, "cmdline"),
    )


def _engine_to_plain(engine: EngineReport) -> dict[str, Any]:
    return {
        "ruleset": engine.ruleset,
        "error": engine.error,
        "rules": [
            {"rule": each.rule, "state": each.state.value, "reasons": list(each.reasons)}
            for each in engine.rules
        ],
        "counters": dict(engine.counters),
    }


def _engine_from_plain(plain: Mapping[str, Any]) -> EngineReport:
    counters = to_object(plain.get("counters"), "engine.counters")
    if len(counters) > _MAX_COUNTERS:
        fail("engine.counters", f"at most {_MAX_COUNTERS} counters", str(len(counters)))
    return EngineReport(
        ruleset=take_text(plain, "ruleset"),
        error=take_text(plain, "error"),
        rules=tuple(
            _report(to_object(each, "engine.rules")) for each in take_list(plain, "rules", _MAX_RULES)
        ),
        counters={to_text(name, "engine.counters"): take_int(counters, name) for name in counters},
    )


def _report(plain: Mapping[str, Any]) -> RuleReport:
    return RuleReport(
        rule=take_name(plain, "rule"),
        state=to_member(RuleState, plain.get("state"), "engine.rules.state"),
        reasons=_texts(take_list(plain, "reasons", _MAX_FIELDS), "engine.rules.reasons"),
    )


def _texts(values: Sequence[object], name: str) -> tuple[str, ...]:
    return tuple(to_text(each, name) for each in values)


def _ascending(texts: tuple[str, ...]) -> tuple[str, ...]:
    if tuple(sorted(texts)) != texts:
        fail("tags", "texts in ascending order", repr(texts)[:80])
    return texts


def _value(name: str, value: object) -> FieldValue:
    match value:
        case None | bool():
            return value
        case str():
            return to_text(value, f"output_fields.{name[:80]}")
        case int() if -(1 << 63) <= value < 1 << 64:
            return value
        case float() if math.isfinite(value):
            return value
    return fail(f"output_fields.{name[:80]}", "text, a 64-bit number, true, false or null", kind_of(value))

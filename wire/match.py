"""One match of a static rule, as the agent sends it; and its bytes: JSON that stands alone.

What was to be redacted is redacted already: nothing of the event but `output`, `output_fields` and the
ancestors' command lines leaves the node.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from wire.codec import _container, _dump, _fail, _int, _kind, _list, _load, _object, _text
from wire.errors import VersionError
from wire.profile import ContainerRef

MATCH_SCHEMA_VERSION: Final = 1
FieldValue = str | int | float | bool | None
"""Value of an output field; None where the event has none."""


class Priority(StrEnum):
    """How urgent a rule's author finds it, most urgent first; spelt as in Falco's alerts."""

    EMERGENCY = "Emergency"
    ALERT = "Alert"
    CRITICAL = "Critical"
    ERROR = "Error"
    WARNING = "Warning"
    NOTICE = "Notice"
    INFORMATIONAL = "Informational"
    DEBUG = "Debug"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """A process on the way from the matched one to its container's first, or the host's."""

    pid: int
    """On the host."""
    name: str
    exe: str
    cmdline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureMatch:
    """An event that met a rule's condition.

    Its identity is (`node`, `boot_id`, `sequence`).
    """

    node: str
    boot_id: str
    sequence: int
    """Ascends, and never comes again within a boot, however often the agent is started."""
    rule: str
    priority: Priority
    source: str
    """Of events; `syscall`."""
    tags: tuple[str, ...]
    """Ascending."""
    time: int
    """Unix time of the event in nanoseconds."""
    event_type: str
    output: str
    """The rule's output with its fields filled in, without time and priority."""
    output_fields: Mapping[str, FieldValue]
    """Every field that the output names, by its literal name."""
    container: ContainerRef | None = None
    """None for a process of the host."""
    pid: int = 0
    """Of the process, on the host."""
    ancestors: tuple[Ancestor, ...] = field(default=())
    """The process itself first, then its parent, and so on."""
    ruleset: str = ""
    """Which version of the rules matched, as the service named it; empty for files of the node's own."""

    def __post_init__(self) -> None:
        if tuple(sorted(self.tags)) != self.tags:
            _fail("tags", "texts in ascending order", repr(self.tags))


def encode_match(match: SignatureMatch) -> bytes:
    """Return a match as JSON; the same match always gives the same bytes.

    Examples:
        >>> match = SignatureMatch(node="a", boot_id="b", sequence=1, rule="Shell", priority=Priority.NOTICE,
        ...     source="syscall", tags=(), time=1, event_type="execve", output="x",
        ...     output_fields={"proc.pid": 7})
        >>> decode_match(encode_match(match)) == match
        True
    """
    return _dump({"schema_version": MATCH_SCHEMA_VERSION, **asdict(match)})


def decode_match(plain: bytes) -> SignatureMatch:
    """Read back what `encode_match` wrote, trusting nothing of it.

    Raises:
        VersionError: The schema version is not one this release reads.
        FieldError: A field is not what the format says; the message names it.
        MalformedError: The bytes are not JSON.
    """
    return match_from_plain(_object(_load(plain), "match"))


def match_from_plain(plain: Mapping[str, Any]) -> SignatureMatch:
    """Read one match out of a larger JSON body; raises as `decode_match`."""
    version = plain.get("schema_version")
    if version != MATCH_SCHEMA_VERSION:
        known = MATCH_SCHEMA_VERSION
        msg = f"This release reads matches of version {known}; the sender used {version!r}."
        raise VersionError(msg)
    tags = _list(plain, "tags")
    if not all(isinstance(tag, str) for tag in tags):
        _fail("tags", "a list of texts", repr(tags)[:80])
    container = plain.get("container")
    ancestors = [_object(each, f"ancestors[{index}]") for index, each in enumerate(_list(plain, "ancestors"))]
    values = _object(plain.get("output_fields"), "output_fields")
    return SignatureMatch(
        node=_text(plain, "node"),
        boot_id=_text(plain, "boot_id"),
        sequence=_int(plain, "sequence"),
        rule=_text(plain, "rule"),
        priority=_priority(plain.get("priority")),
        source=_text(plain, "source"),
        tags=tuple(_text({"tags": tag}, "tags") for tag in tags),
        time=_int(plain, "time"),
        event_type=_text(plain, "event_type"),
        output=_text(plain, "output"),
        output_fields={_text({"name": name}, "name"): _value(name, values[name]) for name in values},
        container=None if container is None else _container(_object(container, "container")),
        pid=_int(plain, "pid"),
        ancestors=tuple(
            Ancestor(
                pid=_int(each, "pid"),
                name=_text(each, "name"),
                exe=_text(each, "exe"),
                cmdline=_text(each, "cmdline"),
            )
            for each in ancestors
        ),
        ruleset=_text(plain, "ruleset"),
    )


def _priority(value: object) -> Priority:
    try:
        return Priority(str(value))
    except ValueError:
        _fail("priority", "one of " + ", ".join(Priority), _kind(value))


def _value(name: str, value: object) -> FieldValue:
    if isinstance(value, str):
        return _text({name: value}, name)
    if value is not None and not isinstance(value, bool | int | float):
        _fail(f"output_fields.{name}", "text, a number, true, false or null", _kind(value))
    return value

"""`fd.*`."""

from collections.abc import Callable, Mapping
from typing import Final

from collector.rules import paths
from collector.rules.descriptors import Described
from collector.rules.live import Getter, LiveEvent
from signatures.event import FieldValue

_SERVICES: Final[Mapping[int, str]] = {
    21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 53: "domain", 80: "http", 110: "pop3", 143: "imap2",
    443: "https",
}  # fmt: skip
_MINOR_BITS: Final = 20
_UPPER, _LOWER = 2, 1
_FILES: Final = frozenset({"file", "directory"})


def _of(value: Callable[[Described], FieldValue]) -> Getter:
    def get(event: LiveEvent, _: str | None) -> FieldValue:
        described = event.described
        return None if described is None else value(described)

    return get


def _of_file(value: Callable[[str], str]) -> Getter:
    def get(event: LiveEvent, _: str | None) -> FieldValue:
        described = event.described
        return None if described is None or described.type not in _FILES else value(described.name)

    return get


def _address(end: str) -> Getter:
    return _of(lambda described: found[0] if (found := getattr(described, end)) else None)


def _port(end: str) -> Getter:
    return _of(lambda described: found[1] if (found := getattr(described, end)) else None)


def _service(end: str) -> Getter:
    return _of(
        lambda described: (
            _SERVICES.get(found[1], str(found[1])) if (found := getattr(described, end)) else None
        )
    )


def _resolved(end: str) -> Getter:
    def get(event: LiveEvent, _: str | None) -> FieldValue:
        described = event.described
        found = getattr(described, end) if described else None
        return event.node.names_of(found[0]) if found else None

    return get


def _name_changed(event: LiveEvent, _: str | None) -> FieldValue:
    described = event.described
    if described is None or described.client is None:
        return False
    return event.node.renamed(event.head.pid, described)


def _name(event: LiveEvent, _: str | None) -> FieldValue:
    described = event.described
    return described.name if described and described.name else None


def _ends(prefix: str, end: str) -> dict[str, Getter]:
    return {
        f"fd.{prefix}ip": _address(end),
        f"fd.{prefix}port": _port(end),
        f"fd.{prefix}proto": _service(end),
        f"fd.{prefix}ip.name": _resolved(end),
    }


DESCRIPTOR_FIELDS: Final[Mapping[str, Getter]] = {
    "fd.num": _of(lambda described: described.number),
    "fd.type": _of(lambda described: described.type),
    "fd.typechar": _of(lambda described: described.character),
    "fd.name": _name,
    "fd.nameraw": _of(lambda described: described.raw_name),
    "fd.directory": _of_file(paths.parent),
    "fd.filename": _of_file(paths.leaf),
    "fd.l4proto": _of(lambda described: described.l4proto),
    "fd.sockfamily": _of(lambda described: described.family),
    "fd.is_server": _of(lambda described: described.is_server),
    "fd.connected": _of(lambda described: described.connected),
    "fd.name_changed": _name_changed,
    "fd.uid": lambda event, _: f"{event.head.tid}{event.described.number}" if event.described else None,
    "fd.ino": _of(lambda described: described.inode or None),
    "fd.dev": _of(lambda described: described.device or None),
    "fd.dev.major": _of(lambda described: described.device >> _MINOR_BITS or None),
    "fd.dev.minor": _of(lambda described: described.device & ((1 << _MINOR_BITS) - 1) or None),
    "fd.is_upper_layer": _of(lambda described: described.layer == _UPPER),
    "fd.is_lower_layer": _of(lambda described: described.layer == _LOWER),
    **_ends("c", "client"),
    **_ends("s", "server"),
    **_ends("l", "local"),
    **_ends("r", "remote"),
}

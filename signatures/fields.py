"""Which fields exist, of what type they are, and what may be done with them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Final

from signatures.syntax import Field

_DOTTED: Final = (
    "evt.arg",
    "evt.rawarg",
    "thread.cgroup",
    "container.label",
    "k8s.pod.label",
    "k8s.ns.label",
)
"""Fields whose argument may also follow a dot, as in `evt.arg.flags`."""
_INDEXED: Final = frozenset(
    {"proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.apid", "proc.aargs", "fd.types"}
)
"""Fields whose argument is a number: how many generations back, or which descriptor."""
_ANCESTRAL: Final = frozenset({"proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.apid"})
"""Without an argument these stand for all ancestors, and a check holds where it does for any of them."""
EITHER_END: Final[Mapping[str, tuple[str, ...]]] = {
    "fd.ip": ("fd.cip", "fd.sip"),
    "fd.port": ("fd.cport", "fd.sport"),
    "fd.proto": ("fd.cport", "fd.sport"),
    "fd.net": ("fd.cip", "fd.sip"),
    "fd.cnet": ("fd.cip",),
    "fd.snet": ("fd.sip",),
    "fd.lnet": ("fd.lip",),
    "fd.rnet": ("fd.rip",),
}
"""Fields that an event does not hold themselves, and those whose values they stand for."""


class FieldType(StrEnum):
    """What a field's values are; in brackets the Python type in which an event gives them."""

    TEXT = "text"
    """(str; bytes that are not ASCII as the characters U+0080 to U+00FF)"""
    SIGNED = "signed"
    """(int)"""
    UNSIGNED = "unsigned"
    """(int, at least 0)"""
    REAL = "real"
    """(float)"""
    FLAG = "flag"
    """(bool)"""
    ADDRESS = "address"
    """(str, an IPv4 or IPv6 address)"""
    NETWORK = "network"
    """(str, as `address`; constants are networks)"""
    BYTES = "bytes"
    """(bytes)"""
    ANY = "any"
    """(int or str: the type of a raw argument depends on the call)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldInfo:
    """One field."""

    name: str
    type: FieldType
    is_list: bool = False
    """A value is a tuple; only `in`, `intersects` and `exists` can be asked of it."""
    argument: str = "none"
    """`none`, `optional` or `required`: what stands in brackets behind the name."""
    alone: bool = False
    """It is compared with constants only, never with another field."""
    plain: bool = False
    """No transformer takes it."""
    unprinted: bool = False
    """It has no single value that an output could show."""
    whole: bool = False
    """Real, and compared with whole numbers alone: the reference reads no others."""
    deprecated: bool = False

    def is_ancestral(self, argument: str | None) -> bool:
        """Tell whether it stands for all ancestors."""
        return argument is None and self.name in _ANCESTRAL


class Fields:
    """The fields that conditions and outputs may name.

    Args:
        infos: Each field once.
    """

    def __init__(self, infos: Iterable[FieldInfo]) -> None:
        self._infos = {info.name: info for info in infos}

    def __contains__(self, name: str) -> bool:
        return name in self._infos

    def names(self) -> list[str]:
        """Return all names, ascending."""
        return sorted(self._infos)

    def find(self, field: Field) -> tuple[FieldInfo, Field] | None:
        """Return what is known of a field, and the field with an argument behind a dot moved into brackets.

        Returns:
            None where there is no such field, or its argument is missing, not allowed or not a number.
        """
        info = self._infos.get(field.name)
        if info is None:
            found = self._undot(field)
            if found is None:
                return None
            info, field = found
        if (field.argument is None and info.argument == "required") or (
            field.argument is not None and info.argument == "none"
        ):
            return None
        if field.argument is not None and info.name in _INDEXED and not field.argument.isdecimal():
            return None
        return info, field

    def takes_argument(self, name: str) -> bool:
        """Tell whether something may stand in brackets behind a name."""
        info = self._infos.get(name)
        return info is not None and info.argument != "none"

    def named(self, text: str) -> bool:
        """Tell whether a text, blanks around it aside, is the name of a field."""
        name, bracket, rest = text.strip().partition("[")
        argument = rest.removesuffix("]") if bracket else None
        return bool(name) and self.find(Field(name, argument)) is not None

    def _undot(self, field: Field) -> tuple[FieldInfo, Field] | None:
        for name in _DOTTED:
            info = self._infos.get(name)
            if info is not None and field.argument is None and field.name.startswith(name + "."):
                return info, replace(field, name=name, argument=field.name[len(name) + 1 :])
        return None


def key_of(field: Field) -> str:
    """Return the name under which an event holds a field: with its argument as it was written.

    Examples:
        >>> key_of(Field("proc.aname", "2")), key_of(Field("evt.arg.flags"))
        ('proc.aname[2]', 'evt.arg.flags')
    """
    return field.name if field.argument is None else f"{field.name}[{field.argument}]"


@lru_cache(maxsize=1)
def all_fields() -> Fields:
    """Return the fields of the language, whether or not a sensor can supply them (`signatures.states`)."""
    text = files("signatures").joinpath("fields.tsv").read_text("utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return Fields(_read(*line.split("\t")) for line in lines)


def _read(name: str, kind: str, properties: str = "") -> FieldInfo:
    words = properties.split()
    argument = "required" if "argument" in words else "optional" if "argument?" in words else "none"
    return FieldInfo(
        name=name,
        type=FieldType(kind),
        is_list="list" in words,
        argument=argument,
        alone="alone" in words,
        plain="plain" in words,
        unprinted="unprinted" in words,
        whole="whole" in words,
        deprecated="deprecated" in words,
    )

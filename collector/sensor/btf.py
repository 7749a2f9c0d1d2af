"""Where fields lie in the running kernel's structures, from the type information (BTF) it publishes.

Format: the kernel's Documentation/bpf/btf.rst. Headers are no source for this:
those of another kernel compile just as well, and then wrong memory is read.
"""

import struct
from pathlib import Path
from typing import Final, NamedTuple

from collector.errors import RequirementError

VMLINUX: Final = Path("/sys/kernel/btf/vmlinux")
_MAGIC: Final = 0xEB9F
_HEADER: Final = struct.Struct("<HBBIIIII")
_TYPE: Final = struct.Struct("<III")
_MEMBER: Final = struct.Struct("<III")

_INT, _ARRAY, _STRUCT, _UNION, _ENUM, _TYPEDEF, _FUNC_PROTO = 1, 3, 4, 5, 6, 8, 13
_VAR, _DATASEC, _DECL_TAG, _ENUM64 = 14, 15, 17, 19
_MODIFIERS: Final = {_TYPEDEF, 9, 10, 11, 18}
"""Kinds that only stand before another type: typedef, volatile, const, restrict, type tag."""
_FIXED_TAIL: Final = {_INT: 4, _ARRAY: 12, _VAR: 4, _DECL_TAG: 4}
_TAIL_PER_ITEM: Final = {_STRUCT: 12, _UNION: 12, _ENUM: 8, _FUNC_PROTO: 8, _DATASEC: 12, _ENUM64: 12}


class _Type(NamedTuple):
    kind: int
    items: int
    bitfields: bool
    refers_to: int
    tail: int


_VOID: Final = _Type(kind=0, items=0, bitfields=False, refers_to=0, tail=0)


class KernelTypes:
    """The kernel's types by name.

    Args:
        data: Contents of a BTF file; takes about 0.1 s for a whole kernel.

    Raises:
        RequirementError: The data is not BTF.
    """

    def __init__(self, data: bytes) -> None:
        magic, _, _, header, type_at, type_bytes, string_at, string_bytes = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            msg = f"Expected kernel type information (BTF) beginning with {_MAGIC:#x}; got {magic:#x}."
            raise RequirementError(msg)
        self._data = data
        self._strings = data[header + string_at : header + string_at + string_bytes]
        self._types: list[_Type] = [_VOID]
        self._ids: dict[tuple[int, int], int] = {}
        at, end = header + type_at, header + type_at + type_bytes
        while at < end:
            name, info, refers_to = _TYPE.unpack_from(data, at)
            kind, items = info >> 24 & 0x1F, info & 0xFFFF
            at += _TYPE.size
            if kind in {_STRUCT, _TYPEDEF}:
                self._ids.setdefault((kind, name), len(self._types))
            self._types.append(_Type(kind, items, bool(info >> 31), refers_to, at))
            at += _FIXED_TAIL.get(kind, 0) + _TAIL_PER_ITEM.get(kind, 0) * items

    def typedef(self, name: str) -> int:
        """Return the BTF id of a typedef.

        Raises:
            RequirementError: This kernel has none of that name.
        """
        return self._find(_TYPEDEF, name)

    def offset(self, structure: str, path: str) -> int:
        """Return the byte offset of a field, for example `offset("task_struct", "thread_info.status")`.

        Raises:
            RequirementError: This kernel has no such structure or field.
        """
        type_id, bits = self._find(_STRUCT, structure), 0
        for name in path.split("."):
            found = self._member(type_id, name)
            if found is None:
                msg = f"The kernel's struct {structure} has no {path}; the sensor does not know this kernel."
                raise RequirementError(msg)
            bits, type_id = bits + found[0], found[1]
        return bits // 8

    def _find(self, kind: int, name: str) -> int:
        at = self._strings.find(b"\0" + name.encode() + b"\0")
        found = self._ids.get((kind, at + 1)) if at >= 0 else None
        if found is None:
            msg = f"The kernel's type information has no {name}; Linux 5.15 or later is needed."
            raise RequirementError(msg)
        return found

    def _member(self, type_id: int, wanted: str) -> tuple[int, int] | None:
        """Return (bit offset, type) of a member, looking into anonymous structures and unions."""
        while self._types[type_id].kind in _MODIFIERS:
            type_id = self._types[type_id].refers_to
        holder = self._types[type_id]
        if holder.kind not in {_STRUCT, _UNION}:
            return None
        for index in range(holder.items):
            name, member_type, offset = _MEMBER.unpack_from(self._data, holder.tail + index * _MEMBER.size)
            bits = offset & 0xFFFFFF if holder.bitfields else offset
            if name and self._name(name) == wanted:
                return bits, member_type
            inner = None if name else self._member(member_type, wanted)
            if inner:
                return bits + inner[0], inner[1]
        return None

    def _name(self, at: int) -> str:
        return self._strings[at : self._strings.index(b"\0", at)].decode()


def read_kernel_types(path: Path = VMLINUX) -> KernelTypes:
    """Read the running kernel's types.

    Raises:
        RequirementError: The kernel publishes none.
    """
    try:
        return KernelTypes(path.read_bytes())
    except OSError as error:
        msg = f"Cannot read {path} ({error.strerror}): a kernel built with CONFIG_DEBUG_INFO_BTF is needed."
        raise RequirementError(msg) from error

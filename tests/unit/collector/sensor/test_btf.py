"""KernelTypes: offsets come from the type information, and from nowhere else."""

import struct
from pathlib import Path

import pytest

from collector.errors import RequirementError
from collector.sensor.btf import KernelTypes, read_kernel_types

STRINGS = b"\0int\0outer\0inner\0first\0second\0flags\0btf_trace_sys_exit\0"


def at(name: str) -> int:
    """Return where a name lies among the strings."""
    return STRINGS.index(b"\0" + name.encode() + b"\0") + 1


def btf(*, magic: int = 0xEB9F, bitfields: bool = False) -> bytes:
    """Return a kernel of one struct with an anonymous struct, a typedef of it as a field, and bit fields."""
    shift = (1 << 24) if bitfields else 0
    kinds = b"".join(
        [
            struct.pack("<IIII", at("int"), 1 << 24, 4, 32),  # 1: int
            struct.pack("<III", 0, 4 << 24 | 2, 8),  # 2: struct { int first; int second; }
            struct.pack("<III", at("first"), 1, 0),
            struct.pack("<III", at("second"), 1, 32),
            struct.pack("<III", at("inner"), 8 << 24, 2),  # 3: typedef of 2
            struct.pack("<III", at("outer"), 1 << 31 | 4 << 24 | 3 if bitfields else 4 << 24 | 3, 32),  # 4
            struct.pack("<III", at("flags"), 1, 0),
            struct.pack("<III", 0, 2, 64 | shift),  # its anonymous member
            struct.pack("<III", at("inner"), 3, 128),
            struct.pack("<III", at("btf_trace_sys_exit"), 8 << 24, 1),  # 5
        ]
    )
    header = struct.pack("<HBBIIIII", magic, 1, 0, 24, 0, len(kinds), len(kinds), len(STRINGS))
    return header + kinds + STRINGS


@pytest.mark.parametrize("bitfields", [False, True])
@pytest.mark.parametrize(
    ("path", "offset"), [("flags", 0), ("first", 8), ("second", 12), ("inner.second", 20)]
)
def test_a_field_is_found_through_anonymous_and_named_members(
    path: str, offset: int, *, bitfields: bool
) -> None:
    """Offsets add up along the path, with and without bit fields in the structure."""
    assert KernelTypes(btf(bitfields=bitfields)).offset("outer", path) == offset


def test_a_typedef_has_its_place_as_id() -> None:
    """Ids count types from 1, in the order in which they are listed."""
    assert KernelTypes(btf()).typedef("btf_trace_sys_exit") == 5


@pytest.mark.parametrize(
    ("structure", "path"), [("outer", "absent"), ("absent", "x"), ("outer", "first.x"), ("inner", "x")]
)
def test_what_is_absent_is_named(structure: str, path: str) -> None:
    """A kernel without a field is refused in a sentence, never read at a guess."""
    with pytest.raises(RequirementError, match=rf"{structure}.*\."):
        KernelTypes(btf()).offset(structure, path)


def test_other_data_is_refused() -> None:
    """What is no type information is not searched."""
    with pytest.raises(RequirementError, match="0xeb9f"):
        KernelTypes(btf(magic=0xABCD))


def test_a_kernel_without_type_information_is_told_what_it_lacks(tmp_path: Path) -> None:
    """The sentence names the kernel's option."""
    with pytest.raises(RequirementError, match="CONFIG_DEBUG_INFO_BTF"):
        read_kernel_types(tmp_path / "vmlinux")

"""Loads the comparison designs exactly as the sensor is loaded, and sees who else is attached to the hook."""

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from collector.sensor.bpf import attach, load_program
from collector.sensor.btf import read_kernel_types
from collector.sensor.compiler import SOURCES, load_bcc

__all__ = ["RING_BYTES", "Programs", "attach", "fdinfo", "foreign_links", "program_of"]

RING_BYTES = 16 << 20
_LIBC = ctypes.CDLL(None, use_errno=True)
_SYS_BPF = 321  # x86_64
_PROG_GET_FD, _LINK_GET_FD, _LINK_NEXT = 13, 30, 31
_ATTRIBUTES_BYTES = 128


class Programs:
    """The programs of `programs.c`, loaded with maps of their own and not yet attached."""

    NAMES = ("floor", "hash", "thread_hash", "ring")

    def __init__(self) -> None:
        os.environ["BCC_KERNEL_SOURCE"] = str(SOURCES / "shim")
        types = read_kernel_types()
        flags = [
            f"-DRING_PAGES={RING_BYTES // 4096}",
            f"-DOFF_PT_REGS_ORIG_AX={types.offset('pt_regs', 'orig_ax')}",
        ]
        source = Path(__file__).with_name("programs.c").read_text()
        self._module = load_bcc().BPF(text=source, cflags=flags)
        hook = types.typedef("btf_trace_sys_exit")
        self.programs = {
            name: load_program(name, self._module.dump_func(f"{name}_program"), hook) for name in self.NAMES
        }
        self.ring_fd = self._module[b"events"].map_fd


def foreign_links(ours: Iterable[int] = ()) -> list[str]:
    """Return what others have attached that costs every system call time, as `kind name` texts."""
    own = {fdinfo(link)["link_id"] for link in ours}
    found, last = [], 0
    while True:
        attributes = ctypes.create_string_buffer(struct.pack("=III", last, 0, 0), _ATTRIBUTES_BYTES)
        if _LIBC.syscall(_SYS_BPF, _LINK_NEXT, attributes, _ATTRIBUTES_BYTES) < 0:
            return found
        last = struct.unpack_from("=I", attributes, 4)[0]
        with contextlib.suppress(OSError):  # it may be gone by now
            link = _bpf(_LINK_GET_FD, last)
            what = fdinfo(link)
            os.close(link)
            name = what.get("tp_name", "")
            if what["link_id"] not in own and (name.startswith("sys_e") or what["link_type"] == "perf_event"):
                found.append(f"{what['link_type']} {name}".strip())


def fdinfo(descriptor: int) -> dict[str, str]:
    """Return what the kernel says of one descriptor of this process."""
    lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def program_of(link: int) -> int:
    """Return a new descriptor of the program behind a link."""
    return _bpf(_PROG_GET_FD, int(fdinfo(link)["prog_id"]))


def _bpf(command: int, number: int) -> int:
    attributes = ctypes.create_string_buffer(struct.pack("=III", number, 0, 0), _ATTRIBUTES_BYTES)
    result = _LIBC.syscall(_SYS_BPF, command, attributes, _ATTRIBUTES_BYTES)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"bpf({command}): {os.strerror(code)}")
    return result

"""The bpf(2) system call: maps, programs and links by file descriptor, without a library.

Layouts are those of `union bpf_attr` in the kernel's include/uapi/linux/bpf.h.
"""

import ctypes
import errno
import os
import struct
from dataclasses import dataclass
from typing import Final

from collector.errors import RequirementError, SensorError

_SYS_BPF: Final = 321  # x86_64
_MAP_CREATE, _LOOKUP, _UPDATE, _DELETE, _PROG_LOAD = 0, 1, 2, 3, 5
_INFO, _RAW_TRACEPOINT_OPEN, _LOOKUP_BATCH = 15, 17, 24
_ARRAY, _ARRAY_OF_MAPS = 2, 12
_TRACING, _TRACE_RAW_TP = 26, 23
_INSTRUCTION_BYTES: Final = 8
_LOG_BYTES: Final = 1 << 20
_RETURN_ZERO: Final = bytes([0xB7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0])
"""The shortest program: r0 = 0, exit."""
_RECURSION_MISSES_AT: Final = 208
_INFO_BYTES: Final = 256
_BATCH: Final = 1024

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, max(len(attributes), 128))
    result: int = _libc.syscall(_SYS_BPF, command, buffer, ctypes.sizeof(buffer))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _address(buffer: ctypes.Array[ctypes.c_char]) -> int:
    return ctypes.addressof(buffer)


@dataclass(frozen=True, slots=True)
class Map:
    """A map by its file descriptor; keys and values are bytes of exactly these sizes.

    Of a per-CPU map, `value_bytes` is the size for all CPUs together.
    """

    fd: int
    key_bytes: int
    value_bytes: int

    def update(self, key: bytes, value: bytes) -> None:
        """Insert or replace one element.

        Raises:
            SensorError: The map is full or the kernel refused.
        """
        keys, values = ctypes.create_string_buffer(key), ctypes.create_string_buffer(value)
        try:
            _bpf(_UPDATE, struct.pack("=IxxxxQQQ", self.fd, _address(keys), _address(values), 0))
        except OSError as error:
            msg = f"Cannot write to a map of the sensor: {error.strerror}."
            raise SensorError(msg) from error

    def lookup(self, key: bytes) -> bytes | None:
        """Return one value, or None where there is none.

        Raises:
            SensorError: The kernel refused.
        """
        keys, values = ctypes.create_string_buffer(key), ctypes.create_string_buffer(self.value_bytes)
        try:
            _bpf(_LOOKUP, struct.pack("=IxxxxQQQ", self.fd, _address(keys), _address(values), 0))
        except FileNotFoundError:
            return None
        except OSError as error:
            msg = f"Cannot read a map of the sensor: {error.strerror}."
            raise SensorError(msg) from error
        return values.raw

    def delete(self, key: bytes) -> None:
        """Remove one element, if it is there.

        Raises:
            SensorError: The kernel refused.
        """
        keys = ctypes.create_string_buffer(key)
        try:
            _bpf(_DELETE, struct.pack("=IxxxxQQQ", self.fd, _address(keys), 0, 0))
        except FileNotFoundError:
            return
        except OSError as error:
            msg = f"Cannot remove an element from a map of the sensor: {error.strerror}."
            raise SensorError(msg) from error

    def items(self) -> tuple[bytes, bytes]:
        """Return all keys and all values of a hash map, each joined.

        An element inserted or deleted meanwhile may be there or not; every other is there once.
        """
        keys = ctypes.create_string_buffer(self.key_bytes * _BATCH)
        values = ctypes.create_string_buffer(self.value_bytes * _BATCH)
        token, next_token = ctypes.create_string_buffer(8), ctypes.create_string_buffer(8)
        found_keys, found_values = b"", b""
        first = True
        while True:
            attributes = ctypes.create_string_buffer(
                struct.pack(
                    "=QQQQIIQQ",
                    0 if first else _address(token),
                    _address(next_token),
                    _address(keys),
                    _address(values),
                    _BATCH,
                    self.fd,
                    0,
                    0,
                )
            )
            result = _libc.syscall(_SYS_BPF, _LOOKUP_BATCH, attributes, ctypes.sizeof(attributes) - 1)
            number = ctypes.get_errno()
            if result < 0 and number != errno.ENOENT:
                msg = f"Cannot read a map of the sensor: {os.strerror(number)}."
                raise SensorError(msg)
            count = struct.unpack_from("=I", attributes, 32)[0]
            found_keys += keys.raw[: count * self.key_bytes]
            found_values += values.raw[: count * self.value_bytes]
            if result < 0:
                return found_keys, found_values
            token, next_token, first = next_token, token, False


def load_program(name: str, instructions: bytes, attach_to: int) -> int:
    """Load a program that gets a tracepoint's arguments typed (`tp_btf`), and return its descriptor.

    Args:
        name: What it is called in messages and by the kernel (15 characters).
        instructions: Its bytecode, referring to maps by descriptors of this process.
        attach_to: BTF id of the typedef `btf_trace_<tracepoint>`.

    Raises:
        RequirementError: This process may not load programs.
        SensorError: The verifier refused; the message holds its last words.
    """
    code = ctypes.create_string_buffer(instructions, len(instructions))
    licence = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(_LOG_BYTES)

    def load(log_level: int) -> int:
        return _bpf(
            _PROG_LOAD,
            struct.pack(
                "=IIQQIIQII16sIIIIQIIQIII4x",
                *(_TRACING, len(instructions) // _INSTRUCTION_BYTES, _address(code), _address(licence)),
                *((log_level, _LOG_BYTES, _address(log)) if log_level else (0, 0, 0)),
                *(0, 0, name.encode()[:15], 0, _TRACE_RAW_TP),
                *(0, 0, 0, 0, 0, 0, 0, attach_to, 0),
            ),
        )

    try:
        return load(0)
    except PermissionError as error:
        if error.errno == errno.EPERM:
            msg = "This process may not load BPF programs: run it as root, or with CAP_BPF and CAP_PERFMON."
            raise RequirementError(msg) from error
    except OSError:
        pass  # The second attempt, with a log, says why.
    try:
        return load(1)
    except OSError as error:
        words = log.value.decode(errors="replace").strip().splitlines()
        said = "; ".join(line for line in words if not line.startswith("processed "))[-600:]
        msg = f"The kernel refused the program {name} ({error.strerror}): {said or 'without a reason'}."
        raise SensorError(msg) from error


def check_permission(attach_to: int) -> None:
    """Load the shortest program and let it go again.

    Raises:
        RequirementError: This process may not load programs.
        SensorError: This kernel refuses even that one.
    """
    os.close(load_program("nonself_check", _RETURN_ZERO, attach_to))


def attach(program: int) -> int:
    """Attach a program to the tracepoint it was loaded for; closing the returned descriptor detaches it.

    Raises:
        SensorError: The kernel refused.
    """
    try:
        return _bpf(_RAW_TRACEPOINT_OPEN, struct.pack("=QIxxxxQ", 0, program, 0))
    except OSError as error:
        msg = f"The kernel refused to attach a program of the sensor: {error.strerror}."
        raise SensorError(msg) from error


def missed_runs(program: int) -> int:
    """Return how often the kernel skipped a program because it was already running on that CPU.

    Raises:
        SensorError: The kernel refused.
    """
    info = ctypes.create_string_buffer(_INFO_BYTES)
    try:
        _bpf(_INFO, struct.pack("=IIQ", program, _INFO_BYTES, _address(info)))
    except OSError as error:
        msg = f"Cannot ask the kernel for the missed runs of the sensor: {error.strerror}."
        raise SensorError(msg) from error
    return int(struct.unpack_from("=Q", info, _RECURSION_MISSES_AT)[0])


class GracePeriod:
    """Waits until every program run that began before has ended.

    The kernel does this wait (synchronize_rcu) before an update of a map of
    maps returns, for exactly this purpose; membarrier(2) does it too, but not
    on kernels with isolated CPUs (nohz_full).
    """

    def __init__(self) -> None:
        self._inner = _bpf(_MAP_CREATE, struct.pack("=IIIII", _ARRAY, 4, 4, 1, 0))
        self._outer = _bpf(_MAP_CREATE, struct.pack("=IIIIII", _ARRAY_OF_MAPS, 4, 4, 1, 0, self._inner))

    def wait(self) -> None:
        """Wait; typically 10 to 50 ms.

        Raises:
            SensorError: The kernel refused, so nothing is known about running programs.
        """
        Map(self._outer, 4, 4).update(struct.pack("=I", 0), struct.pack("=I", self._inner))

    def close(self) -> None:
        """Free both maps."""
        os.close(self._outer)
        os.close(self._inner)

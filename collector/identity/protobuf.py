"""Reads the few protobuf fields that identity needs of containerd's own API, which has no current stubs."""

from collections.abc import Iterator
from typing import Final

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5
_MAX_VARINT_BYTES: Final = 10


def text_field(number: int, value: str) -> bytes:
    r"""Encode one text field of up to 16,383 bytes.

    Examples:
        >>> text_field(1, "web")
        b'\n\x03web'
    """
    body = value.encode()
    length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) & 127 | 128, len(body) >> 7])
    return bytes([number << 3 | _BYTES]) + length + body


def bytes_fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (number, content) of each length-delimited field of a message; others are passed over.

    Raises:
        ValueError: The bytes are not a protobuf message.

    Examples:
        >>> list(bytes_fields(text_field(1, "web") + bytes([2 << 3, 5])))
        [(1, b'web')]
    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == _BYTES:
            length, position = _varint(message, position)
            if position + length > len(message):
                msg = f"Expected {length} bytes in field {number}; the message ends before."
                raise ValueError(msg)
            yield number, message[position : position + length]
            position += length
        elif kind == _VARINT:
            _, position = _varint(message, position)
        elif kind in {_FIXED64, _FIXED32}:
            position += 8 if kind == _FIXED64 else 4
        else:
            msg = f"Expected a protobuf field; got wire type {kind} in field {number}."
            raise ValueError(msg)


def first(message: bytes, *numbers: int) -> bytes:
    r"""Return the first field found by walking down nested messages; empty where there is none.

    Examples:
        >>> first(b"\n\x05" + text_field(1, "web"), 1, 1)
        b'web'
    """
    for number in numbers:
        message = next((body for each, body in bytes_fields(message) if each == number), b"")
    return message


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(_MAX_VARINT_BYTES):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 127) << (7 * shift)
        if byte < 128:
            return value, position
    msg = "Expected a protobuf number; the message ends before, or it is too long."
    raise ValueError(msg)

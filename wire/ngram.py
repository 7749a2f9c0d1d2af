"""The n-gram: six tokens and one mark in 61 bits of an unsigned 64-bit integer.

Bits 0 to 9 hold the newest call, bits 50 to 59 the oldest, bit 60 is set where
the thread belongs to a lineage injected by an exec into a running container.
Every call ends exactly one n-gram, because a thread's history begins filled
with the token `START`: the counts of a profile therefore add up to its calls.

The same layout is written in `collector/bpf/sensor.c`; a test holds the two together.
"""

from collections.abc import Sequence
from typing import Final, NewType

from wire.errors import MalformedError
from wire.syscalls import START, SyscallTable

Ngram = NewType("Ngram", int)

N: Final = 6
TOKEN_BITS: Final = 10
TOKEN_MASK: Final = (1 << TOKEN_BITS) - 1
GRAM_MASK: Final = (1 << (N * TOKEN_BITS)) - 1
INJECTED: Final = 1 << (N * TOKEN_BITS)


def pack(tokens: Sequence[int], *, injected: bool = False) -> Ngram:
    """Pack up to six tokens, oldest first; shorter sequences are filled with `START` on the left.

    Raises:
        MalformedError: More than six tokens, or a token outside 0 to 1023.

    Examples:
        >>> hex(pack([1, 2, 3]))
        '0x100803'
        >>> pack([1], injected=True) == INJECTED + 1
        True
    """
    if len(tokens) > N or any(not START <= token <= TOKEN_MASK for token in tokens):
        msg = f"An n-gram holds at most {N} tokens from 0 to {TOKEN_MASK}; got {list(tokens)}."
        raise MalformedError(msg)
    packed = INJECTED if injected else 0
    for position, token in enumerate(reversed(tokens)):
        packed |= token << (TOKEN_BITS * position)
    return Ngram(packed)


def tokens(ngram: int) -> tuple[int, ...]:
    """Return the six tokens, oldest first.

    Examples:
        >>> tokens(pack([7, 8]))
        (0, 0, 0, 0, 7, 8)
    """
    return tuple(ngram >> shift & TOKEN_MASK for shift in range((N - 1) * TOKEN_BITS, -1, -TOKEN_BITS))


def is_injected(ngram: int) -> bool:
    """Tell whether the calls were made by a process injected into the container, or by its children."""
    return bool(ngram & INJECTED)


def names(ngram: int, table: SyscallTable) -> list[str]:
    """Return the calls by name, oldest first, without the filling before the first call.

    Examples:
        >>> from wire.syscalls import load_table
        >>> table = load_table("x86_64")
        >>> names(pack([table.token("socket"), table.token("connect")]), table)
        ['socket', 'connect']
    """
    return [table.name(token) for token in tokens(ngram) if token != START]

"""Syscall tables: the number of a call, its name, and the token that stands for it in an n-gram.

A token is 10 bits. 0 means "before the first call"; 1 to 510 are native calls
0 to 509; 511 is any other native number; 512 to 1022 are 32-bit compat calls
0 to 510, whose numbers mean something else; 1023 is any other compat number.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from wire.errors import UnknownSyscallTableError

START: Final = 0
NATIVE_OTHER: Final = 511
COMPAT_BASE: Final = 512
COMPAT_OTHER: Final = 1023
TOKENS: Final = 1024

COMPAT_OF: Final = {"x86_64": "i386"}


@dataclass(frozen=True, slots=True)
class SyscallTable:
    """Names of one architecture's calls, native and 32-bit compat.

    Examples:
        >>> table = load_table("x86_64")
        >>> table.token("execve"), table.name(60)
        (60, 'execve')
        >>> table.name(table.token("open", compat=True)), table.name(0)
        ('compat:open', '^')
        >>> table.name(NATIVE_OTHER), table.name(COMPAT_OTHER)
        ('other', 'compat:other')
    """

    arch: str
    native: dict[int, str]
    compat: dict[int, str]

    def name(self, token: int) -> str:
        """Return the name a person reads for a token; `#<number>` where the kernel knows more calls."""
        if token == START:
            return "^"
        if token == NATIVE_OTHER:
            return "other"
        if token == COMPAT_OTHER:
            return "compat:other"
        if token >= COMPAT_BASE:
            number = token - COMPAT_BASE
            return "compat:" + self.compat.get(number, f"#{number}")
        return self.native.get(token - 1, f"#{token - 1}")

    def token(self, name: str, *, compat: bool = False) -> int:
        """Return the token of a named call.

        Raises:
            KeyError: The table has no call of that name.
        """
        table, base = (self.compat, COMPAT_BASE) if compat else (self.native, 1)
        for number, known in table.items():
            if known == name:
                return base + number
        raise KeyError(name)


@cache
def load_table(arch: str) -> SyscallTable:
    """Return the shipped table of an architecture as `uname -m` names it.

    Raises:
        UnknownSyscallTableError: No table is shipped for it.
    """
    if arch not in COMPAT_OF:
        known = ", ".join(sorted(COMPAT_OF))
        msg = f"There is no syscall table for architecture {arch!r}; this release has {known}."
        raise UnknownSyscallTableError(msg)
    return SyscallTable(arch, _read(arch), _read(COMPAT_OF[arch]))


def _read(arch: str) -> dict[int, str]:
    text = resources.files("wire").joinpath(f"syscalls_{arch}.txt").read_text()
    rows = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {int(number): name for number, name in rows}

"""Names of users and groups, from the passwd and group files of the host or of a container."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_FRESH_S: Final = 1.0
"""How long a file is taken as unchanged without looking."""
_MOST_BYTES: Final = 1 << 20
_MOST_ROOTS: Final = 1024


@dataclass(frozen=True, slots=True)
class User:
    """One line of a passwd file."""

    name: str
    home: str = ""
    shell: str = ""


@dataclass(slots=True)
class _Files:
    looked: float = float("-inf")
    stamps: tuple[tuple[int, ...], ...] = ()
    users: dict[int, User] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=dict)


class Users:
    """Users and groups by root folder; files are read again when they have changed.

    Args:
        clock: Seconds that never step back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._roots: dict[str, _Files] = {}

    def user(self, key: str, roots: Callable[[], Iterable[Path]], uid: int) -> User | None:
        """Return a user; None where the files name none.

        Args:
            key: What has these files: a container's id, or empty for the host.
            roots: Tells where its files may lie; the first that is there is read, and where none is,
                what was read before stays.
            uid: The number.
        """
        return self._files(key, roots).users.get(uid)

    def group(self, key: str, roots: Callable[[], Iterable[Path]], gid: int) -> str | None:
        """Return a group's name; arguments as `user`."""
        return self._files(key, roots).groups.get(gid)

    def _files(self, key: str, roots: Callable[[], Iterable[Path]]) -> _Files:
        files = self._roots.get(key)
        if files is None:
            if len(self._roots) >= _MOST_ROOTS:
                del self._roots[next(iter(self._roots))]
            files = self._roots[key] = _Files()
        now = self._clock()
        if now - files.looked >= _FRESH_S:
            for root in roots():
                if _look(files, root):
                    files.looked = now
                    break
        return files


def _look(files: _Files, root: Path) -> bool:
    """Read both files where they have changed; return whether any is there."""
    passwd, group = root / "etc/passwd", root / "etc/group"
    stamps = (_stamp(passwd), _stamp(group))
    if not any(stamps):
        return False
    if stamps != files.stamps:
        files.stamps = stamps
        users: dict[int, User] = {}
        for words in _lines(passwd, 7):
            users.setdefault(int(words[2]), User(words[0], words[5], words[6]))
        groups: dict[int, str] = {}
        for words in _lines(group, 3):
            groups.setdefault(int(words[2]), words[0])
        files.users, files.groups = users, groups
    return True


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes with a file, or nothing where there is none; in an image the time may be 0."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _lines(path: Path, least: int) -> list[list[str]]:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
    except OSError:
        return []
    found = (line.split(":") for line in data.decode("latin-1").splitlines())
    return [words for words in found if len(words) >= least and words[2].isdecimal()]

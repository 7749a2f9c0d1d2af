"""One image layer, made of the host's own files and the shared libraries that they need."""

import io
import os
import re
import stat
import subprocess
import tarfile
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO

_MERGED = ("bin", "lib", "lib64", "sbin")
"""Debian 12 keeps these as links into /usr, and so do the images."""
_APPLETS = """
sh cat chmod chown cp cut date dd echo env false find grep head hostname id kill ln ls mkdir mktemp mount
mv nc nice nproc printf ps pwd rm rmdir sed seq sha256sum sleep sort stat sync tail tar tee test timeout top
touch tr true uname vi wc wget which whoami xargs
"""
_USERS = {"root": 0, "daemon": 1, "www-data": 33, "redis": 110, "postgres": 111, "app": 1000, "nobody": 65534}


class Layer:
    """A tar archive under construction; same input, same bytes."""

    def __init__(self, target: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115 - closed by close()
        self._seen: set[str] = set()
        for name in _MERGED:
            self.link(f"/{name}", f"usr/{name}")
        for name in ("/proc", "/sys", "/dev", "/run", "/var/log", "/root", "/home"):
            self.directory(name)
        for name in ("/tmp", "/var/tmp"):
            self.directory(name, mode=0o1777)

    def close(self) -> None:
        """Finish the archive; the target stays open."""
        self._tar.close()

    def base(self) -> None:
        """Add busybox with its usual commands, users, and the files that every distribution has."""
        self.host(["/bin/busybox"])
        for applet in _APPLETS.split():
            self.link(f"/usr/bin/{applet}", "busybox")
        self.file("/etc/passwd", "".join(f"{n}:x:{i}:{i}:{n}:/:/bin/sh\n" for n, i in _USERS.items()))
        self.file("/etc/group", "".join(f"{n}:x:{i}:\n" for n, i in _USERS.items()))
        self.file("/etc/shadow", "".join(f"{n}:!:19000:0:99999:7:::\n" for n in _USERS), mode=0o640)
        self.file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")

    def directory(self, path: str, *, mode: int = 0o755, uid: int = 0) -> None:
        """Add a directory and its parents."""
        self._add(path, tarfile.DIRTYPE, mode=mode, uid=uid)

    def file(self, path: str, content: str | bytes, *, mode: int = 0o644, uid: int = 0) -> None:
        """Add a file with this content."""
        data = content.encode() if isinstance(content, str) else content
        self._add(path, tarfile.REGTYPE, mode=mode, uid=uid, data=data)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._add(path, tarfile.SYMTYPE, mode=0o777, target=target)

    def host(self, files: Iterable[str]) -> None:
        """Add files of the host under their own names, with the libraries that they are linked to."""
        names = list(files)
        for name in [*names, *_libraries(names)]:
            at = os.path.join(os.path.realpath(os.path.dirname(name)), os.path.basename(name))  # noqa: PTH118, PTH119, PTH120 - the last component must not be resolved
            real = Path(name).resolve()
            self._add(at, tarfile.REGTYPE, mode=stat.S_IMODE(real.stat().st_mode), data=real.read_bytes())

    def program(self, path: str, source: str) -> None:
        """Add a program of the host under another name, with the libraries that it is linked to."""
        self.file(path, Path(source).read_bytes(), mode=0o755)
        self.host(_libraries([source]))

    def tree(self, root: str, *, without: Iterable[str] = ()) -> None:
        """Add a directory of the host except names matching `without`, and what its `.so` files need."""
        patterns, shared = tuple(without), []
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(f for f in folders if not any(fnmatch(f, p) for p in patterns))
            self.directory(folder)
            for each in sorted(f for f in files if not any(fnmatch(f, p) for p in patterns)):
                path = Path(folder, each)
                if not path.exists():
                    continue
                if ".so" in each:
                    shared.append(str(path))
                mode = stat.S_IMODE(path.stat().st_mode)
                self._add(str(path), tarfile.REGTYPE, mode=mode, data=path.read_bytes())
        self.host(shared)

    def _add(
        self, path: str, kind: bytes, *, mode: int, uid: int = 0, target: str = "", data: bytes = b""
    ) -> None:
        name = path.strip("/")
        if name in self._seen:
            return
        parent = os.path.dirname(name)  # noqa: PTH120 - a name inside the image, not a path here
        if parent and parent not in self._seen and parent not in _MERGED:
            self._add(parent, tarfile.DIRTYPE, mode=0o755)
        self._seen.add(name)
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.uid, info.gid, info.linkname = kind, mode, uid, uid, target
        info.size = len(data)
        self._tar.addfile(info, io.BytesIO(data))


def _libraries(files: list[str]) -> list[str]:
    if not files:
        return []
    # ldd fails for scripts and static programs among them; what it knows of the others still counts.
    listing = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    return sorted(set(re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listing, re.MULTILINE)))

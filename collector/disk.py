"""The four steps by which the spool changes a folder; a crash may fall between any two of them."""

import os
from pathlib import Path


class Disk:
    """Steps on the real file system; every one raises `OSError` where it fails."""

    def write(self, path: Path, data: bytes) -> None:
        """Write a file that only its owner may read, down to the device."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, replacing what had it; all of it or nothing."""
        source.replace(target)

    def sync(self, folder: Path) -> None:
        """Bring the names in a folder down to the device."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def unlink(self, path: Path) -> None:
        """Remove a file; one that is gone already is no error."""
        path.unlink(missing_ok=True)

"""Files that a person names on the command line: each failure is one sentence."""

from pathlib import Path

from api.errors import ClientError


def read_text(path: Path) -> str:
    """Return a file of UTF-8.

    Raises:
        ClientError: It cannot be read, or is something else.
    """
    try:
        return read(path).decode()
    except UnicodeDecodeError as error:
        msg = f"The file {path} cannot be read: it is not UTF-8."
        raise ClientError(msg) from error


def read(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        ClientError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"The file {path} cannot be read: {error.strerror or error}."
        raise ClientError(msg) from error


def write(path: Path, content: bytes) -> None:
    """Make a file, or write over one.

    Raises:
        ClientError: It cannot be written.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        msg = f"The file {path} cannot be written: {error.strerror or error}."
        raise ClientError(msg) from error

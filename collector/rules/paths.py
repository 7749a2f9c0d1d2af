"""Paths as rules see them: joined and collapsed by their text alone, links not followed."""

from collector.events.event import Record
from collector.events.layout import Tag


def join(directory: str, path: str) -> str:
    """Return a path seen from a directory, without `.`, `..` and empty components.

    Examples:
        >>> join("/etc", "../tmp/./x"), join("/etc", "/a//b/../c"), join("/", "..")
        ('/tmp/x', '/a/c', '/')
    """
    whole = path if path.startswith("/") else f"{directory}/{path}"
    parts: list[str] = []
    for part in whole.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/" + "/".join(parts)


def given(record: Record, which: int) -> str | None:
    """Return the first (0) or second (1) path of a call as it was given."""
    return record.text(Tag(Tag.PATH + which))


def full(record: Record, which: int) -> str | None:
    """Return the first (0) or second (1) path of a call, absolute and collapsed.

    A relative path whose directory is not known stays as it was given.
    """
    path = given(record, which)
    if path is None:
        return None
    if path.startswith("/"):
        return join("/", path)
    directory = record.path(Tag(Tag.DIRECTORY + which))
    return path if directory is None else join(directory, path)


def parent(path: str) -> str:
    """Return the directory of a path.

    Examples:
        >>> parent("/etc/shadow"), parent("/x")
        ('/etc', '/')
    """
    return path.rpartition("/")[0] or "/"


def leaf(path: str) -> str:
    """Return what stands behind the last slash."""
    return path.rpartition("/")[2]

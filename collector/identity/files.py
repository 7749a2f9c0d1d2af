"""Reads small files that somebody else writes: bounded, never blocking, never raising."""

import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

MAX_FILE_BYTES: Final = 4 << 20
"""Largest file read; a bundle's `config.json` is 10 to 200 kB."""
MAX_TEXT: Final = 1024
"""Longest text kept of a name, an image or a label, in characters."""
MAX_LABELS: Final = 64
_HALF_WRITTEN_S: Final = 0.002


def read_bytes(path: str | Path, limit: int = MAX_FILE_BYTES) -> bytes | None:
    """Return a regular file's content; None where there is none, or more than `limit` bytes of it."""
    content = read_start(path, limit + 1)
    return content if content is not None and len(content) <= limit else None


def read_start(path: str | Path, limit: int) -> bytes | None:
    """Return at most the first `limit` bytes of a regular file; None where there is none."""
    try:
        # Non-blocking, because a pipe under this name would hang the caller; the last component is not
        # followed, because a link could lead a root process anywhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def read_json(path: str | Path, wait: Callable[[float], None] = time.sleep) -> Mapping[str, Any] | None:
    """Return the JSON object in a file, or None; a half-written file gets one second chance after 2 ms."""
    value = _read_value(path, wait)
    return value if isinstance(value, dict) else None


def read_list(path: str | Path) -> list[Any]:
    """Return the JSON list in a file, or an empty one; as patient as `read_json`."""
    value = _read_value(path, time.sleep)
    return value if isinstance(value, list) else []


def mapping(value: object) -> Mapping[str, Any]:
    """Return a value where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    r"""Return a value where it is text, cut to what is kept and fit to be sent; else an empty text.

    Examples:
        >>> text("web"), text(7), text("a\0b\ud800")
        ('web', '', 'a?b?')
    """
    if not isinstance(value, str):
        return ""
    return value[:MAX_TEXT].replace("\0", "?").encode("utf-8", "replace").decode()


def texts(value: object) -> dict[str, str]:
    """Return the entries of a JSON object that are text."""
    return {text(key): text(item) for key, item in mapping(value).items() if isinstance(item, str)}


def labels(pairs: Iterable[tuple[object, object]]) -> dict[str, str]:
    """Return at most 64 labels in order of their keys; whatever is not text is left out.

    Examples:
        >>> labels([("tier", "web"), ("app", "shop"), ("n", 1)])
        {'app': 'shop', 'tier': 'web'}
    """
    clean = {text(key): text(item) for key, item in pairs if isinstance(item, str) and isinstance(key, str)}
    return dict(sorted(clean.items())[:MAX_LABELS])


def _read_value(path: str | Path, wait: Callable[[float], None]) -> object:
    for attempt in range(2):
        content = read_bytes(path)
        if content is None:
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            if not attempt:
                wait(_HALF_WRITTEN_S)
    return None

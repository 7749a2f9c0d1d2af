"""Gets this node a token of its own from the service, and another one in its place."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from urllib3.exceptions import HTTPError

from collector.connection import Trust, open_pool, read_token
from collector.disk import Disk
from collector.errors import EnrolmentError

ENROL_PATH = "/v1/enrol"
ROTATE_PATH = "/v1/enrol/rotate"
_ANSWER_S = 30


def enrol(url: str, trust: Trust, *, once: str, node: str, token_file: Path) -> None:
    """Exchange a one-time token for one of this node, and keep it in a file that its owner alone reads.

    Args:
        url: Address of the service.
        trust: Whom to trust, and what to show.
        once: The one-time token.
        node: Name of this node.
        token_file: Where the node's token goes; it replaces what is there.

    Raises:
        EnrolmentError: The service cannot be reached or refused, or the file cannot be written.
    """
    # A one-time token that cannot be kept would be lost: the place is tried first.
    with _place_for(token_file) as draft:
        _keep(draft, _ask(url + ENROL_PATH, trust, once, {"node": node}))


def rotate(url: str, trust: Trust, token_file: Path) -> None:
    """Put another token in the place of this node's; a running agent takes it up by itself.

    Raises:
        TokenError: The file cannot be read or holds no token.
        EnrolmentError: The service cannot be reached or refused, or the file cannot be written.
    """
    token = read_token(token_file)
    with _place_for(token_file) as draft:
        _keep(draft, _ask(url + ROTATE_PATH, trust, token, None))


def _ask(url: str, trust: Trust, token: str, body: dict[str, Any] | None) -> str:
    pool = open_pool(trust, read_s=_ANSWER_S)
    headers = {"Authorization": f"Bearer {token}"}
    try:
        response = pool.request("POST", url, headers=headers, json=body, redirect=False)
    except HTTPError as error:
        msg = f"The service cannot be reached at {url} ({error})."
        raise EnrolmentError(msg) from error
    finally:
        pool.clear()
    try:
        said = json.loads(response.data)
        made = said["token"] if response.status in {200, 201} else None
    except (ValueError, KeyError, TypeError):
        said, made = {}, None
    if not isinstance(made, str):
        detail = said.get("detail") if isinstance(said, dict) else None
        msg = f"The service refused ({response.status}): {detail or 'it is no nonself service'}"
        raise EnrolmentError(msg)
    return made


@contextmanager
def _place_for(path: Path) -> Iterator[Path]:
    """Give a file to write that takes the place of another at the end, unless something went wrong."""
    draft, disk = path.with_name(path.name + ".new"), Disk()
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        disk.write(draft, b"")
        try:
            yield draft
            disk.rename(draft, path)
        finally:
            disk.unlink(draft)
        disk.sync(path.parent)
    except OSError as error:
        msg = f"The token file {path} cannot be written: {error.strerror or error}."
        raise EnrolmentError(msg) from error


def _keep(draft: Path, token: str) -> None:
    Disk().write(draft, f"{token}\n".encode())

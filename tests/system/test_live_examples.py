"""What docs/live.md says to copy works as it stands there."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from shutil import which
from typing import Any, Final

import httpx
import pytest
from httpx_sse import connect_sse

from api.tokens.service import Role
from tests.databases import Database
from tests.service import Service, a_match, serving
from tests.system.test_service_crash import free_port
from tests.waiting import until

PAGE: Final = (Path(__file__).parents[2] / "docs" / "live.md").read_text()


def block(language: str) -> str:
    """Return the only block of a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


@pytest.fixture
def served(tmp_path: Path, database: Database) -> Iterator[Service]:
    """A service with three alerts."""
    with serving(tmp_path, database) as service:
        for each in (1, 2, 3):
            service.match(a_match(each, rule=f"Rule {each}"))
        service.worker.drain()
        yield service


def test_the_python_program_follows_and_comes_again(served: Service) -> None:
    """From an id on, filtered; and, when its stream ends, once more from where it was."""
    namespace: dict[str, Any] = {}
    exec(block("python"), namespace)
    follow: Callable[..., Iterator[tuple[str, str, Any]]] = namespace["follow"]
    pauses: list[float] = []
    namespace["time"] = type("Time", (), {"sleep": staticmethod(pauses.append)})
    token = served.secrets[Role.READ]

    events = follow(served.url, token, after="a1", namespace="shop")
    first = list(islice(events, 2))
    (hub,) = {served.core.end_streams.__self__}  # type: ignore[attr-defined]
    for stream in list(hub._streams):
        stream.end("stopping", "The service is stopping.")
    ended = next(events)
    served.match(a_match(4, rule="Rule 4"))
    served.worker.drain()
    again = next(events)

    assert [(name, data["alert"]["id"]) for _, name, data in first] == [
        ("alert.opened", 2),
        ("alert.opened", 3),
    ]
    assert (ended[1], pauses) == ("end", [2])
    assert (again[0], again[2]["alert"]["rule"]) == ("a4", "Rule 4")
    with pytest.raises(httpx.HTTPStatusError):
        next(follow(served.url, "wrong"))


@pytest.mark.skipif(not which("nginx"), reason="needs nginx (deploy/install.sh lab)")
def test_nginx_adds_the_token_and_holds_nothing_back(served: Service, tmp_path: Path) -> None:
    """A reader without a token, as EventSource is, gets each event when it happens."""
    location = block("nginx").replace("http://127.0.0.1:8787", served.url)
    location = re.sub("<.*>", served.secrets[Role.READ], location)
    port, folder = free_port(), tmp_path / "nginx"
    folder.mkdir()
    temporary = "".join(f"{each}_temp_path {folder}/{each};" for each in _TEMPORARY)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}} "
        f"http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port}; {location} }} }}"
    )
    command = ["nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as nginx, httpx.Client(timeout=30) as http:
        try:
            assert until(lambda: _answers(port))
            with connect_sse(http, "GET", f"http://127.0.0.1:{port}/v1/events?last_event_id=a2") as source:
                events = (each for each in source.iter_sse() if each.data)
                missed = next(events)
                threading.Thread(target=_match, args=(served,)).start()
                live = next(events)
        finally:
            nginx.terminate()

    assert (missed.id, live.id) == ("a3", "a4")


_TEMPORARY: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _answers(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/")
    except httpx.HTTPError:
        return False
    return True


def _match(service: Service) -> None:
    service.match(a_match(4, rule="Rule 4"))
    service.worker.drain()

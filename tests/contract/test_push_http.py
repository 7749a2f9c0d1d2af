"""Posts go to the address that was judged, verify certificates, and end in bounded time."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.guard import Guard
from api.push.http import Http
from api.push.outcome import Verdict
from tests.hooks import Hook

ALLOW = Guard.of("127.0.0.0/8")


def leading_to(*addresses: str) -> Guard:
    """Return a guard for whom a name has one address after the other, as one does that changes."""
    left = list(addresses)
    return Guard(ALLOW.allowed, resolver=lambda _host, _port: [left.pop(0)])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of hooks.example, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", made, "-days", "2", "-subj", "/CN=hooks.example",
         "-addext", "subjectAltName=DNS:hooks.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    return made, key


@contextmanager
def secured(certificate: tuple[Path, Path]) -> Iterator[Hook]:
    """Run a receiver that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with Hook(tls=context) as hook:
        yield hook


def test_a_name_is_resolved_once() -> None:
    """A second look could lead elsewhere: the connection goes to what was judged, under the host's name."""
    with Hook() as hook:
        url = f"http://hooks.example:{hook.port}/in?team=7"
        answer = Http(leading_to("127.0.0.1")).post(url, b"{}", {})

    assert answer.outcome.verdict is Verdict.DELIVERED
    assert hook.requests[0][0]["Host"] == f"hooks.example:{hook.port}"


def test_a_name_that_turns_private_is_refused() -> None:
    """At the attempt at which it has turned."""
    guard = Guard(resolver=leading_to("127.0.0.1").resolver)
    with Hook() as hook:
        answer = Http(guard).post(f"http://hooks.example:{hook.port}/", b"{}", {})

    assert not hook.requests
    assert "hooks.example is 127.0.0.1, which is not a public address" in answer.outcome.detail


def test_a_certificate_is_that_of_the_host(certificate: tuple[Path, Path]) -> None:
    """Although the connection goes to an address; that of another name, or of nobody known, is refused."""
    with secured(certificate) as hook:
        trusted = str(certificate[0])
        fine = Http(leading_to("127.0.0.1"), trusted).post(f"https://hooks.example:{hook.port}/", b"{}", {})
        other = Http(leading_to("127.0.0.1"), trusted).post(f"https://other.example:{hook.port}/", b"{}", {})
        unknown = Http(leading_to("127.0.0.1")).post(f"https://hooks.example:{hook.port}/", b"{}", {})

    assert fine.outcome.verdict is Verdict.DELIVERED
    assert len(hook.requests) == 1
    for each in (other, unknown):
        assert each.outcome.verdict is Verdict.DOWN
        assert each.outcome.detail.startswith("its certificate or TLS is not accepted")


@pytest.mark.parametrize("trickle", [b"", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_receiver_that_never_ends_its_answer_is_left(trickle: bytes) -> None:
    """Whether it says nothing, or one byte after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(trickle)
                while not over.wait(0.02):
                    try:
                        peer.sendall(b"x" if trickle else b"")
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        began = time.monotonic()
        answer = Http(ALLOW, read_s=0.3).post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {})
        took_s = time.monotonic() - began
        over.set()
        thread.join()

    assert answer.outcome.detail == "it did not answer in time"
    assert took_s < 60, "A server that trickles for ever was waited for."


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would resolve the name anew."""
    with Hook() as hook, Hook() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        answer = Http(ALLOW).post(hook.url, b"{}", {})

    assert answer.outcome.verdict is Verdict.DELIVERED
    assert not proxy.requests

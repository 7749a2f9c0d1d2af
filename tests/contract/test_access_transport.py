"""Plain HTTP for this host alone; TLS, also both ways, for service, agent and commands."""

import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from api import cli
from api.errors import SettingError, StartError
from api.server import running
from api.settings import ServiceSettings
from api.tokens.service import Role
from collector.connection import Trust
from collector.sender import Sender, Verdict
from tests.certificates import Authority
from tests.service import Service, a_batch, a_delta
from wire.codec import encode_batch


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An issuer whom nobody trusts who was not told to."""
    return Authority(tmp_path)


def agent(service: Service, folder: Path, trust: Trust) -> Sender:
    """Return an agent's way to a service."""
    (folder / "agent-token").write_text(service.secrets[Role.INGEST])
    return Sender(service.url, folder / "agent-token", trust)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_plain_http_is_refused_where_others_could_read_it(tmp_path: Path, host: str) -> None:
    """One sentence says why, and both cures; nothing was made."""
    settings = ServiceSettings(state_dir=tmp_path / "state", port=0, host=host)

    with (
        pytest.raises(StartError, match=r"plain HTTP .* --tls-cert .* --allow-plain-http"),
        running(settings),
    ):
        pass

    assert not (tmp_path / "state").exists()


def test_plain_http_elsewhere_is_a_decision(tmp_path: Path) -> None:
    """Said once, it serves: for a TLS proxy before it."""
    settings = ServiceSettings(state_dir=tmp_path / "state", port=0, host="0.0.0.0", allow_plain_http=True)

    with running(settings) as (_core, server):
        port = server.url.rpartition(":")[2]
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def test_agent_and_command_speak_tls(
    open_service: Callable[..., Service], authority: Authority, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Whom they were told to trust they trust, and nobody else; the answer asks for TLS from now on."""
    certificate, key = authority.issue("service")
    service = open_service(tls_cert=certificate, tls_key=key)
    body = encode_batch(a_batch(a_delta()))

    assert service.url.startswith("https://")
    assert agent(service, tmp_path, Trust(str(authority.file))).send(body).verdict is Verdict.KNOWN
    stranger = agent(service, tmp_path, Trust()).send(body)
    assert (stranger.verdict, stranger.cause) == (Verdict.LATER, "network")
    assert "certificate" in stranger.detail

    (tmp_path / "reader").write_text(service.secrets[Role.READ])
    asked = ["alerts", f"--url={service.url}", f"--token-file={tmp_path / 'reader'}"]
    assert cli.main([*asked, f"--ca-file={authority.file}"]) == 0
    assert cli.main(asked) == 1
    assert "--ca-file" in capsys.readouterr().err

    context = ssl.create_default_context(cafile=str(authority.file))
    answer = httpx.get(f"{service.url}/healthz", verify=context)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_clients_are_asked_for_a_certificate(
    open_service: Callable[..., Service], authority: Authority, tmp_path: Path
) -> None:
    """Without one of the right issuer nobody gets as far as a token."""
    certificate, key = authority.issue("service")
    clients = Authority(tmp_path, "clients")
    own, own_key = clients.issue("agent")
    foreign, foreign_key = authority.issue("foreign")
    service = open_service(tls_cert=certificate, tls_key=key, tls_client_ca=str(clients.file))
    body = encode_batch(a_batch(a_delta()))

    def send(trust: Trust) -> Verdict:
        return agent(service, tmp_path, trust).send(body).verdict

    assert send(Trust(str(authority.file), own, own_key)) is Verdict.KNOWN
    assert send(Trust(str(authority.file))) is Verdict.LATER
    assert send(Trust(str(authority.file), foreign, foreign_key)) is Verdict.LATER


def test_a_certificate_that_cannot_be_used_is_one_sentence(authority: Authority, tmp_path: Path) -> None:
    """Before anything is made or listened on."""
    certificate, _ = authority.issue("service")
    _, other = authority.issue("other")
    (tmp_path / "empty.pem").write_text("")
    for files, said in (
        ({"tls_cert": certificate, "tls_key": other}, "cannot be used"),
        ({"tls_cert": str(tmp_path / "none.pem")}, "No such file"),
        ({"tls_cert": certificate, "tls_key": str(tmp_path / "empty.pem")}, "cannot be used"),
    ):
        settings = ServiceSettings(state_dir=tmp_path / "state", port=0, **files)
        with pytest.raises(StartError, match=said), running(settings):
            pass
    with pytest.raises(SettingError, match=r"tls_key: expected tls_cert beside it"):
        ServiceSettings(state_dir=tmp_path, tls_key=other)
    assert not (tmp_path / "state").exists()


def test_nobody_says_that_he_comes_from_elsewhere(open_service: Callable[..., Service]) -> None:
    """X-Forwarded-For is read only from a proxy that was named; a guesser cannot change his address by it."""
    service = open_service()
    for each in range(11):
        headers = {"Authorization": f"Bearer guess{each}", "X-Forwarded-For": f"198.51.100.{each}"}
        answer = service.http.get("/v1/alerts", headers=headers)

    assert answer.status_code == 429


def test_a_named_proxy_is_believed(open_service: Callable[..., Service]) -> None:
    """Then each guesser waits for himself."""
    service = open_service(trusted_proxies="127.0.0.0/8")

    def guess(number: int, address: str) -> int:
        headers = {"Authorization": f"Bearer guess{number}", "X-Forwarded-For": address}
        return service.http.get("/v1/alerts", headers=headers).status_code

    assert [guess(each, "198.51.100.1") for each in range(11)] == [401] * 10 + [429]
    assert guess(0, "198.51.100.2") == 401

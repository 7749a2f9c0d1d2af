"""Channels over REST and on the command line: who may make them, and that nothing secret comes back."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from api import cli
from api.db.access_tables import AuditRow
from api.errors import StoreError
from api.push.kinds.base import Message, OneWay
from api.push.outcome import Outcome
from api.push.seal import FILE, Sealer, Secrets
from api.push.sender import Sender
from api.tokens.service import Role
from tests.hooks import LOOPBACK, Hook, a_sender, add, ask, deliveries, pass_time, raise_alerts
from tests.service import Service

SECRET = "whsec_" + "c2VjcmV0" * 4
TOKEN = "a-very-secret-token"
CHANGES = [
    ("POST", "/v1/channels"),
    ("PUT", "/v1/channels/1/routing"),
    ("POST", "/v1/channels/1/rotate"),
    ("POST", "/v1/channels/1/enable"),
    ("POST", "/v1/channels/1/disable"),
    ("POST", "/v1/channels/1/test"),
    ("POST", "/v1/channels/1/redeliver"),
    ("POST", "/v1/channels/1/deliveries/1/redeliver"),
    ("DELETE", "/v1/channels/1"),
]


@pytest.fixture
def service(open_service: Callable[..., Service]) -> Service:
    """A service whose channels may reach this host."""
    return open_service(**LOOPBACK)


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_only_an_admin_manages_channels(shared_service: Service, method: str, path: str) -> None:
    """Whatever is asked for."""
    for role in (Role.READ, Role.INGEST):
        assert shared_service.request(method, path, role, json={}).status_code == 403
    assert shared_service.request(method, path, Role.ADMIN, json={}).status_code in {404, 422}


def test_a_reader_sees_channels_and_deliveries(service: Service) -> None:
    """Without their secrets."""
    add(service, "https://hooks.example/services/T0/B0/hidden?key=hidden", secret=SECRET, token=TOKEN)
    (listed,) = service.get("/v1/channels").json()["items"]
    one = service.get("/v1/channels/1")

    assert listed == one.json()
    assert listed["address"] == "https://hooks.example/…"
    for hidden in ("hidden", SECRET, TOKEN):
        assert hidden not in one.text
    assert service.get("/v1/channels/1/deliveries").status_code == 200
    assert service.get("/v1/channels/2/deliveries").status_code == 404


def test_nothing_secret_is_stored_in_plain_logged_or_audited(service: Service) -> None:
    """Not in the database, not in a log line, not in the audit, not in an error."""
    with structlog.testing.capture_logs() as logged, Hook() as hook:
        hook.script += [(500, {}, b""), (410, {}, b"")]
        made = add(service, f"{hook.url}/hidden-path", token=TOKEN)
        raise_alerts(service, "Shell")
        sender = a_sender(service)
        sender.step()
        pass_time(service, 60)
        sender.step()
        rotated = ask(service, "/1/rotate", {}).json()
    with service.core.store.read() as session:
        audited = [
            (row.action, row.detail)
            for row in session.scalars(select(AuditRow).where(AuditRow.action.startswith("channel")))
        ]
    folder = service.core.settings.state_dir
    stored = b"".join(each.read_bytes() for each in folder.glob("nonself.db*"))

    assert [each[0] for each in audited] == ["channel.create", "channel.disable", "channel.rotate"]
    said = f"{logged} {audited} {service.get('/v1/channels/1').text} {deliveries(service)}"
    for hidden in (made["secret"], rotated["secret"], TOKEN, "hidden-path"):
        assert hidden not in said
        assert hidden.encode() not in stored
    assert "channel_disabled" in said
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600


def test_secrets_need_the_key_that_encrypted_them(tmp_path: Path) -> None:
    """Another key, or a broken one, is one sentence; the repr of secrets says nothing."""
    sealer = Sealer(tmp_path)
    sealed = sealer.seal(Secrets(address="https://a", token=TOKEN))

    assert sealer.open(sealed).token == TOKEN
    assert TOKEN not in repr(sealer.open(sealed))
    assert TOKEN.encode() not in sealed
    (tmp_path / FILE).unlink()
    with pytest.raises(StoreError, match="were not encrypted with"):
        sealer.open(sealed)
    (tmp_path / FILE).write_text("nonsense")
    with pytest.raises(StoreError, match="expected 32 bytes in base64"):
        sealer.open(sealed)


def test_a_channel_whose_secrets_cannot_be_read_says_so(service: Service) -> None:
    """As after a restore of the database alone; nothing is sent, and nothing lost once the key is back."""
    key = service.core.settings.state_dir / FILE
    with Hook() as hook:
        add(service, hook.url)
        kept = key.read_bytes()
        key.unlink()
        raise_alerts(service, "Shell")
        assert a_sender(service).step() is None
        shown, ready = service.get("/v1/channels/1").json(), service.get("/readyz").json()
        key.write_bytes(kept)
        pass_time(service, 60)
        a_sender(service).step()

    assert shown["pending"] == 1
    assert "were not encrypted with" in shown["last_error"]
    assert shown["last_error"] in ready["push"]
    assert len(hook.taken) == 1


def test_a_client_that_fails_unforeseen_is_a_receiver_that_is_down(service: Service) -> None:
    """The message waits, and what the client said, which may hold the address, is told to nobody."""

    class Broken(OneWay):
        def send(self, message: Message) -> Outcome:
            raise RuntimeError(message.secrets.address)

    add(service, "https://hooks.example/hidden")
    raise_alerts(service, "Shell")
    with structlog.testing.capture_logs() as logged:
        Sender(service.core, 1, chance=random.Random(1), transport=Broken()).step()
    shown = service.get("/v1/channels/1").json()

    assert (shown["pending"], shown["last_error"]) == (1, "its client failed (RuntimeError)")
    assert "hidden" not in str(logged)


def test_a_chat_is_not_told_of_each_growth(service: Service) -> None:
    """Unless it is asked for: an alert may grow every ten seconds."""
    address = "mmost://chat.example/" + "a" * 24
    usual = add(service, address, kind="apprise")
    asked = add(service, address, name="all", kind="apprise", filters={"changes": ["grew"]})
    hook = add(service, "https://hooks.example/", name="hook")

    assert "opened" in usual["filters"]["changes"]
    assert "grew" not in usual["filters"]["changes"]
    assert asked["filters"]["changes"] == ["grew"]
    assert hook["filters"]["changes"] == []


def test_a_chat_within_the_network_needs_the_setting(open_service: Callable[..., Service]) -> None:
    """What Apprise would connect to is judged too."""
    service = open_service()
    for number, address in enumerate(
        ("mmost://127.0.0.1/" + "a" * 24, "mailto://127.0.0.1?from=a@b.example&to=a@b.example"), 1
    ):
        add(service, address, name=f"chat-{number}", kind="apprise")
        tried = ask(service, f"/{number}/test").json()
        assert tried["detail"] == "127.0.0.1 is not a public address; the setting push_allow can allow it"


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"kind": "webhook", "address": "ftp://x"}, "address: expected https:// or http:// with a host"),
        ({"kind": "webhook", "address": "https://me:pw@x/"}, "without a user or a fragment"),
        ({"kind": "webhook", "address": "https://x:99999/"}, "address: expected https://"),
        ({"kind": "webhook", "address": "https://x/", "secret": "short"}, "secret: expected whsec_"),
        ({"kind": "webhook", "address": "https://x/", "name": "Soc"}, "name"),
        ({"kind": "webhook", "address": "https://x/", "format": "xml"}, "format"),
        ({"kind": "webhook", "address": "https://x/", "format": "cef"}, "of kind syslog alone"),
        ({"kind": "webhook", "address": "https://x/", "filters": {"rule": "x"}}, "filters"),
        ({"kind": "webhook", "address": "https://x/", "filters": {"techniques": ["shell"]}}, "techniques"),
        (
            {"kind": "webhook", "address": "https://x/",
             "pacing": {"quiet": {"start": "22:00", "end": "07:00", "zone": "Mars/Base"}}},
            "expected a time zone such as Europe/Berlin; got 'Mars/Base'",
        ),
        ({"kind": "syslog", "address": "tcp://x"}, "expected tcp:// or tls:// with a host and a port"),
        ({"kind": "syslog", "address": "udp://x:514"}, "address: expected tcp:// or tls://"),
        ({"kind": "alertmanager", "address": "https://x", "secret": SECRET}, "secret: messages of kind"),
        ({"kind": "alertmanager", "address": "https://x", "pacing": {"digest_s": 60}}, "expected none"),
        ({"kind": "apprise", "address": "nothing://x"}, "address: expected a URL that Apprise knows"),
        ({"kind": "apprise", "address": "syslog://"}, "address: expected a service that is reached over"),
        ({"kind": "kafka", "address": "kafka://x/t"}, "address: expected kafka://HOST:PORT"),
        ({"kind": "kafka", "address": "kafka://x:1/t?debug=all"}, "expected no options but"),
        ({"kind": "nats", "address": "nats://x:4222"}, "and a subject as its path"),
        ({"kind": "nats", "address": "nats://x:4222/a.>"}, "and a subject as its path"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_channel_is_one_sentence(
    shared_service: Service, wish: dict[str, Any], said: str
) -> None:
    """What was expected; the address, which may be secret, is not repeated."""
    answer = shared_service.request("POST", "/v1/channels", Role.ADMIN, json={"name": "soc"} | wish)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")
    assert said in answer.text


def test_two_channels_never_share_a_name(service: Service) -> None:
    """A removed one leaves its name."""
    add(service, "https://hooks.example/")
    wish = {"name": "soc", "kind": "webhook", "address": "https://hooks.example/"}
    again = ask(service, "", wish)
    raise_alerts(service, "Shell")
    a_sender(service).step()
    gone = service.request("DELETE", "/v1/channels/1", Role.ADMIN)

    assert again.json()["detail"] == "name: a channel named 'soc' exists already."
    assert gone.status_code == 200
    assert service.get("/v1/channels/1").status_code == 404
    assert a_sender(service).step() is None
    assert ask(service, "", wish).json()["id"] == 2


def test_what_is_not_signed_has_no_secret_to_rotate(service: Service) -> None:
    """Only webhooks are signed."""
    add(service, "https://am.example/", kind="alertmanager")
    answer = ask(service, "/1/rotate", {})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-possible")


def test_a_channel_is_told_nothing_of_the_past(service: Service) -> None:
    """And one that was disabled what it missed, but for what is too old to be tried."""
    with Hook() as hook:
        raise_alerts(service, "Before")
        add(service, hook.url)
        ask(service, "/1/disable", {"reason": "maintenance"})
        raise_alerts(service, "Old", first=2)
        pass_time(service, 72 * 3600 + 1)
        raise_alerts(service, "New", first=3)
        ask(service, "/1/enable")
        a_sender(service).step()

    assert [each["data"]["alert"]["rule"] for each in hook.events] == ["New"]


def test_channels_on_the_command_line(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made, listed, tried, disabled, rotated and removed; a failed test is exit code 1."""
    token = tmp_path / "admin"
    token.write_text(service.secrets[Role.ADMIN])

    def run(*words: str) -> tuple[int, str]:
        code = cli.main(["channels", *words, "--url", service.url, "--token-file", str(token)])
        out, err = capsys.readouterr()
        return code, out + err

    with Hook() as hook:
        address = tmp_path / "address"
        address.write_text(f"{hook.url}/hidden\n")
        code, said = run(
            "add", "soc", "--address-file", str(address), "--rule", "Shell*", "--least-level", "low",
            "--quiet", "03:00-04:00", "--zone", "Europe/Berlin", "--limit", "5",
        )  # fmt: skip
        assert code == 0
        assert "whsec_" in said
        assert "hidden" not in said
        raise_alerts(service, "Shell spawned")
        a_sender(service).step()
        assert (
            run("test", "soc") == (0, "Delivered after 0 ms.\n") or "Delivered after" in run("test", "1")[1]
        )
        hook.script += [(500, {}, b"")]
        assert run("test", "soc")[0] == 1
        code, said = run("deliveries", "soc", "--state", "delivered")
        assert "alert.opened" in said
        assert json.loads(run("redeliver", "soc", "--delivery", "1", "--json")[1]) == {"deliveries": 1}
        assert "1 deliveries wait again" not in run("redeliver", "soc")[1]
    run("route", "soc", "--namespace", "shop-*", "--digest-s", "60")
    (routed,) = service.get("/v1/channels").json()["items"]
    assert (routed["filters"]["namespaces"], routed["filters"]["rules"]) == (["shop-*"], [])
    assert routed["pacing"] == {"quiet": None, "digest_s": 60, "limit": None}
    assert "disabled" in run("disable", "soc", "--reason", "maintenance")[1]
    assert "maintenance" in run("list")[1]
    assert "enabled" in run("enable", "soc")[1]
    assert "whsec_" in run("rotate", "soc", "--overlap-hours", "0")[1]
    assert run("show", "nobody") == (
        1,
        "nonself: There is no channel 'nobody'; 'nonself channels list' shows all.\n",
    )
    assert run("add", "other") == (
        1,
        "nonself: Expected an address, or --address-file; got neither or both.\n",
    )
    assert "is removed" in run("remove", "soc")[1]
    assert run("list") == (0, "No channels.\n")

"""What is pushed reaches real receivers: Alertmanager, rsyslog, an SMTP server, NATS, and decoders."""

import asyncio
import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
from aiosmtpd.controller import Controller
from confluent_kafka import Consumer, Producer
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from api.clock import SystemClock
from api.tokens.service import Role
from api.troubles.watch import Watch
from tests.hooks import LOOPBACK, Hook, a_sender, add, ask, pass_time, raise_alerts
from tests.programs import free_port, running
from tests.service import Service
from tests.waiting import wait_for


@pytest.fixture
def service(open_service: Callable[..., Service]) -> Service:
    """A service whose channels may reach this host."""
    return open_service(**LOOPBACK)


@contextmanager
def alertmanager(folder: Path) -> Iterator[tuple[str, Hook]]:
    """Run Debian's Alertmanager; give its URL, and the receiver that it notifies."""
    port = free_port()
    with Hook() as notified:
        config = folder / "alertmanager.yml"
        config.write_text(
            "route: {receiver: soc, group_by: [...], group_wait: 0s, group_interval: 1s}\n"
            f"receivers: [{{name: soc, webhook_configs: [{{url: '{notified.url}', send_resolved: true}}]}}]\n"
        )
        command = [
            "prometheus-alertmanager",
            f"--config.file={config}",
            f"--storage.path={folder}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        with running(command, port, folder / "alertmanager.log"):
            yield f"http://127.0.0.1:{port}", notified


def active(url: str) -> list[dict[str, Any]]:
    """Return the alerts that fire."""
    found: list[dict[str, Any]] = httpx.get(f"{url}/api/v2/alerts").json()
    return found


@pytest.mark.slow
def test_an_alert_fires_and_is_resolved_in_alertmanager(service: Service, tmp_path: Path) -> None:
    """It notifies with our labels, and of the end once a person marks the alert as benign."""
    clock = service.core.clock
    clock.at_ms = SystemClock().now_ms()
    with alertmanager(tmp_path) as (url, notified):
        add(service, url, kind="alertmanager")
        raise_alerts(service, "Shell")
        sender = a_sender(service)
        sender.step()
        assert notified.wait(lambda: notified.events, 20)
        (fires,) = active(url)
        until = fires["endsAt"]
        pass_time(service, 61)
        sender.step()
        (again,) = active(url)
        wish = {"alert": 1, "by": "rule", "reason": "a test", "owner": "us", "days": 1}
        assert service.request("POST", "/v1/suppressions", Role.ADMIN, json=wish).status_code == 201
        clock.at_ms = SystemClock().now_ms()
        sender.step()
        assert notified.wait(lambda: any(each["status"] == "resolved" for each in notified.events), 20)

    assert fires["labels"] == {
        "alertname": "Shell",
        "severity": "medium",
        "kind": "signature",
        "namespace": "shop",
        "workload": "cart",
        "container": "web",
    }
    assert fires["annotations"]["alert"] == "1"
    assert again["fingerprint"] == fires["fingerprint"]
    assert again["endsAt"] > until
    assert [each["status"] for each in notified.events] == ["firing", "resolved"]


@pytest.mark.slow
def test_a_trouble_is_one_alert_in_alertmanager(service: Service, tmp_path: Path) -> None:
    """It fires, fires on as it is sent again, and is resolved at its end: one fingerprint, two notices."""
    clock = service.core.clock
    clock.at_ms = SystemClock().now_ms()
    service.core.worker_trouble = lambda: "The worker is not running."
    with alertmanager(tmp_path) as (url, notified):
        add(service, url, kind="alertmanager", troubles={"kinds": ["worker"], "only": True})
        Watch(service.core).look()
        sender = a_sender(service)
        sender.step()
        assert notified.wait(lambda: notified.events, 20)
        (fires,) = active(url)
        pass_time(service, 61)
        sender.step()
        (again,) = active(url)
        service.core.worker_trouble = lambda: None
        clock.at_ms = SystemClock().now_ms()
        Watch(service.core).look()
        sender.step()
        assert notified.wait(lambda: any(each["status"] == "resolved" for each in notified.events), 20)

    assert fires["labels"] == {
        "alertname": "nonself trouble",
        "severity": "critical",
        "kind": "trouble",
        "trouble": "worker",
        "subject": "service",
    }
    assert fires["annotations"]["description"] == "The worker is not running."
    assert again["fingerprint"] == fires["fingerprint"]
    assert again["endsAt"] > fires["endsAt"]
    assert [each["status"] for each in notified.events] == ["firing", "resolved"]


def rsyslog(folder: Path, port: int, tls: tuple[Path, Path] | None = None) -> list[str]:
    """Write a configuration of rsyslog; return the command."""
    stream = 'StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"' if tls else ""
    certificates = (
        f'global(DefaultNetstreamDriver="ossl" DefaultNetstreamDriverCAFile="{tls[0]}" '
        f'DefaultNetstreamDriverCertFile="{tls[0]}" DefaultNetstreamDriverKeyFile="{tls[1]}")\n'
        if tls
        else ""
    )
    config = folder / "rsyslog.conf"
    config.write_text(
        f'global(workDirectory="{folder}" maxMessageSize="64k")\n{certificates}'
        f'module(load="imtcp" {stream})\ninput(type="imtcp" port="{port}" address="127.0.0.1")\n'
        'template(name="raw" type="string" '
        'string="%pri%|%app-name%|%msgid%|%timereported:::date-rfc3339%|%msg%\\n")\n'
        f'action(type="omfile" file="{folder}/out" template="raw")\n'
    )
    return ["rsyslogd", "-n", "-f", str(config), "-i", str(folder / "pid")]


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost; return it and its key."""
    made, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", made, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return made, key


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_rsyslog_parses_what_is_sent(
    open_service: Callable[..., Service], tmp_path: Path, scheme: str
) -> None:
    """Octets are counted, so that messages keep apart; each is delivered once rsyslog has closed."""
    port, secured = free_port(), certificate(tmp_path) if scheme == "tls" else None
    more = {"push_ca_file": str(secured[0])} if secured else {}
    service = open_service(push_allow="localhost", **more)
    with running(rsyslog(tmp_path, port, secured), port, tmp_path / "rsyslog.log"):
        add(service, f"{scheme}://localhost:{port}", kind="syslog")
        raise_alerts(service, "Shell", "Miner\nwith two lines")
        a_sender(service).step()
        shown = service.get("/v1/channels/1").json()
        assert (shown["pending"], shown["last_error"]) == (0, None)
        out = tmp_path / "out"
        wait_for(lambda: out.exists() and out.read_text().count("\n") == 2)
        lines = [line.split("|", 4) for line in out.read_text().splitlines()]

    assert [line[:3] for line in lines] == [["132", "nonself", "alert.opened"]] * 2
    assert re.fullmatch(r"2025-11-24T16:00:00(\.0+)?(\+00:00|Z)", lines[0][3])
    events = [json.loads(line[4]) for line in lines]
    assert [each["data"]["alert"]["rule"] for each in events] == ["Shell", "Miner\nwith two lines"]


@pytest.mark.slow
def test_rsyslog_takes_lines_of_cef(open_service: Callable[..., Service], tmp_path: Path) -> None:
    """In UTF-8, whose octets are counted rather than its letters; each message is one line."""
    port = free_port()
    service = open_service(push_allow="localhost")
    with running(rsyslog(tmp_path, port), port, tmp_path / "rsyslog.log"):
        add(service, f"tcp://localhost:{port}", kind="syslog", format="cef")
        raise_alerts(service, "Schürfer | eins\nzwei", "Shell")
        a_sender(service).step()
        assert service.get("/v1/channels/1").json()["pending"] == 0
        out = tmp_path / "out"
        wait_for(lambda: out.exists() and out.read_text("utf-8").count("\n") == 2)
        first, second = (line.split("|", 4)[4] for line in out.read_text("utf-8").splitlines())

    assert re.match(r"CEF:0\|nonself\|nonself\|[^|]+\|signature\|Schürfer \\\| eins zwei\|5\|", first)
    assert "|Shell|5|" in second
    assert " act=opened " in first
    assert " act=opened " in second


def test_a_receiver_of_syslog_that_dies_is_not_taken_for_one_that_read(service: Service) -> None:
    """It resets the connection, with our message unread: the message waits."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        add(service, f"tcp://127.0.0.1:{listener.getsockname()[1]}", kind="syslog")
        raise_alerts(service, "Shell")
        # Never accepted: closing the listener resets what waits in its queue.
        threading.Timer(0.5, listener.close).start()
        a_sender(service).step()

    shown = service.get("/v1/channels/1").json()
    assert (shown["pending"], shown["failures"]) == (1, 1)


class Mailbox:
    """Keeps what an SMTP server takes."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answers: list[str] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


def test_an_alert_comes_as_e_mail(service: Service) -> None:
    """By SMTP, after the server was unwilling once; subject and text are for people."""
    mailbox = Mailbox()
    mailbox.answers = ["451 later"]
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        address = (
            f"mailto://127.0.0.1:{server.port}?from=nonself@example.org&to=soc@example.org&mode=insecure"
        )
        add(service, address, kind="apprise")
        raise_alerts(service, "Shell spawned")
        sender = a_sender(service)
        sender.step()
        waiting = service.get("/v1/channels/1").json()["pending"]
        pass_time(service, 10)
        sender.step()
    finally:
        server.stop()

    ((recipients, mail),) = mailbox.mails
    assert waiting == 1
    assert recipients == ["soc@example.org"]
    assert mail["Subject"] == "nonself medium: Shell spawned in shop/cart/web (opened)"
    assert "A shell (user=root command=sh -i)" in mail.get_body(("plain", "html")).get_content()


def test_a_chat_is_told_through_apprise(service: Service) -> None:
    """Mattermost's own payload is made by Apprise; its token is in no answer, log or error."""
    with Hook() as chat:
        chat.script += [(500, {}, b"down")]
        token = "abcdefghijklmnopqrstuvwx"
        made = add(service, f"mmost://127.0.0.1:{chat.port}/{token}", kind="apprise")
        raise_alerts(service, "Shell")
        sender = a_sender(service)
        sender.step()
        down = service.get("/v1/channels/1")
        pass_time(service, 10)
        sender.step()

    assert made["address"] == "mmost://127.0.0.1"
    assert down.json()["last_error"] == "it answered 500"
    assert token not in down.text
    assert "nonself medium: Shell in shop/cart/web (opened)" in json.dumps(chat.events[-1])


def test_an_alert_is_a_log_record_of_opentelemetry(service: Service) -> None:
    """The JSON is that of the protobuf, as its own decoder reads it; a rejected record is tried again."""
    with Hook() as collector:
        rejected = {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "full"}}
        collector.script += [(200, {}, json.dumps(rejected).encode()), (200, {}, b"{}")]
        add(service, collector.url, kind="otlp", token="let-me-in")
        raise_alerts(service, "Shell")
        sender = a_sender(service)
        sender.step()
        why = service.get("/v1/channels/1/deliveries").json()["items"][0]["last_error"]
        pass_time(service, 10)
        sender.step()
        headers, body = collector.requests[-1]

    decoded = json_format.Parse(body, ExportLogsServiceRequest())
    resource = {each.key: each.value.string_value for each in decoded.resource_logs[0].resource.attributes}
    (record,) = decoded.resource_logs[0].scope_logs[0].log_records
    attributes = {each.key: each.value.string_value for each in record.attributes}
    assert why == "it rejected the record: full"
    assert headers["Authorization"] == "Bearer let-me-in"
    assert resource["k8s.namespace.name"] == "shop"
    assert resource["container.id"] == "c" * 64
    assert (record.severity_number, record.severity_text) == (13, "medium")
    assert record.time_unix_nano == service.core.clock.now_ms() // 1000 * 1000 * 1_000_000 - 10_000_000_000
    assert attributes["threat.technique.id"] == "T1059"
    assert json.loads(attributes["nonself.event"])["data"]["alert"]["id"] == 1


@pytest.mark.slow
def test_a_stream_of_nats_keeps_each_message_once(service: Service, tmp_path: Path) -> None:
    """A message that comes again is dropped by its id; where no stream takes the subject, it waits."""
    port = free_port()
    command = ["nats-server", "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(tmp_path / "js")]
    with running(command, port, tmp_path / "nats.log"):
        add(service, f"nats://127.0.0.1:{port}/nonself.alerts", kind="nats")
        raise_alerts(service, "Shell", "Miner")
        sender = a_sender(service)
        sender.step()
        without = service.get("/v1/channels/1").json()
        asyncio.run(make_stream(port))
        pass_time(service, 10)
        sender.step()
        assert ask(service, "/1/deliveries/1/redeliver").json() == {"deliveries": 1}
        sender.step()
        kept = asyncio.run(read_stream(port))

    assert without["pending"] == 2
    assert without["last_error"].startswith("no stream stored it")
    assert [each["data"]["alert"]["rule"] for each in kept] == ["Shell", "Miner"]


async def make_stream(port: int) -> None:
    """Have a stream take our subject."""
    connection = await nats.connect(f"nats://127.0.0.1:{port}")
    await connection.jetstream().add_stream(name="alerts", subjects=["nonself.>"])
    await connection.close()


async def read_stream(port: int) -> list[dict[str, Any]]:
    """Return what the stream holds."""
    connection = await nats.connect(f"nats://127.0.0.1:{port}")
    stream = connection.jetstream()
    count = (await stream.stream_info("alerts")).state.messages
    found = [json.loads((await stream.get_msg("alerts", number + 1)).data) for number in range(count)]
    await connection.close()
    return found


def test_kafka_holds_each_message_under_the_key_of_its_alert(service: Service) -> None:
    """Against the broker within librdkafka, which speaks the protocol but is not Apache Kafka."""
    cluster = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(cluster.list_topics(timeout=10).brokers.values()))
    address = f"kafka://127.0.0.1:{broker.port}/alerts"
    add(service, address, kind="kafka")
    raise_alerts(service, "Shell", "Miner", "Shell")
    sender = a_sender(service)
    sender.step()
    sender.close()
    consumer = Consumer(
        {"bootstrap.servers": f"127.0.0.1:{broker.port}", "group.id": "t", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(["alerts"])
    records = consumer.consume(3, timeout=20)
    consumer.close()

    assert service.get("/v1/channels/1").json()["pending"] == 0
    keyed = sorted((each.key(), json.loads(each.value())["type"]) for each in records)
    assert keyed == [(b"1", "alert.grew"), (b"1", "alert.opened"), (b"2", "alert.opened")]

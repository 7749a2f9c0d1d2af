"""Kafka, where the optional client is installed: a record for each message, acknowledged by all replicas."""

import json
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from api.guard import Guard, GuardError
from api.push.events import TEST, Event
from api.push.kinds.base import Message, OneWay
from api.push.outcome import DELIVERED, Outcome, down
from api.push.seal import Secrets
from api.push.shapes import shaped
from api.push.trouble_events import is_trouble

_OPTIONS: Final = frozenset(
    {"security.protocol", "sasl.mechanism", "sasl.username", "ssl.ca.location", "client.id"}
)
_WAIT_S: Final = 15.0
_EXPECTED: Final = "expected kafka://HOST:PORT[,HOST:PORT…]/TOPIC"


class Kafka(OneWay):
    """Produces to one topic, keyed by alert or trouble, so that a partition has each in order.

    Only the brokers that the address names are checked: the client connects to those that they name.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._producer: Any = None
        self._made_for: Secrets | None = None

    def send(self, message: Message) -> Outcome:
        brokers, topic, options = read(message.secrets.address)
        try:
            for host, port in brokers:
                self._guard.check(host, port)
            producer = self._open(message.secrets, brokers, options)
        except GuardError as error:
            return down(str(error))
        except ImportError:
            return down("the client of Kafka is not installed; pip install 'nonself[kafka]'")
        failed: list[str] = []
        came: list[bool] = []

        def told(error: object, _record: object) -> None:
            came.append(True)
            if error is not None:
                failed.append(str(error))

        body = json.dumps(shaped(message.event, message.shape), separators=(",", ":")).encode()
        producer.produce(
            topic,
            body,
            key=key_of(message.event),
            headers={"nonself-message-id": message.id, "nonself-event": message.event["type"]},
            on_delivery=told,
        )
        producer.flush(_WAIT_S)
        if not came:
            producer.purge()
            producer.flush(1)
            return down("no broker took the record in time")
        return down(f"the broker refused it ({failed[0]})") if failed else DELIVERED

    def close(self) -> None:
        """Let go of the connections."""
        self._producer = None

    def _open(self, secrets: Secrets, brokers: list[tuple[str, int]], options: dict[str, str]) -> Any:  # noqa: ANN401
        if self._producer is not None and self._made_for == secrets:
            return self._producer
        from confluent_kafka import Producer  # noqa: PLC0415 - optional

        settings: dict[str, Any] = {
            "bootstrap.servers": ",".join(f"{host}:{port}" for host, port in brokers),
            "client.id": "nonself",
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": round(_WAIT_S * 1000) - 1000,
            "log_level": 0,
            **options,
        }
        if secrets.token:
            settings["sasl.password"] = secrets.token
        self._producer = Producer(settings)
        self._made_for = secrets
        return self._producer


def read(address: str) -> tuple[list[tuple[str, int]], str, dict[str, str]]:
    """Return brokers, topic and options of an address.

    Raises:
        ValueError: It is none; the message says what was expected.

    Examples:
        >>> read("kafka://one:9092,two:9093/alerts")[:2]
        ([('one', 9092), ('two', 9093)], 'alerts')
    """
    parts = urlsplit(address)
    topic = parts.path.removeprefix("/")
    if parts.scheme != "kafka" or not topic or "/" in topic or "@" in parts.netloc:
        raise ValueError(_EXPECTED)
    brokers = []
    for each in parts.netloc.split(","):
        host, _, port = each.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(_EXPECTED)
        brokers.append((host.strip("[]"), int(port)))
    options = dict(parse_qsl(parts.query))
    if unknown := sorted(set(options) - _OPTIONS):
        msg = f"expected no options but {', '.join(sorted(_OPTIONS))}; got {', '.join(unknown)}"
        raise ValueError(msg)
    return brokers, topic, options


def key_of(event: Event) -> bytes:
    """Return what decides on the partition."""
    if is_trouble(event):
        return str(event["data"]["trouble"]["dedup_key"]).encode()
    alert = None if event["type"] == TEST else event["data"].get("alert")
    return str(alert["id"]).encode() if alert else event["type"].encode()

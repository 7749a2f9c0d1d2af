"""OTLP logs: a receiver on the official protobufs that throttles, goes away and comes back."""

import json
from collections.abc import Callable

from tests.hooks import LOOPBACK, a_sender, add, pass_time, raise_alerts
from tests.otlp import LogsReceiver
from tests.service import Service


def test_a_receiver_of_otlp_that_was_down_gets_every_alert(open_service: Callable[..., Service]) -> None:
    """Throttled, gone and back at its old port, it reads each change, in order, with the protobuf."""
    service = open_service(**LOOPBACK)
    with LogsReceiver() as first:
        first.script.append((429, {"Retry-After": "3"}, b""))
        add(service, f"{first.url}/v1/logs", kind="otlp")
        raise_alerts(service, "Shell")
        sender = a_sender(service)
        sender.step()
        pass_time(service, 20)
        sender.step()
    raise_alerts(service, "Miner", "Shell", first=2)
    pass_time(service, 20)
    sender.step()
    down = service.get("/v1/channels/1").json()
    with LogsReceiver(first.port) as second:
        pass_time(service, 60)
        sender.step()

    assert down["pending"] == 2
    assert (first.refused, second.refused) == ([], [])
    assert service.get("/v1/channels/1").json()["pending"] == 0
    told = []
    for record in (*first.records, *second.records):
        attributes = {each.key: each.value.string_value for each in record.attributes}
        event = json.loads(attributes["nonself.event"])
        told.append((event["type"], event["data"]["alert"]["id"]))
        assert record.time_unix_nano > 0
        assert record.body.string_value
    assert told == [("alert.opened", 1), ("alert.opened", 2), ("alert.grew", 1)]

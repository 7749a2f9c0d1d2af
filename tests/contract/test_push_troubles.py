"""Troubles of nonself itself are pushed to the channels that want them: at least once, and each in order."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from api.push.kinds.base import Message
from api.push.kinds.chat import _name_incident, open_plugin
from api.push.kinds.kafka import key_of
from api.push.kinds.otlp import request
from api.push.seal import Secrets
from api.push.sender import Sender
from api.push.shapes import as_text
from api.push.words import Shape
from api.tokens.service import Role
from api.troubles.kinds import Bounds, TroubleKind, bounds
from api.troubles.watch import Watch
from tests.hooks import LOOPBACK, Hook, a_sender, add, deliveries, pass_time, raise_alerts
from tests.service import NOW_MS, Service, a_delta

GOLDEN = Path(__file__).parents[1] / "golden" / "push"
BAD = (500, {}, b"broken")
REFUSED = (422, {}, b"no")
WORKER = "The worker is not running."


@pytest.fixture
def service(open_service: Callable[..., Service]) -> Service:
    """A service whose worker works, and whose channels may reach this host."""
    service = open_service(cluster="prod", **LOOPBACK)
    service.core.worker_trouble = lambda: None
    return service


@pytest.fixture
def looking(service: Service) -> Watch:
    """What opens and closes troubles, as often as the test says."""
    watch = Watch(service.core)
    # Whatever the disk of this machine is like, it is no part of these tests.
    watch._limits = {**bounds(10), TroubleKind.DISK: Bounds(-1, 0, "share free")}
    return watch


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A receiver that takes every message."""
    with Hook() as made:
        yield made


def break_worker(service: Service, looking: Watch) -> None:
    """Have a trouble open."""
    service.core.worker_trouble = lambda: WORKER
    looking.look()


def mend_worker(service: Service, looking: Watch) -> None:
    """Have it close."""
    service.core.worker_trouble = lambda: None
    looking.look()


def told(hook: Hook) -> list[tuple[str, str, str]]:
    """Return what a receiver was told of troubles, in order: type, kind and subject."""
    return [
        (each["type"], each["data"]["trouble"]["kind"], each["data"]["trouble"]["subject"])
        for each in hook.events
        if each["type"].startswith("trouble.")
    ]


def test_a_trouble_that_opened_and_closed_is_two_messages_with_one_key(
    service: Service, hook: Hook, looking: Watch
) -> None:
    """Both were routed after it was over, and each says what was so when it happened, in words of its own."""
    add(service, hook.url, troubles={})
    break_worker(service, looking)
    pass_time(service, 60)
    mend_worker(service, looking)
    a_sender(service).step()

    opened, closed = hook.events
    assert opened == golden("trouble.opened")
    assert closed == golden("trouble.closed")
    assert [each["trouble"] for each in deliveries(service, trouble=1)] == [1, 1]


def golden(name: str) -> Any:
    """Return a kept message."""
    return json.loads((GOLDEN / f"{name}.json").read_text())


def test_a_channel_is_told_of_troubles_only_where_it_wants_them(
    service: Service, hook: Hook, looking: Watch
) -> None:
    """As a channel of before is not; of one kind; of all; and of troubles without alerts."""
    for name, wish in (
        ("none", {}),
        ("other", {"troubles": {"kinds": ["disk"]}}),
        ("this", {"troubles": {"kinds": ["worker"]}}),
        ("only", {"troubles": {"only": True}}),
    ):
        add(service, f"{hook.url}/{name}", name=name, **wish)
    break_worker(service, looking)
    raise_alerts(service, "Shell")
    for channel in range(1, 5):
        a_sender(service, channel).step()

    kept = [[each["type"] for each in deliveries(service, channel)] for channel in range(1, 5)]
    assert kept == [
        ["alert.opened"],
        ["alert.opened"],
        ["alert.opened", "trouble.opened"],
        ["trouble.opened"],
    ]


def test_a_channel_that_is_opened_to_troubles_hears_no_history(
    service: Service, hook: Hook, looking: Watch
) -> None:
    """Only what opens and closes from then on."""
    add(service, hook.url)
    break_worker(service, looking)
    sender = a_sender(service)
    sender.step()
    assert service.put("/v1/channels/1/routing", {"troubles": {}}).json()["troubles"]["kinds"] == []
    sender.step()
    mend_worker(service, looking)
    sender.step()

    assert told(hook) == [("trouble.closed", "worker", "service")]


def test_a_crash_before_or_after_the_queue_loses_and_repeats_nothing(
    service: Service, hook: Hook, looking: Watch
) -> None:
    """The sender dies once it has routed; another one brings the message, under the same id."""
    hook.script += [BAD]
    add(service, hook.url, troubles={})
    break_worker(service, looking)
    a_sender(service).step()
    pass_time(service, 10)
    for _ in range(2):
        Sender(service.core, 1, chance=random.Random(2)).step()

    assert len(hook.requests) == 2
    assert len(set(hook.ids)) == 1
    assert told(hook) == [("trouble.opened", "worker", "service")] * 2


def test_the_end_of_a_trouble_never_passes_its_beginning(
    service: Service, hook: Hook, looking: Watch
) -> None:
    """The first message is refused: alerts go on, and what follows of the same trouble waits for it."""
    hook.script += [REFUSED]
    add(service, hook.url, troubles={})
    break_worker(service, looking)
    sender = a_sender(service)
    sender.step()
    mend_worker(service, looking)
    raise_alerts(service, "Shell")
    sender.step()
    between = [each["type"] for each in hook.events]
    pass_time(service, 60)
    sender.step()

    assert between == ["trouble.opened", "alert.opened"]
    assert [each["type"] for each in hook.events[2:]] == ["trouble.opened", "trouble.closed"]


def test_a_channel_is_not_told_of_its_own_trouble_and_another_is(
    service: Service, hook: Hook, looking: Watch
) -> None:
    """A receiver that is down would wait for news of itself, and each failure would be one more message."""
    with Hook() as broken:
        broken.script += [BAD] * 3
        add(service, broken.url, name="broken", troubles={})
        add(service, hook.url, name="well", troubles={})
        raise_alerts(service, "Shell")
        sender, other = a_sender(service), a_sender(service, 2)
        seen = []
        for _ in range(4):
            sender.step()
            looking.look()
            other.step()
            seen.append(told(hook))
            pass_time(service, 60)
        assert told(broken) == []

    opened, closed = (f"trouble.{each}" for each in ("opened", "closed"))
    assert seen[:2] == [[], []], "One failure or two are no trouble yet."
    assert seen[2] == [(opened, "channel", "broken")]
    assert seen[3] == [(opened, "channel", "broken"), (closed, "channel", "broken")]
    assert [each["type"] for each in deliveries(service)] == ["alert.opened"]


def test_a_channel_that_a_person_disabled_is_in_no_trouble_and_one_that_its_receiver_left_is(
    service: Service, hook: Hook, looking: Watch
) -> None:
    """A reason stands beside both; 410 is the receiver's."""
    hook.script += [(410, {}, b"")]
    add(service, f"{hook.url}/a", name="left")
    add(service, f"{hook.url}/b", name="put-away")
    assert service.request("POST", "/v1/channels/2/disable", Role.ADMIN, json={}).status_code == 200
    raise_alerts(service, "Shell")
    a_sender(service).step()
    looking.look()

    found = service.get("/v1/troubles", kind="channel").json()["items"]
    assert [each["subject"] for each in found] == ["left"]
    assert "put-away" not in service.http.get("/readyz").json()["push"]


def test_a_message_that_is_refused_is_trouble_while_others_arrive(
    service: Service, hook: Hook, looking: Watch
) -> None:
    """From a quarter of an hour on: told to another channel and not to this one; over once it is taken."""
    with Hook() as picky:
        picky.script += [REFUSED]
        kinds = ["channel", "refused"]
        add(service, picky.url, name="picky", troubles={"kinds": kinds})
        add(service, hook.url, name="ops", troubles={"kinds": kinds, "only": True})
        raise_alerts(service, "Shell")
        sender, other = a_sender(service), a_sender(service, 2)
        sender.step()
        looking.look()
        pass_time(service, 900)
        looking.look()
        other.step()
        sender.step()
        looking.look()
        other.step()
        assert told(picky) == []

    assert told(hook) == [("trouble.opened", "refused", "picky"), ("trouble.closed", "refused", "picky")]
    assert "it answered 422" in hook.events[0]["data"]["trouble"]["said"]


def test_quiet_hours_hold_a_trouble_and_a_digest_tells_it(
    service: Service, hook: Hook, looking: Watch
) -> None:
    """One that is critical is told at once; the others come with what happened to alerts."""
    quiet = {"start": "00:00", "end": "23:59"}
    add(service, hook.url, troubles={}, pacing={"quiet": quiet})
    service.send(a_delta())
    service.worker.drain()
    pass_time(service, 300)
    break_worker(service, looking)
    raise_alerts(service, "Shell")
    sender = a_sender(service)
    sender.step()
    assert [each["data"]["trouble"]["kind"] for each in hook.events] == ["worker"]
    pass_time(service, 86_400)
    sender.step()

    digest = hook.events[1]
    assert digest["type"] == "alert.digest"
    assert (digest["data"]["alerts"], digest["data"]["troubles"]) == (1, 1)
    assert [each["trouble"]["kind"] for each in digest["data"]["trouble_items"]] == ["node_silent"]


def test_a_limit_counts_troubles_too(service: Service, hook: Hook, looking: Watch) -> None:
    """One message an hour: the end of the trouble comes in the next."""
    add(service, hook.url, troubles={}, pacing={"limit": {"messages": 1, "period_s": 3600}})
    break_worker(service, looking)
    sender = a_sender(service)
    sender.step()
    mend_worker(service, looking)
    sender.step()
    before = len(hook.events)
    pass_time(service, 3600)
    sender.step()

    assert before == 1
    assert [each[0] for each in told(hook)] == ["trouble.opened", "trouble.closed"]


def message(name: str, shape: Shape = Shape.NONSELF) -> Message:
    """Return what is sent of a kept event."""
    return Message(
        id="msg_1", event=golden(name), now_ms=NOW_MS, shape=shape, secrets=Secrets(address="https://a")
    )


@pytest.mark.parametrize("name", ["trouble.opened", "trouble.closed"])
def test_a_trouble_is_a_line_of_cef(name: str) -> None:
    """As kept; other formats give its own form."""
    event = golden(name)

    assert as_text(event, Shape.CEF) + "\n" == (GOLDEN / f"{name}.cef").read_text()
    for shape in (Shape.OCSF, Shape.ECS, Shape.NONSELF):
        assert json.loads(as_text(event, shape)) == event


def test_a_trouble_is_a_log_record_of_the_service() -> None:
    """No workload is named; the level is the severity."""
    body = request(message("trouble.opened"))["resourceLogs"][0]
    record = body["scopeLogs"][0]["logRecords"][0]

    assert {each["key"]: each["value"]["stringValue"] for each in body["resource"]["attributes"]} == {
        "service.name": "nonself",
        "k8s.cluster.name": "prod",
    }
    assert (record["severityText"], record["eventName"]) == ("critical", "trouble.opened")
    assert WORKER in record["body"]["stringValue"]


def test_beginning_and_end_share_a_partition_and_an_incident() -> None:
    """Kafka's key and PagerDuty's are the trouble's own; the second message resolves the incident."""
    plugin = open_plugin("pagerduty://" + "a" * 32 + "@" + "b" * 20)
    seen = []
    for name in ("trouble.opened", "trouble.closed"):
        plugin.dedup = None
        _name_incident(plugin, golden(name))
        seen.append((key_of(golden(name)), plugin.dedup, plugin.action))

    key = "nonself/prod/worker/service"
    assert seen == [(key.encode(), key, "trigger"), (key.encode(), key, "resolve")]


def test_the_command_opens_a_channel_to_troubles(
    service: Service, hook: Hook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To all, to some, to them alone; and `route` without them closes it again."""
    token = tmp_path / "admin"
    token.write_text(service.secrets[Role.ADMIN])
    asked = ["--url", service.url, "--token-file", str(token), "--json"]
    seen = []
    for words in (
        ["add", "soc", hook.url, "--troubles"],
        ["route", "soc", "--trouble", "loss", "--trouble", "disk"],
        ["route", "soc", "--only-troubles"],
        ["route", "soc"],
    ):
        assert main(["channels", *words, *asked]) == 0
        seen.append(json.loads(capsys.readouterr().out)["troubles"])

    assert seen == [
        {"kinds": [], "only": False},
        {"kinds": ["loss", "disk"], "only": False},
        {"kinds": [], "only": True},
        None,
    ]

"""The order of deliveries, whatever the receiver answers."""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from sqlalchemy import delete, select

from api.core import Core
from api.db.migrate import upgrade
from api.db.push_tables import ChannelRow, DeliveryRow
from api.db.store import Store
from api.push import queue
from api.push.kinds.base import Message, OneWay
from api.push.outcome import DELIVERED, Outcome, Verdict
from api.push.router import new_delivery
from api.push.seal import Sealer, Secrets
from api.push.sender import Sender
from api.settings import ServiceSettings
from tests.service import NOW_MS, FakeClock

HOUR_MS = 3_600_000
ANSWERS = st.sampled_from([Verdict.DELIVERED, Verdict.DOWN, Verdict.REFUSED])


class Scripted(OneWay):
    """A receiver that answers as it is told, and then takes all."""

    def __init__(self, script: Sequence[Verdict]) -> None:
        self._script = list(script)
        self.taken: list[Mapping[str, Any]] = []

    def send(self, message: Message) -> Outcome:
        verdict = self._script.pop(0) if self._script else Verdict.DELIVERED
        if verdict is not Verdict.DELIVERED:
            return Outcome(verdict, "as told")
        self.taken.append(message.event)
        return DELIVERED


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    """A store with one channel."""
    folder = tmp_path_factory.mktemp("push")
    made = ServiceSettings(state_dir=folder)
    upgrade(made.url)
    core = Core(settings=made, store=Store(made.url), clock=FakeClock())
    with core.store.write() as session:
        session.add(a_channel(folder))
    yield core
    core.store.close()


def a_channel(folder: Path) -> ChannelRow:
    """Return a channel that is told everything."""
    return ChannelRow(
        name="soc",
        kind="webhook",
        shown="https://soc.example",
        sealed=Sealer(folder).seal(Secrets(address="https://soc.example")),
        format="nonself",
        filters={},
        pacing={},
        enabled=True,
        created_at=NOW_MS,
        updated_at=NOW_MS,
        routed_to=0,
    )


@settings(max_examples=25)
@example(alerts=[None, 1, None, 2], script=[Verdict.DELIVERED, Verdict.REFUSED], seed=0)
@given(
    alerts=st.lists(st.one_of(st.integers(1, 3), st.none()), min_size=1, max_size=8),
    script=st.lists(ANSWERS, max_size=8),
    seed=st.integers(0, 99),
)
def test_no_message_of_an_alert_passes_an_earlier_one(
    core: Core, alerts: list[int | None], script: list[Verdict], seed: int
) -> None:
    """All arrive, those of an alert in order; a digest (None) after all before it, before all after it."""
    fill(core, alerts)
    receiver = Scripted(script)
    clock = core.clock
    assert isinstance(clock, FakeClock)
    for _ in range(len(script) + 2):
        Sender(core, 1, chance=random.Random(seed), transport=receiver).step()
        clock.at_ms += 7 * HOUR_MS

    numbers = [event["number"] for event in receiver.taken]
    assert sorted(numbers) == list(range(len(alerts)))
    place = {number: index for index, number in enumerate(numbers)}
    for later, alert in enumerate(alerts):
        for earlier, before in enumerate(alerts[:later]):
            if alert == before or alert is None or before is None:
                assert place[earlier] < place[later]


def fill(core: Core, alerts: Sequence[int | None]) -> None:
    """Have these wait, and nothing else; they are not given up."""
    core.clock = FakeClock()
    with core.store.write() as session:
        session.execute(delete(DeliveryRow))
        channel = session.scalars(select(ChannelRow)).one()
        channel.failures, channel.resume_at = 0, 0
        rows = [
            new_delivery(channel.id, {"number": number}, now_ms=NOW_MS, give_up_ms=1000 * HOUR_MS)
            | {"alert_id": alert}
            for number, alert in enumerate(alerts)
        ]
        queue.add(session, rows)

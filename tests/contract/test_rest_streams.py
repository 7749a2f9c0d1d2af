"""Lists of changes lose their oldest: who follows them learns of every gap, and history of people stays."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from sqlalchemy import func, select

from api import changes, streams
from api.core import Core
from api.db.alert_tables import AlertChangeRow
from api.db.migrate import upgrade
from api.db.retention_tables import DroppedRow
from api.db.slices import Slice
from api.db.store import Store
from api.errors import CursorError, SettingError
from api.paging import decode_cursor, encode_cursor
from api.retention.keeper import Keeper
from api.settings import ServiceSettings
from api.streams import Stream
from api.tokens.service import Role
from api.troubles.judging import Judgement, Key, Reading
from api.troubles.kinds import TroubleKind
from api.troubles.repository import find_open, store as store_troubles
from api.vocabulary import AlertChange
from tests.rows import add_alert, add_workloads
from tests.service import FakeClock, Service, a_match

DAY_MS = round(timedelta(days=1) / timedelta(milliseconds=1))
PATH = "/v1/alerts/changes"


@pytest.fixture
def aged(open_service: Callable[..., Service]) -> Service:
    """A service whose one alert opened, was acknowledged and grew; half a year later it grew again."""
    service = open_service()
    service.core.clock = clock = FakeClock()
    service.match(a_match(1))
    service.worker.drain()
    step = {"action": "acknowledge", "comment": "on it"}
    assert service.request("POST", "/v1/alerts/1/triage", Role.TRIAGE, json=step).status_code == 200
    service.match(a_match(2))
    service.worker.drain()
    clock.at_ms += 180 * DAY_MS
    service.match(a_match(3))
    service.worker.drain()
    Keeper(service.core).tidy()
    return service


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, to be copied."""
    path = tmp_path_factory.mktemp("streams") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


def names(answer: Any) -> list[str]:
    """Return what happened, of a page."""
    return [each["change"] for each in answer.json()["items"]]


def test_what_the_service_said_goes_and_what_people_did_stays(aged: Service) -> None:
    """With the alert; the list of all goes back as far as it has no gap, and what went is told."""
    assert names(aged.get(PATH, alert=1)) == ["acknowledged", "grew"]
    assert names(aged.get(PATH)) == ["grew"]
    assert names(aged.get(PATH, since="2000-01-01T00:00:00Z")) == ["grew"]
    with aged.core.store.read() as session:
        (row,) = session.scalars(select(DroppedRow)).all()
    assert (row.cause, row.what, row.count) == ("age", "changes", 2)
    assert aged.get("/v1/retention").json()["days"]["changes"] == 30


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_cursor_from_before_a_gap_is_410_and_brings_a_good_one(aged: Service, after: int) -> None:
    """With a sentence, and a cursor after which nothing is missing."""
    refused = aged.get(PATH, cursor=encode_cursor(after))
    problem = refused.json()
    again = aged.get(PATH, cursor=problem["next_cursor"])

    assert (refused.status_code, problem["type"]) == (410, "/problems/cursor-expired")
    assert "dropped because of their age" in problem["detail"]
    assert (names(again), names(aged.get(PATH, cursor=again.json()["next_cursor"]))) == (["grew"], [])


def test_who_starts_where_all_has_gone_follows_from_there(aged: Service) -> None:
    """The cursor of an empty first page is good, also for who may see one namespace alone."""
    limited = {"name": "shop", "role": "read", "namespaces": ["shop"]}
    secret = aged.request("POST", "/v1/tokens", Role.ADMIN, json=limited).json()["token"]
    aged.core.clock.at_ms += 40 * DAY_MS
    Keeper(aged.core).tidy()
    headers = {"Authorization": f"Bearer {secret}"}

    empty = aged.http.get(PATH, headers=headers)
    aged.match(a_match(4))
    aged.worker.drain()
    cursor = empty.json()["next_cursor"]

    assert (empty.status_code, empty.json()["items"]) == (200, [])
    assert names(aged.http.get(PATH, params={"cursor": cursor}, headers=headers)) == ["grew"]


def test_troubles_that_are_over_go_and_leave_a_mark(aged: Service) -> None:
    """After the time of findings; one that goes on stays in the list of troubles."""

    def happen(opened: dict[str, str], closed: tuple[str, ...] = ()) -> None:
        readings = {Key(TroubleKind.DISK, name): Reading(name, 1.0, said) for name, said in opened.items()}
        judged = Judgement(readings, {Key(TroubleKind.DISK, name): None for name in closed}, {})
        with aged.core.store.write() as session:
            store_troubles(session, judged, find_open(session), aged.core.clock.now_ms())

    happen({"/a": "Full.", "/b": "Full."})
    happen({}, ("/b",))
    first = aged.get("/v1/troubles/changes").json()
    aged.core.clock.at_ms += 366 * DAY_MS
    happen({"/c": "Full."})
    Keeper(aged.core).tidy()

    assert [each["subject"] for each in aged.get("/v1/troubles").json()["items"]] == ["/a", "/c"]
    changes_now = aged.get("/v1/troubles/changes").json()["items"]
    assert [(each["trouble"]["subject"], each["change"]) for each in changes_now] == [("/c", "opened")]
    assert aged.get("/v1/troubles/changes", cursor=first["next_cursor"]).json()["items"] == changes_now
    refused = aged.get("/v1/troubles/changes", cursor=encode_cursor(1))
    assert (refused.status_code, refused.json()["next_cursor"]) == (410, first["next_cursor"])


@settings(max_examples=12, deadline=None)
@given(steps=st.lists(st.sampled_from(["grew", "commented", "wait", "tidy", "poll"]), max_size=40))
def test_a_follower_sees_all_or_is_told(
    template: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Whenever it asks, it gets every change after its cursor that ever was, or 410 with a better cursor."""
    folder = tmp_path_factory.mktemp("case")
    (folder / "nonself.db").write_bytes(template.read_bytes())
    given_settings = ServiceSettings(state_dir=folder)
    core = Core(settings=given_settings, store=Store(given_settings.url), clock=FakeClock())
    with core.store.write() as session:
        add_workloads(session, 1)
        add_alert(session, 1, status="open")
    ever, cursor = [0], 0
    for each in [*steps, "tidy", "poll"]:
        if each == "wait":
            core.clock.at_ms += 11 * DAY_MS  # type: ignore[attr-defined]
        elif each == "tidy":
            Keeper(core).tidy()
        elif each == "poll":
            cursor = _poll(core, cursor, ever)
        else:
            with core.store.write() as session:
                actor = "ana" if each == "commented" else None
                changes.record(session, 1, AlertChange(each), now_ms=core.clock.now_ms(), actor=actor)
                session.flush()
                ever.append(session.scalar(select(func.max(AlertChangeRow.id))) or 0)
    assert cursor == ever[-1]
    core.store.close()


def _poll(core: Core, cursor: int, ever: list[int]) -> int:
    for _ in itertools.count():
        with core.store.read() as session:
            try:
                page = streams.follow(session, Stream.ALERTS, Slice(after=cursor, limit=3), resumed=True)
            except CursorError as error:
                told = decode_cursor(str(error.members["next_cursor"]))
                assert told > cursor
                cursor = told
                continue
            rows = page.of(select(AlertChangeRow.id), AlertChangeRow.id, AlertChangeRow.created_at)
            found = list(session.scalars(rows))
        assert found == [each for each in ever if each > cursor][:3]
        if not found:
            return cursor
        cursor = found[-1]
    return cursor


def test_changes_outlast_what_channels_try_again() -> None:
    """A message that waits may be about a change that retention would have dropped."""
    with pytest.raises(SettingError, match="at least 5"):
        ServiceSettings(change_retention_days=4, push_give_up_hours=100)

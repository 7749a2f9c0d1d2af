"""Taking back a bad hour, and twelve replicas that teach one baseline."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import select

from api import cli
from api.clock import to_datetime
from api.db.access_tables import AuditRow
from api.db.tables import BaselineRow
from api.lifecycle.provenance import Provenance
from api.retention.keeper import Keeper
from api.tokens.service import Role
from api.worker.worker import Worker
from model import snapshot
from model.baseline import Baseline
from model.state import BaselineState
from model.window import Window
from tests.databases import Database
from tests.service import LOOP, Service, a_container, a_delta, serving
from wire.ngram import pack
from wire.profile import ProfileDelta

BAD = {pack([7, 8, 9, 10, 11, each]): 1 for each in range(1, 9)}
COUNTED = ("ngrams", "counts", "held_by", "sizes", "sizes_held")


def learned(service: Service) -> tuple[BaselineState, Provenance]:
    """Return what the only baseline has learned, and from which windows."""
    with service.core.store.read() as session:
        row = session.scalars(select(BaselineRow)).one()
        return snapshot.from_bytes(row.snapshot).state(), Provenance.from_plain(row.provenance)


def assert_same(one: BaselineState, other: BaselineState) -> None:
    """Say that all that is counted is equal, bit for bit."""
    for name in COUNTED:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for name in ("arch", "windows", "windows_from_start", "refused_calls"):
        assert getattr(one, name) == getattr(other, name), name


def span(first: int, last: int) -> dict[str, str]:
    """Return the time of these windows, as a wish."""
    times = {"since": a_delta(first).start, "until": a_delta(last).end}
    return {name: to_datetime(at).isoformat() for name, at in times.items()} | {"reason": "a pentest"}


def ask(service: Service, wish: dict, version: int = 1):
    """Ask to unlearn."""
    return service.request("POST", f"/v1/baselines/{version}/unlearn", Role.ADMIN, json=wish)


def test_a_bad_hour_is_taken_back_as_if_it_never_was(
    service: Service, tmp_path: Path, database: Database
) -> None:
    """Counts, sizes and provenance are, bit for bit, those of a service that never saw the hour."""
    (tmp_path / "clean").mkdir()
    with serving(tmp_path / "clean", database) as clean:
        clean.learn(100)
        clean.learn(50, first=460)
        never = learned(clean)
    service.learn(100)
    for first in range(100, 460, 40):
        bad = (a_delta(first + each, {**LOOP, **dict(list(BAD.items())[: each % 8])}) for each in range(40))
        service.send(*bad)
        service.worker.drain()
    service.learn(50, first=460)
    with_it = learned(service)

    answer = ask(service, span(100, 459))
    service.learn(0)

    without = learned(service)
    quarantined = service.get("/v1/workloads/1").json()["quarantined"]
    assert answer.status_code == 200, answer.text
    assert answer.json()["windows"] == 360 - quarantined
    assert answer.json()["windows"] > 300
    assert with_it[0].windows > never[0].windows
    assert_same(without[0], never[0])
    assert without[1] == never[1]
    with service.core.store.read() as session:
        entry = session.scalars(select(AuditRow).where(AuditRow.action == "workload.unlearn")).one()
    assert (entry.actor, entry.target, entry.detail["reason"]) == ("admin", "1", "a pentest")


def test_one_replica_is_unlearned_apart_from_its_siblings(service: Service) -> None:
    """Only the windows of that container are taken back, and the worker goes on from there."""
    names = [a_container(id=letter * 64) for letter in "ab"]
    service.send(*(a_delta(each, container=name) for each in range(40) for name in names))
    service.worker.drain()

    answer = ask(service, span(0, 39) | {"container": "b" * 64})
    service.learn(1, first=50, container=names[0])

    assert answer.json()["windows"] == 40
    assert learned(service)[0].windows == 41
    assert len(learned(service)[1].replicas) == 1


def test_a_span_is_unlearned_whole_or_not_at_all(service: Service) -> None:
    """Where the counts of some windows are gone, nothing is changed, and the sentence says how many."""
    service.learn(20)
    service.core.clock.at_ms += 25 * 3_600_000
    Keeper(service.core).tidy()
    service.learn(20, first=20)
    before = learned(service)

    answer = ask(service, span(10, 29))

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-possible")
    assert "10 of 20 windows have none" in answer.json()["detail"]
    assert_same(learned(service)[0], before[0])
    assert ask(service, span(900, 901)).status_code == 409


def test_what_another_version_learned_is_not_taken_from_the_live_one(service: Service) -> None:
    """A window belongs to the version that learned it and to later copies, whichever is live now."""
    clock = service.core.clock

    def pass_time() -> None:
        clock.at_ms += 1000

    def mode(wanted: str) -> None:
        pass_time()
        service.put("/v1/workloads/1/mode", {"mode": wanted, "reason": "x"})
        pass_time()

    def step(score: int, what: str) -> int:
        pass_time()
        answer = service.request("POST", f"/v1/scores/{score}/{what}", Role.ADMIN, json={"reason": "x"})
        return answer.status_code

    service.learn(40)
    mode("enforcement-alert")
    first = learned(service)
    mode("learning")
    service.learn(10, first=40)
    # The second version is a copy, so both a window of the first and one of its own can be taken from it.
    of_copy = [step(3, "unlearn"), step(45, "unlearn")]
    pass_time()
    service.request("POST", "/v1/baselines/1/rollback", Role.ADMIN, json={"reason": "x"})
    back = learned(service)
    # In the first, window 3 was never unlearned and window 46 never learned.
    in_first = [step(3, "relearn"), step(46, "unlearn"), ask(service, span(40, 60)).status_code]
    after = learned(service)
    own = step(5, "unlearn")

    assert of_copy == [200, 200]
    assert_same(back[0], first[0])
    assert in_first == [409, 409, 409]
    assert_same(after[0], first[0])
    assert own == 200
    assert learned(service)[0].windows == 39


def test_a_span_is_unlearned_at_a_terminal(service: Service, tmp_path: Path, capsys) -> None:
    """The command says how much is left."""
    service.learn(40)
    token = tmp_path / "my-token"
    token.write_text(service.secrets[Role.ADMIN])
    wish = span(30, 39)
    options = [f"--{name}={wish[name]}" for name in ("since", "until", "reason")]

    code = cli.main(
        ["baseline", "unlearn", "shop/cart/web", *options, f"--url={service.url}", f"--token-file={token}"]
    )

    assert code == 0
    assert capsys.readouterr().out == "shop/cart/web: 10 windows were unlearned; 30 windows are learned.\n"


def schedule(dice: random.Random) -> list[ProfileDelta]:
    """Return the windows of twelve replicas that are started, killed and rescheduled at random, shuffled."""
    deltas, born = [], 0
    for slot in range(12):
        container = a_container(id=f"{born:064d}", pod_uid=f"uid-{slot}-{born}", pod="cart-0")
        for index in range(60):
            if dice.random() < 0.1:
                born += 1
                container = replace(container, id=f"{born:064d}", pod_uid=f"uid-{slot}-{born}")
            if dice.random() < 0.8:
                ngrams = {ngram: count + dice.randrange(7) for ngram, count in LOOP.items()}
                deltas.append(a_delta(index, ngrams, container=container))
        born += 1
    # As agents of several nodes deliver them: roughly in time, never in order.
    return sorted(deltas, key=lambda each: each.start + dice.randrange(60_000))


def test_twelve_restless_replicas_teach_what_one_process_learns(service: Service) -> None:
    """However batches are cut, repeated and interrupted: counts equal those of one process, bit for bit."""
    dice = random.Random(12)
    deltas = schedule(dice)
    waiting = list(deltas)
    while waiting:
        size = dice.randrange(1, 40)
        batch, waiting = waiting[:size], waiting[size:]
        assert service.send(*batch).status_code == 200
        if dice.random() < 0.3:
            assert service.send(*batch).status_code == 409
        if dice.random() < 0.2:
            service.worker = Worker(service.core)
        service.worker.drain()

    rows = service.get("/v1/scores", limit=1000).json()["items"]
    learnt = {(each["container"]["id"], each["start"]) for each in rows if each["learned"]}
    alone = Baseline(arch="x86_64")
    for delta in sorted(deltas, key=lambda each: (each.container.id, each.start)):
        start = to_datetime(delta.start).isoformat().replace("+00:00", "Z")
        if (delta.container.id, start) in learnt:
            window = Window.from_delta(delta)
            alone.learn_window(window, alone.score_window(window))

    assert len(rows) == len(deltas) > 500
    assert len(learnt) > 0.99 * len(deltas)
    assert len({delta.container.id for delta in deltas}) > 40
    assert_same(learned(service)[0], alone.state())

"""Unlearning and what else a person may do with one window's learning, over REST."""

import pytest
from sqlalchemy import select

from api.clock import to_datetime
from api.db.access_tables import AuditRow
from api.db.tables import BaselineRow, ScoreRow
from api.retention.keeper import Keeper
from api.tokens.service import Role
from model import snapshot
from tests.service import LOOP, Service, a_container, a_delta
from wire.ngram import pack
from wire.profile import ContainerRef, Mark

ODD = {pack([9, 9, 9, 9, 9, each]): 1 for each in range(1, 3)}
SHELL = {pack([each, 59, each + 1, 60, 61, each + 2], injected=True): 3 for each in range(100, 160)}
WHY = {"reason": "the pentest of 24 November"}


def post(service: Service, score_id: int, step: str, body: object = WHY, role: Role = Role.ADMIN):
    """Ask for a step."""
    headers = {"Authorization": f"Bearer {service.secrets[role]}"}
    return service.http.post(f"/v1/scores/{score_id}/{step}", json=body, headers=headers)


def counted(service: Service) -> tuple[list[int], list[int], int]:
    """Return n-grams, counts and windows of the only baseline."""
    with service.core.store.read() as session:
        state = snapshot.from_bytes(session.scalars(select(BaselineRow.snapshot)).one()).state()
    return state.ngrams.tolist(), state.counts.tolist(), state.windows


def last_score(service: Service) -> dict:
    """Return the newest score."""
    return service.get("/v1/scores", limit=1000).json()["items"][-1]


def test_a_window_is_unlearned_exactly_and_relearned(service: Service) -> None:
    """The baseline is what it was before, then what it was after; both are audited with their reason."""
    service.learn(20)
    before = counted(service)
    service.send(a_delta(20, LOOP | ODD))
    service.worker.drain()
    with_it, score = counted(service), last_score(service)

    unlearned = post(service, score["id"], "unlearn")
    without = counted(service)
    service.learn(1, first=21)
    relearned = post(service, score["id"], "relearn")

    assert score["learned"]
    assert without == before != with_it
    assert (unlearned.status_code, unlearned.json()["learned"]) == (200, False)
    assert unlearned.json()["not_learned"] == "Unlearned by admin: the pentest of 24 November"
    assert relearned.json()["learned"]
    assert counted(service)[2] == 22
    assert set(ODD) <= set(counted(service)[0])
    with service.core.store.read() as session:
        trail = session.scalars(select(AuditRow).where(AuditRow.action.startswith("score."))).all()
    assert [(row.action, row.actor, row.target) for row in trail] == [
        ("score.unlearn", "admin", str(score["id"])),
        ("score.relearn", "admin", str(score["id"])),
    ]
    assert trail[0].detail == {"workload": 1, "reason": "the pentest of 24 November"}


def test_the_worker_goes_on_from_the_changed_baseline(service: Service) -> None:
    """What it held in memory is read anew: the next windows do not bring back what was unlearned."""
    service.learn(20)
    service.send(a_delta(20, LOOP | ODD))
    service.worker.drain()
    post(service, last_score(service)["id"], "unlearn")

    service.learn(5, first=30)

    assert counted(service)[2] == 25
    assert not set(ODD) & set(counted(service)[0])


def test_a_quarantined_window_is_released_or_dropped(service: Service) -> None:
    """Released it is learned, dropped it is not and waits no longer; a dropped one can be released later."""
    service.learn(60)
    service.send(a_delta(100, LOOP | SHELL), a_delta(300, LOOP | SHELL))
    service.worker.drain()
    first, second = service.get("/v1/scores", quarantined=True).json()["items"]

    released = post(service, first["id"], "release").json()
    dropped = post(service, second["id"], "drop").json()

    assert (released["learned"], released["quarantined"]) == (True, False)
    assert (dropped["learned"], dropped["quarantined"]) == (False, False)
    assert dropped["not_learned"].startswith("Dropped by admin")
    assert service.get("/v1/workloads/1").json()["quarantined"] == 0
    assert counted(service)[2] == 61
    assert post(service, second["id"], "release").json()["learned"]
    assert post(service, second["id"], "unlearn").json()["learned"] is False


def test_a_window_released_by_hand_is_remembered_as_one_of_its_kind(service: Service) -> None:
    """A person says that it belongs: its strangeness does not raise the record, relearned or not."""
    service.learn(60)
    service.send(a_delta(100, LOOP | SHELL))
    service.worker.drain()
    (held,) = service.get("/v1/scores", quarantined=True).json()["items"]

    remembered = []
    for step in ("release", "unlearn", "relearn"):
        assert post(service, held["id"], step).status_code == 200
        with service.core.store.read() as session:
            remembered.append(session.get(ScoreRow, held["id"]).learned_score)

    assert max(remembered) < held["score"] / 20
    highest = service.get("/v1/workloads/1/baseline").json()["calibration"]["quantiles"][-1]["score"]
    assert highest < held["score"] / 20


@pytest.mark.parametrize("step", ["relearn", "release", "drop"])
def test_a_learned_window_can_only_be_unlearned(service: Service, step: str) -> None:
    """Any other step is a conflict, in one sentence, and changes nothing."""
    service.learn(3)
    before = counted(service)

    answer = post(service, 1, step)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-possible")
    assert "this one is learned" in answer.json()["detail"]
    assert counted(service) == before


def test_a_window_whose_counts_are_gone_cannot_be_unlearned(service: Service) -> None:
    """After `learned_kept_hours` nobody knows what it taught; the sentence names the setting."""
    service.learn(3)
    service.core.clock.at_ms += 25 * 3_600_000
    Keeper(service.core).tidy()

    answer = post(service, 1, "unlearn")

    assert answer.status_code == 409
    assert "learned_kept_hours" in answer.json()["detail"]


def test_a_window_that_is_no_evidence_cannot_be_released(service: Service) -> None:
    """Its counts are not kept."""
    service.send(a_delta(0, marks=frozenset({Mark.PARTIAL})))
    service.worker.drain()

    assert post(service, 1, "release").status_code == 409


def test_only_admins_change_what_was_learned_and_say_why(service: Service) -> None:
    """A reader is forbidden to, a reason is needed, and there must be such a window and step."""
    service.learn(3)

    assert post(service, 1, "unlearn", role=Role.READ).status_code == 403
    assert post(service, 1, "unlearn", {}).status_code == 422
    assert post(service, 1, "unlearn", {"reason": ""}).status_code == 422
    assert post(service, 1, "forget").status_code == 422
    assert post(service, 99, "unlearn").status_code == 404


def test_one_replica_of_several_cannot_end_its_own_quarantine(service: Service) -> None:
    """However often it shows an intrusion, all stays quarantined until a second replica shows it too."""
    names = [a_container(id=letter * 64) for letter in "bcd"]
    service.send(*(a_delta(index, container=name) for index in range(40) for name in names))
    service.send(*(a_delta(index, LOOP | SHELL, container=names[0]) for index in range(100, 1000, 90)))
    service.worker.drain()
    alone = service.get("/v1/workloads/1").json()["quarantined"]

    service.send(a_delta(1000, LOOP | SHELL, container=names[1]))
    service.worker.drain()

    assert alone == 10
    assert service.get("/v1/workloads/1").json()["quarantined"] == 0


def test_a_sequence_is_new_until_a_second_replica_shows_it(service: Service) -> None:
    """Learned from one replica alone it scores as before; once a sibling was learned with it, it is known."""
    names = [a_container(id=letter * 64) for letter in "bcd"]
    service.send(*(a_delta(index, container=name) for index in range(40) for name in names))
    service.send(*(a_delta(index, LOOP | ODD, container=names[0]) for index in range(40, 50)))
    service.send(*(a_delta(index, container=name) for index in range(40, 50) for name in names[1:]))
    service.worker.drain()
    (alone,) = [each for each in scores_of(service, names[0]) if each["start"] == shown(a_delta(49).start)]

    service.send(a_delta(50, LOOP | ODD, container=names[1]))
    service.send(a_delta(51, LOOP | ODD, container=names[0]))
    service.worker.drain()

    assert (alone["learned"], alone["novelty"]) == (True, 0.0)
    assert alone["score"] > 4
    assert scores_of(service, names[0])[-1]["score"] < 2


def shown(at_ms: int) -> str:
    """Return an instant as JSON shows it."""
    return to_datetime(at_ms).isoformat().replace("+00:00", "Z")


def scores_of(service: Service, container: ContainerRef) -> list[dict]:
    """Return the scores of one container."""
    items = service.get("/v1/scores", limit=1000).json()["items"]
    return [each for each in items if each["container"]["id"] == container.id]

"""Learning a workload anew from a date: a version of its own, and the way back."""

from pathlib import Path

import pytest
from sqlalchemy import select

from api import cli
from api.baselines import drafts
from api.baselines.schemas import RelearnIn
from api.clock import to_datetime
from api.db.access_tables import AuditRow
from api.db.tables import BaselineRow
from api.errors import NotPossibleError, StoreError
from api.retention.keeper import Keeper
from api.tokens.service import Role
from model import snapshot
from tests.contract.test_rest_unlearning import assert_same, learned
from tests.service import LOOP, Service, a_container, a_delta, serving
from tests.unit.api.test_worker import SHELL
from wire.ngram import pack

OLD = {pack([20, 21, 22, 23, 24, each]): 2 for each in range(1, 6)}


def since(index: int) -> str:
    """Return the beginning of a window."""
    return to_datetime(a_delta(index).start).isoformat()


def ask(service: Service, index: int, version: int = 1, **wish):
    """Ask to relearn from a window on."""
    service.core.clock.at_ms += 1000
    body = {"since": since(index), "reason": "release 1.5"} | wish
    answer = service.request("POST", f"/v1/baselines/{version}/relearn", Role.ADMIN, json=body)
    service.core.clock.at_ms += 1000
    return answer


def content(service: Service) -> bytes:
    """Return all that the live version has learned."""
    with service.core.store.read() as session:
        return session.scalars(select(BaselineRow.snapshot)).one()


def an_old_release(service: Service, windows: int = 40) -> None:
    """Teach windows that hold what a later release does not do any more."""
    service.send(*(a_delta(index, LOOP | OLD) for index in range(windows)))
    service.worker.drain()


def test_what_is_relearned_is_what_another_service_learned_of_these_windows_alone(
    service: Service, tmp_path: Path, database: Path
) -> None:
    """To the byte, remembered scores and completeness too; and it learns on."""
    running = a_container(seen_from_start=False)
    service.send(*(a_delta(index, LOOP | OLD, container=running) for index in range(40)))
    service.worker.drain()
    service.learn(50, first=40, container=running)
    (tmp_path / "alone").mkdir()
    with serving(tmp_path / "alone", database) as alone:
        alone.learn(50, first=40, container=running)
        expected, provenance = content(alone), learned(alone)[1]

    answer = ask(service, 40)

    said = answer.json()
    assert answer.status_code == 200, answer.text
    assert (said["windows"], said["missing"], said["quarantined"]) == (50, 0, 0)
    assert said["text"].startswith("All 50 windows that were learned since 2025-11-24")
    assert (said["baseline"]["number"], said["baseline"]["state"], said["baseline"]["live"]) == (
        2,
        "ready",
        True,
    )
    assert said["difference"]["vanished"]["count"] == len(OLD)
    assert said["difference"]["new"]["count"] == 0
    assert content(service) == expected
    assert learned(service)[1] == provenance
    service.learn(5, first=90)
    assert learned(service)[0].windows == 55
    with service.core.store.read() as session:
        entry = session.scalars(select(AuditRow).where(AuditRow.action == "workload.relearn")).one()
    assert (entry.actor, entry.target) == ("admin", "1")
    assert entry.detail == {
        "since": a_delta(40).start,
        "windows": 50,
        "version": 2,
        "before": 1,
        "reason": "release 1.5",
    }


def test_a_dry_run_says_the_same_and_changes_nothing(service: Service) -> None:
    """What it counts is what the wish then does."""
    an_old_release(service)
    service.learn(50, first=40)
    before = content(service)

    tried = ask(service, 40, dry_run=True).json()
    untouched = content(service), service.get("/v1/baselines").json()["items"]
    done = ask(service, 40).json()

    assert untouched[0] == before
    assert [each["number"] for each in untouched[1]] == [1]
    assert tried["dry_run"]
    assert tried["baseline"]["number"] == 1
    same = ("windows", "missing", "oldest", "quarantined", "text", "completeness", "difference")
    assert {name: tried[name] for name in same} == {name: done[name] for name in same}


def test_a_rollback_returns_to_what_was_before(service: Service) -> None:
    """To the byte, and in its own right: what was relearned is stale."""
    an_old_release(service)
    service.learn(50, first=40)
    before = content(service)
    ask(service, 40)

    back = service.request("POST", "/v1/baselines/1/rollback", Role.ADMIN, json={"reason": "x"})

    assert (back.json()["state"], back.json()["live"]) == ("active", True)
    assert content(service) == before
    assert [each["state"] for each in service.get("/v1/baselines").json()["items"]] == ["active", "stale"]


def test_windows_of_a_relearned_version_can_be_unlearned_and_older_ones_cannot(service: Service) -> None:
    """A window is part of the version that learned it last."""
    an_old_release(service)
    service.learn(50, first=40)
    ask(service, 40)
    wish = {"reason": "x"}

    own = service.request("POST", "/v1/scores/60/unlearn", Role.ADMIN, json=wish)
    older = service.request("POST", "/v1/scores/10/unlearn", Role.ADMIN, json=wish)

    assert (own.status_code, older.status_code) == (200, 409)
    assert learned(service)[0].windows == 49


def test_what_was_unlearned_or_held_out_stays_out(service: Service) -> None:
    """What a person took back is not learned again, and what is quarantined is counted."""
    service.learn(60)
    service.send(a_delta(100, LOOP | SHELL))
    service.worker.drain()
    service.request("POST", "/v1/scores/30/unlearn", Role.ADMIN, json={"reason": "x"})

    said = ask(service, 20).json()

    assert (said["windows"], said["quarantined"]) == (39, 1)
    assert said["text"].endswith("1 are quarantined, and no part of it.")
    assert not set(SHELL) & set(learned(service)[0].ngrams.tolist())


def test_what_is_not_kept_any_more_is_said_in_a_sentence(service: Service) -> None:
    """The version is learned from the rest; where there is no rest, nothing is done."""
    service.learn(40)
    service.core.clock.at_ms += 25 * 3_600_000
    Keeper(service.core).tidy()
    nothing = ask(service, 0)
    service.learn(35, first=40)

    some = ask(service, 0).json()

    assert (nothing.status_code, nothing.json()["type"]) == (409, "/problems/not-possible")
    assert "Of 40 windows" in nothing.json()["detail"]
    assert "40 have no counts any more (learned_kept_hours)." in nothing.json()["detail"]
    assert (some["windows"], some["missing"]) == (35, 40)
    assert "Of 75 windows" in some["text"]
    assert "the oldest that has is of" in some["text"]


def test_a_workload_that_raises_alerts_is_not_left_without_a_baseline(service: Service) -> None:
    """Too few windows are refused in mode enforcement-alert; enough become the active version at once."""
    service.learn(60)
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert", "reason": "x"})

    few = ask(service, 50)
    enough = ask(service, 20)

    assert few.status_code == 409
    assert "to be active it needs at least 30" in few.json()["detail"]
    assert enough.json()["baseline"]["state"] == "active"
    service.send(a_delta(200, LOOP | SHELL))
    service.worker.drain()
    assert len(service.get("/v1/alerts").json()["items"]) == 1


def test_only_the_live_version_is_relearned_and_only_by_admins(service: Service) -> None:
    """A version at rest is a conflict, a reader is forbidden, an unknown version is not found."""
    service.learn(60)
    ask(service, 20)
    wish = {"since": since(0), "reason": "x"}

    assert ask(service, 20, version=1).status_code == 409
    assert ask(service, 20, version=9).status_code == 404
    assert service.request("POST", "/v1/baselines/2/relearn", Role.READ, json=wish).status_code == 403
    assert ask(service, 20, version=2, reason="").status_code == 422


def test_of_several_replicas_it_is_remembered_who_showed_what(service: Service) -> None:
    """Relearned from three replicas, what one alone has shown is still unvouched."""
    names = [a_container(id=letter * 64) for letter in "bcd"]
    service.send(*(a_delta(index, container=name) for index in range(40) for name in names))
    service.send(*(a_delta(index, LOOP | OLD, container=names[0]) for index in range(40, 45)))
    service.send(*(a_delta(index, container=name) for index in range(40, 50) for name in names[1:]))
    service.worker.drain()
    with service.core.store.read() as session:
        before = session.scalars(select(BaselineRow)).one().taught_by

    ask(service, 0)

    with service.core.store.read() as session:
        row = session.scalars(select(BaselineRow)).one()
        assert row.taught_by == before is not None
        assert_same(snapshot.from_bytes(row.snapshot).state(), learned(service)[0])


@pytest.mark.parametrize("dry", [True, False])
def test_a_person_relearns_at_a_terminal(service: Service, tmp_path: Path, capsys, dry: bool) -> None:  # noqa: FBT001 - a parameter
    """The command shows what vanishes, what is missing, and what was done or would be."""
    an_old_release(service)
    service.learn(50, first=40)
    token = tmp_path / "my-token"
    token.write_text(service.secrets[Role.ADMIN])
    options = [f"--from={since(40)}", "--reason=release 1.5", *(["--dry-run"] if dry else [])]

    code = cli.main(
        ["baseline", "relearn", "shop/cart/web", *options, f"--url={service.url}", f"--token-file={token}"]
    )

    said = capsys.readouterr().out
    assert code == 0
    assert "vanished" in said
    assert "All 50 windows that were learned since" in said
    assert ("nothing was changed." if dry else "shop/cart/web version 2 is ready, learned from") in said


def drawn_up(service: Service, index: int) -> drafts.Draft:
    """Return what a wish would have learned by now."""
    wish = RelearnIn.model_validate({"since": since(index), "reason": "x"})
    with service.core.store.read() as session:
        return drafts.draw_up(session, 1, wish)


def carry_out(service: Service, made: drafts.Draft) -> int:
    """Make it the live version; return the windows that it was learned from."""
    service.core.clock.at_ms += 1000
    with service.core.store.write() as session:
        done = drafts.carry_out(session, made, reason="x", actor="test", now_ms=service.core.clock.now_ms())
        service.core.forget_baseline(1)
    return done.windows


def test_what_is_learned_while_a_version_is_relearned_is_part_of_it(service: Service) -> None:
    """The worker goes on meanwhile, and nothing that it learns is lost."""
    service.learn(50)
    made = drawn_up(service, 10)
    service.learn(7, first=50)

    assert carry_out(service, made) == 47
    service.learn(1, first=60)
    assert learned(service)[0].windows == 48


def test_what_is_unlearned_while_a_version_is_relearned_ends_it(service: Service) -> None:
    """The wish is refused rather than carried out on what is no longer so."""
    service.learn(50)
    made = drawn_up(service, 10)
    service.request("POST", "/v1/scores/30/unlearn", Role.ADMIN, json={"reason": "x"})
    before = content(service)

    with pytest.raises(NotPossibleError, match="in the meantime"):
        carry_out(service, made)

    assert content(service) == before


def test_a_wish_that_fails_halfway_changes_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions, content and scores are committed together, with the audit record last, or not at all."""
    service.learn(50)
    before, versions = content(service), service.get("/v1/baselines").json()["items"]

    def fail(*_: object, **__: object) -> None:
        message = "The disk of the database is full; nothing was stored."
        raise StoreError(message)

    monkeypatch.setattr("api.baselines.relearning.record", fail)
    answer = ask(service, 10)

    assert answer.status_code >= 500
    assert content(service) == before
    assert service.get("/v1/baselines").json()["items"] == versions
    service.learn(1, first=50)
    assert learned(service)[0].windows == 51

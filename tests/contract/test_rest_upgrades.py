"""A new image of a workload over REST: what settles, what raises alerts, what a person decides."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.db.baseline_tables import BaselineVersionRow
from api.db.tables import ScoreRow
from api.tokens.service import Role
from model import snapshot
from tests.contract.test_rest_baseline_commands import Terminal
from tests.service import LOOP, NOW_MS, Service, a_container, a_delta
from wire.ngram import pack

pytestmark = pytest.mark.databases

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
BOTH = {OLD: "1.4", NEW: "1.5"}
EXECVE, CLONE = 59 + 1, 56 + 1
OTHERWISE = {pack([1, 2, 3, 7, 8, each]): 20 for each in range(1, 30)}
"""What the new release does in each window, beside the loop."""
ODD = {pack([3, 40, 41, 42, 43, each]): 3 for each in range(44, 60)}
PROGRAM = {pack([CLONE, EXECVE, 13, 10, 258, each]): 3 for each in range(44, 60)} | {pack([CLONE, EXECVE]): 3}


def a_window(index: int, digest: str, more: Mapping[int, int] | None = None, pod: str = "x7k2p"):
    """Return a window of a replica that runs an image."""
    usual = {ngram: count + index % 7 for ngram, count in LOOP.items()}
    ref = a_container(
        id=(pod + digest[-1]).ljust(64, "0"),
        image=f"registry.local/shop/cart:{BOTH[digest]}",
        image_digest=digest,
        pod=f"cart-6d4cf56db6-{pod}",
    )
    return replace(a_delta(index, usual | dict(more or {})), container=ref)


def send(service: Service, *windows: Any) -> None:
    """Let windows be scored."""
    assert service.send(*windows).status_code == 200
    service.worker.drain()


def learned(service: Service, windows: int = 200) -> None:
    """Let a workload learn an image, and judge."""
    for first in range(0, windows, 100):
        send(service, *(a_window(index, OLD) for index in range(first, min(first + 100, windows))))
    answer = service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert", "reason": "calm"})
    assert answer.status_code == 200


def upgraded(service: Service, windows: int = 100, first: int = 400) -> None:
    """Let the new image run for a while as it does."""
    send(service, *(a_window(index, NEW, OTHERWISE) for index in range(first, first + windows)))


def alerts(service: Service) -> list[dict[str, Any]]:
    """Return all alerts."""
    return service.get("/v1/alerts").json()["items"]


def upgrade(service: Service, upgrade_id: int = 1) -> dict[str, Any]:
    """Return an upgrade."""
    return service.get(f"/v1/upgrades/{upgrade_id}").json()


def decide(service: Service, how: str, upgrade_id: int = 1) -> dict[str, Any]:
    """Approve or reject an upgrade."""
    answer = service.request(
        "POST", f"/v1/upgrades/{upgrade_id}/{how}", Role.ADMIN, json={"reason": "CHG-12"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def judges(service: Service) -> list[int | None]:
    """Return which version at rest judged each window, newest last; null is the live one."""
    with service.core.store.read() as session:
        return list(session.scalars(select(ScoreRow.version_id).order_by(ScoreRow.id)))


def test_a_new_digest_settles_without_an_alert_and_waits_for_a_person(service: Service) -> None:
    """What it does in each window returns; once it is quiet for long enough its version is frozen."""
    learned(service, 400)
    upgraded(service)

    found = upgrade(service)
    verdicts = [each["verdict"] for each in service.get("/v1/scores", limit=1000).json()["items"][400:]]
    assert verdicts.count("anomalous") >= 3
    assert alerts(service) == []
    assert (found["state"], found["digest"], found["held"]) == ("review", NEW, 0)
    assert service.get("/v1/baselines/2").json()["state"] == "ready"
    assert service.get("/v1/baselines/2").json()["origin"] == "upgraded"


def test_the_difference_is_shown(service: Service) -> None:
    """New is what the image alone did, vanished what it has not shown; what is inherited is neither."""
    learned(service)
    upgraded(service)

    found = upgrade(service)["difference"]
    assert found["new"]["count"] == len(OTHERWISE)
    assert found["common"] == len(LOOP)
    assert found["vanished"]["count"] == 0
    assert len(found["new_syscalls"]) > 0


def test_the_confidence_is_stated_while_little_is_known(service: Service) -> None:
    """A score says how many windows of its image were learned, and the upgrade how much is unseen."""
    learned(service)
    upgraded(service, windows=20)

    known = upgrade(service)["confidence"]
    newest = service.get("/v1/scores", limit=1000).json()["items"][-1]
    assert known["windows_inherited"] == 50
    assert known["windows_learned"] <= 20
    assert known["low"] <= known["unseen"] <= known["high"]
    assert [each["code"] for each in newest["evidence"]] == ["inherited"]


def test_a_program_that_the_predecessor_never_started_is_raised_at_once(service: Service) -> None:
    """Settling or not."""
    learned(service)
    upgraded(service, windows=5)
    send(service, a_window(405, NEW, OTHERWISE | PROGRAM))

    (alert,) = alerts(service)
    assert (alert["findings"], alert["kind"]) == (1, "anomaly")
    assert upgrade(service)["state"] == "settling"


def test_what_does_not_return_raises_an_alert_after_thirty_windows(service: Service) -> None:
    """Until then it is held out of learning."""
    learned(service)
    upgraded(service, windows=30)
    send(service, a_window(430, NEW, OTHERWISE | ODD))
    held, early = upgrade(service)["held"], alerts(service)
    upgraded(service, first=431, windows=29)
    waiting = alerts(service)
    upgraded(service, first=460, windows=2)

    assert (held, early, waiting) == (1, [], [])
    (alert,) = alerts(service)
    assert alert["findings"] == 1
    assert upgrade(service)["held"] == 0


def test_what_is_held_of_an_image_that_sends_nothing_more_is_raised_by_the_clock(service: Service) -> None:
    """The worker looks once a minute."""
    learned(service)
    upgraded(service, windows=30)
    send(service, a_window(430, NEW, OTHERWISE | ODD))
    service.core.clock.at_ms = a_delta(430).start + 60_000
    service.worker.tend()
    early = alerts(service)
    service.core.clock.at_ms = NOW_MS
    service.worker.tend()

    assert early == []
    assert len(alerts(service)) == 1


def test_a_settled_image_raises_alerts_at_once_and_learns_no_more(service: Service) -> None:
    """Whether a person has decided or not."""
    learned(service)
    upgraded(service)
    before = upgrade(service)["confidence"]["windows_learned"]
    send(service, a_window(500, NEW, OTHERWISE | ODD), a_window(501, NEW, OTHERWISE))

    assert len(alerts(service)) == 1
    assert upgrade(service)["confidence"]["windows_learned"] == before


def test_both_images_of_a_rolling_update_are_judged_by_what_each_is_known_by(service: Service) -> None:
    """The predecessor's version judges its own image as before, and what is odd there raises alerts."""
    learned(service)
    both = [(a_window(i, OLD), a_window(i, NEW, OTHERWISE, pod="b2b2b")) for i in range(400, 440)]
    send(service, *(each for pair in both for each in pair))
    quiet = alerts(service)
    send(service, a_window(440, OLD, ODD))

    assert quiet == []
    assert judges(service)[200:280] == [None, 2] * 40
    assert len(alerts(service)) == 1


def test_an_approved_image_has_the_live_version_and_the_earlier_one_finds_its_own_again(
    service: Service,
) -> None:
    """A rollback of the release needs nobody: each image is judged by the version that learned it."""
    learned(service)
    upgraded(service)
    decided = decide(service, "approve")
    send(service, a_window(500, NEW, OTHERWISE), a_window(501, OLD), a_window(502, OLD, OTHERWISE))

    versions = {each["id"]: each for each in service.get("/v1/baselines").json()["items"]}
    assert decided["state"] == "approved"
    assert (versions[2]["state"], versions[2]["live"]) == ("active", True)
    assert versions[1]["state"] == "stale"
    assert judges(service)[-3:] == [None, 1, 1]
    # What the new release alone does is strange in the old one.
    (alert,) = alerts(service)
    assert alert["start"] == service.get("/v1/scores", limit=1000).json()["items"][-1]["start"]
    assert len(service.get("/v1/upgrades").json()["items"]) == 1


def test_a_rejected_image_is_judged_by_the_live_version(service: Service) -> None:
    """What it does otherwise raises alerts from then on, and what it taught is gone."""
    learned(service)
    upgraded(service)
    decided = decide(service, "reject")
    send(service, a_window(500, NEW, OTHERWISE))

    assert (decided["state"], decided["confidence"]) == ("rejected", None)
    assert decided["difference"]["new"]["count"] == len(OTHERWISE)
    assert service.get("/v1/baselines/2").json()["state"] == "retired"
    assert judges(service)[-1] is None
    assert len(alerts(service)) == 1


def test_a_decision_is_taken_once_and_audited(service: Service) -> None:
    """Who, when and why."""
    learned(service)
    upgraded(service)
    decide(service, "approve")
    again = service.request("POST", "/v1/upgrades/1/reject", Role.ADMIN, json={"reason": "late"})

    found = service.get("/v1/audit", Role.ADMIN, limit=1000).json()["items"]
    told = [(each["action"], each["detail"]["reason"]) for each in found if "upgrade." in each["action"]]
    assert again.status_code == 409
    assert again.json()["detail"] == "Expected an upgrade that is open; upgrade 1 is approved."
    assert told[-1] == ("upgrade.approved", "CHG-12")


@pytest.mark.parametrize(("to", "state"), [("active", "approved"), ("retired", "rejected")])
def test_a_version_that_is_moved_by_itself_decides_its_upgrade(service: Service, to: str, state: str) -> None:
    """Promoting it is approval and retiring it rejection; the live version judges the image at once."""
    learned(service)
    upgraded(service)
    wish = {"to": to, "reason": "by itself"}
    moved = service.request("POST", "/v1/baselines/2/transitions", Role.ADMIN, json=wish)
    shown = service.get("/v1/upgrades/1").status_code
    send(service, a_window(500, NEW, OTHERWISE))
    service.worker.tend()

    assert (moved.status_code, shown) == (200, 200)
    assert judges(service)[-1] is None
    assert upgrade(service)["state"] == state
    assert service.get("/v1/baselines/2").json()["state"] == to


def test_windows_of_the_new_image_can_be_unlearned_from_its_version(service: Service) -> None:
    """Exactly, and the live version stays as it was."""
    learned(service)
    upgraded(service, windows=20)

    def state(version: int):
        with service.core.store.read() as session:
            row = session.get_one(BaselineVersionRow, version)
            return snapshot.from_bytes(row.snapshot).state()

    before = state(2)
    send(service, a_window(420, NEW, OTHERWISE))
    newest = service.get("/v1/scores", limit=1000).json()["items"][-1]
    assert newest["learned"]
    done = service.request(
        "POST", f"/v1/scores/{newest['id']}/unlearn", Role.ADMIN, json={"reason": "a test"}
    )

    after = state(2)
    assert done.status_code == 200, done.text
    assert after.windows == before.windows
    assert (after.ngrams.tolist(), after.counts.tolist()) == (before.ngrams.tolist(), before.counts.tolist())


def test_several_replicas_vouch_for_each_other(service: Service) -> None:
    """Where two replicas of the image are known, what one of them alone repeats does not settle."""
    learned(service)
    pairs = [
        (a_window(i, NEW, OTHERWISE, pod="b2b2b"), a_window(i, NEW, OTHERWISE, pod="c2c2c"))
        for i in range(400, 430)
    ]
    send(service, *(each for pair in pairs for each in pair))
    lone = [
        (
            a_window(i, NEW, OTHERWISE | (ODD if i % 6 == 0 else {}), pod="b2b2b"),
            a_window(i, NEW, OTHERWISE, pod="c2c2c"),
        )
        for i in range(430, 475)
    ]
    send(service, *(each for pair in lone for each in pair))

    assert [each["findings"] > 0 for each in alerts(service)] == [True]


def test_a_workload_that_learns_again_leaves_nothing_to_decide(service: Service) -> None:
    """Its live version learns every image; the upgrade is superseded within a minute."""
    learned(service)
    upgraded(service, windows=20)
    service.put("/v1/workloads/1/mode", {"mode": "learning", "reason": "a new release"})
    service.worker.tend()

    assert upgrade(service)["state"] == "superseded"
    assert judges(service)[-1] == 2
    upgraded(service, windows=1, first=420)
    assert judges(service)[-1] is None


def test_a_baseline_that_knows_no_digests_judges_every_image(service: Service) -> None:
    """As before upgrades were known: imports of old, and runtimes that tell no digest."""
    service.learn(60)
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert", "reason": "calm"})
    send(service, a_window(60, NEW))

    assert service.get("/v1/upgrades").json()["items"] == []


def test_a_baseline_that_cannot_rank_scores_yet_learns_every_image(service: Service) -> None:
    """Whatever the mode says: there is nothing yet that a new image could be held against."""
    learned(service, 20)
    send(service, a_window(20, NEW, OTHERWISE))

    assert service.get("/v1/upgrades").json()["items"] == []
    assert service.get("/v1/scores", limit=1000).json()["items"][-1]["learned"]


def test_a_person_decides_at_a_terminal(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What waits is listed, the difference shown in words, and the decision told."""
    learned(service)
    upgraded(service)
    terminal = Terminal(service, tmp_path, capsys)

    listed = terminal.run("upgrade", "list")
    shown = terminal.run("upgrade", "show", "1")
    done = terminal.run("upgrade", "approve", "1", "--reason", "CHG-12", "--json")
    left = terminal.run("upgrade", "list")
    again = terminal.run("upgrade", "reject", "1", "--reason", "late")

    assert "shop/cart/web" in listed[1]
    assert f"new: {len(OTHERWISE)} n-grams; syscalls: " in shown[1]
    assert "inherited" in shown[1]
    assert json.loads(done[1])["state"] == "approved"
    assert left[1] == "No upgrade waits for a decision.\n"
    assert again[0] == 1
    assert "upgrade 1 is approved" in again[2]

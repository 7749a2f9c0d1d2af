"""Kills while upgrades are decided: each is open, or decided with all that follows from it."""

import json
import random
import signal
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import urllib3

from api.tokens.service import Role
from tests.service import LOOP, Service, a_container, a_delta, serving
from tests.system.test_service_crash import answers, free_port, start
from wire.ngram import pack

CRASHES = 8
WORKLOADS = 120
_LEARNED = 36
"""Windows; three of them are of a start."""
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def upgraded(service: Service, number: int) -> None:
    """Let a workload learn one image, judge, and run another."""
    ref = a_container(namespace=f"shop{number}", id=f"{number:064}", image_digest=OLD)
    learned = [a_delta(index, container=ref) for index in range(_LEARNED)]
    assert service.send(*learned).status_code == 200
    service.worker.drain()
    (workload,) = service.get("/v1/workloads", namespace=f"shop{number}").json()["items"]
    wish = {"mode": "enforcement-alert", "reason": "calm"}
    assert service.put(f"/v1/workloads/{workload['id']}/mode", wish).status_code == 200
    fresh = replace(ref, id=f"{number:063}b", image_digest=NEW)
    assert service.send(a_delta(_LEARNED, LOOP | {pack([7, 8]): 3}, container=fresh)).status_code == 200


class Decider(threading.Thread):
    """Somebody who decides one upgrade after the other as fast as the service answers."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__()
        self._url, self._token = url, token
        self._http = urllib3.PoolManager(retries=False, timeout=10)
        self.stopping = threading.Event()
        self.decided = 0
        self.odd: list[str] = []

    def run(self) -> None:
        number = 1
        while number <= WORKLOADS and not self.stopping.is_set():
            how = "approve" if number % 2 else "reject"
            try:
                answer = self._http.request(
                    "POST",
                    f"{self._url}/v1/upgrades/{number}/{how}",
                    json={"reason": "CHG-12"},
                    headers={"Authorization": f"Bearer {self._token}"},
                )
            except (OSError, urllib3.exceptions.HTTPError):
                time.sleep(0.02)
                continue
            # A conflict: it was decided, and the answer was lost.
            if answer.status not in {200, 409}:
                self.odd.append(f"{number} {how}: {answer.status} {answer.data!r}")
            self.decided += 1
            number += 1


def check(database: Path) -> dict[str, int]:
    """Hold what must be so of every upgrade whenever the service was killed; count them by state."""
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    live = dict(connection.execute("SELECT workload_id, version_id FROM baselines").fetchall())
    versions = {
        row["id"]: (row["state"], row["snapshot"] is not None)
        for row in connection.execute("SELECT id, state, snapshot FROM baseline_versions")
    }
    audited = {
        (row["target"], row["action"])
        for row in connection.execute("SELECT target, action FROM audit WHERE action LIKE 'upgrade.%'")
    }
    found: dict[str, int] = {}
    for row in connection.execute("SELECT * FROM upgrades"):
        own, before = versions[row["version_id"]], versions[row["predecessor_id"]]
        expected = {
            "settling": (("learning", True), ("active", False), row["predecessor_id"]),
            "approved": (("active", False), ("stale", True), row["version_id"]),
            "rejected": (("retired", False), ("active", False), row["predecessor_id"]),
        }
        assert (own, before, live[row["workload_id"]]) == expected[row["state"]]
        decided = row["state"] != "settling"
        assert decided == (row["closed_at"] is not None) == (row["inherited"] is None)
        assert decided == (row["difference"] is not None and bool(json.loads(row["difference"])))
        assert (str(row["id"]), f"upgrade.{row['state']}") in audited
        found[row["state"]] = found.get(row["state"], 0) + 1
    connection.close()
    return found


@pytest.mark.slow
def test_kill_9_leaves_every_upgrade_open_or_decided(tmp_path: Path) -> None:
    """Version, predecessor, what is live, the difference and the audit record agree after each of 8 kills."""
    state_dir, port = tmp_path / "state", free_port()
    state_dir.mkdir()
    with serving(state_dir) as service:
        for number in range(WORKLOADS):
            upgraded(service, number)
        service.worker.drain()
        token = service.secrets[Role.ADMIN]
    moments = random.Random(20261201)
    process = start(state_dir, port)
    decider = Decider(f"http://127.0.0.1:{port}", token)
    seen: list[dict[str, int]] = []
    try:
        while not answers(port):
            time.sleep(0.05)
        decider.start()
        for _ in range(CRASHES):
            decided, began = decider.decided, time.monotonic()
            while decider.decided == decided and decider.is_alive() and time.monotonic() - began < 60:
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.15))
            process.kill()
            process.wait()
            seen.append(check(state_dir / "nonself.db"))
            process = start(state_dir, port)
        while decider.is_alive():
            decider.join(1)
    finally:
        decider.stopping.set()
        decider.join()
        process.send_signal(signal.SIGTERM)
        process.wait(30)

    assert decider.odd == []
    assert any(each.get("settling") for each in seen)
    assert check(state_dir / "nonself.db") == {"approved": WORKLOADS // 2, "rejected": WORKLOADS // 2}

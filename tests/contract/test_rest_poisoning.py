"""An intrusion that goes on while a workload learns is still an alert afterwards."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random

import pytest

from api.tokens.service import Role
from tests.service import LOOP, NOW_MS, WINDOW_MS, Service, a_container, a_delta
from wire.ngram import pack
from wire.profile import ProfileDelta

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
DAYS = 5
JOB = {pack([30, each, 31, each + 1, 32, each + 2]): 4 for each in range(40, 60)}
SHELL = {pack([each, 59, each + 1, 60, 61, each + 2], injected=True): 3 for each in range(100, 140)}


def at(start: int, added: Mapping[int, int], replica: int = 0) -> ProfileDelta:
    """Return an ordinary window of a replica with something added."""
    dice = Random(start + replica)
    ngrams = {ngram: count + dice.randrange(7) for ngram, count in LOOP.items()}
    container = a_container(id=f"{replica:064d}", pod_uid=f"uid-{replica}")
    return replace(a_delta(0, ngrams | added, container=container), start=start, end=start + WINDOW_MS)


def some_days(replicas: int, poisoned: int) -> Iterator[list[ProfileDelta]]:
    """Yield batches of five days: a job runs every hour, and from the second day on somebody comes at three.

    He stays for half an hour, in some of the replicas.
    """
    begin = (NOW_MS // DAY_MS - DAYS) * DAY_MS
    for day in range(DAYS):
        batch = []
        for half in range(48):
            start = begin + day * DAY_MS + half * HOUR_MS // 2
            for replica in range(replicas):
                batch.append(at(start, JOB if half % 2 else {}, replica))
                if day and half == 6 and replica < poisoned:
                    batch += [
                        at(start + later, SHELL, replica) for later in range(60_000, 1_740_000, 240_000)
                    ]
        yield sorted(batch, key=lambda each: each.start)


@pytest.mark.parametrize(("replicas", "poisoned"), [(1, 1), (3, 2)])
def test_an_intrusion_repeated_daily_while_learning_is_an_alert_in_production(
    service: Service, replicas: int, poisoned: int
) -> None:
    """A person sees it quarantined; the hourly job of the same days is known, and raises nothing."""
    for batch in some_days(replicas, poisoned):
        assert service.send(*batch).status_code == 200
        service.worker.drain()
    held = service.get("/v1/scores", quarantined=True, limit=1000).json()["items"]
    mode = {"mode": "enforcement-alert", "reason": "good days"}
    assert service.put("/v1/workloads/1/mode", mode, Role.ADMIN).status_code == 200

    service.send(*(at(NOW_MS - index * HOUR_MS, JOB if index % 2 else {}) for index in range(6, 0, -1)))
    service.worker.drain()
    quiet = service.get("/v1/alerts").json()["items"]
    service.send(at(NOW_MS, SHELL))
    service.worker.drain()

    comes = (DAYS - 1) * 7 * poisoned
    assert len([each for each in held if each["p_value"] < 1e-4]) == comes
    assert quiet == []
    assert len(service.get("/v1/alerts").json()["items"]) == 1

"""A new image on real containers: another release of Redis, and an intrusion while it settles."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from demo import workloads
from demo.product import Product
from demo.watch import Watch
from demo.workloads import Workload
from lab import Lab

from api.vocabulary import UpgradeState
from tests.waiting import wait_for

pytestmark = [pytest.mark.containers, pytest.mark.kernel, pytest.mark.slow]

_BUDGET = 10.0
"""Alerts a week, as in the demo: of some minutes, none."""
_PREFIX = "upgrade-"
_PATIENCE_S = 600
_LEARNED = 200
"""Windows of a second."""
_WINDOWS = 20
"""Of a new pod, after which it is under way."""
_INTRUDER = Path(workloads.__file__).parent / "files" / "intruder.c"


def wait(done: Callable[[], bool]) -> None:
    """Wait until something is so."""
    wait_for(done, _PATIENCE_S, 0.5)


def start(lab: Lab, image: str, number: int) -> Workload:
    """Start a Redis of an image under load."""
    (cache,) = workloads.start(
        lab, ("shop/cache",), lambda _: None, prefix=_PREFIX, image=image, first=number
    )
    cache.start_load()
    return cache


def stop(cache: Workload) -> None:
    """End a Redis as a kubelet does."""
    cache.stop_load()
    cache.pod.container.stop(patience_s=10)


def find(product: Product) -> Watch:
    """Return the workload, once the service knows it."""
    found: list[Watch] = []

    def known() -> bool:
        watch = Watch.find(product, f"{_PREFIX}shop", "cache", "redis")
        if watch is not None:
            found.append(watch)
        return watch is not None

    wait(known)
    return found[-1]


def intrude(lab: Lab, cache: Workload, folder: Path) -> str:
    """Let the server load a module that starts a shell; return what the shell saw."""
    data = lab.folder / "volumes" / cache.pod.name
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "intruder.so", _INTRUDER], check=True)
    (data / "intruder.so").write_bytes((folder / "intruder.so").read_bytes())
    (data / "intruder.so").chmod(0o755)
    lab.load("redis-cli", "-h", cache.address, "MODULE", "LOAD", "/data/intruder.so").wait()
    loot = data / "loot"
    wait(loot.exists)
    return loot.read_text()


def alerts(product: Product, watch: Watch) -> list[dict]:
    """Return the workload's alerts of anomalies."""
    return product.items("/v1/alerts", workload=watch.id, kind="anomaly")


def windows(watch: Watch, container: str) -> list[dict]:
    """Return the windows of a container."""
    return [each for each in watch.scores() if each["container"]["id"] == container]


def test_an_upgrade_keeps_the_budget_and_hides_no_intrusion(tmp_path: Path) -> None:
    """Redis 6.2 becomes 7.0 with a log of writes and threads; the intrusion comes while that settles.

    Then a person approves, a shell by exec is raised, and the earlier image finds its baseline again.
    """
    with Product(window_s=1, budget_per_week=_BUDGET) as product, Lab() as lab:
        old = start(lab, "redis-6", 0)
        watch = find(product)
        wait(lambda: watch.state()["windows_learned"] >= _LEARNED)
        watch.enforce("learned")
        stop(old)
        new = start(lab, "redis-aof", 1)
        wait(lambda: len(windows(watch, new.pod.container.id)) >= _WINDOWS)
        benign = alerts(product, watch)
        (upgrade,) = product.items("/v1/upgrades")
        assert "uid=110" in intrude(lab, new, tmp_path)
        wait(lambda: bool(alerts(product, watch)))
        raised, state = alerts(product, watch), product.items("/v1/upgrades")[0]["state"]

        wait(lambda: product.items("/v1/upgrades")[0]["state"] == UpgradeState.REVIEW.value)
        told = product.get(f"/v1/upgrades/{upgrade['id']}")
        during = alerts(product, watch)
        product.post(f"/v1/upgrades/{upgrade['id']}/approve", {"reason": "CHG-12"})
        assert "uid=" in new.pod.exec(["sh", "-c", "id; ps; uname -a; cat /etc/passwd"]).stdout
        wait(lambda: len(watch.findings()) > sum(each["findings"] for each in during))
        after = watch.findings()
        stop(new)
        back = start(lab, "redis-6", 2)
        wait(lambda: len(windows(watch, back.pod.container.id)) >= _WINDOWS)
        versions = {each["id"]: each for each in product.items("/v1/baselines", workload=watch.id)}
        quiet = [each for each in alerts(product, watch) if each["id"] > after[-1].alert_id]
        back.stop_load()

    assert benign == []
    assert state == UpgradeState.SETTLING.value
    assert [each["findings"] for each in raised] == [1]
    assert len(during) == 1
    assert {"accept4", "fdatasync"} <= set(told["difference"]["new_syscalls"])
    assert told["difference"]["vanished_syscalls"]
    assert versions[told["version_id"]]["state"] == "active"
    assert versions[told["predecessor_id"]]["state"] == "stale"
    assert quiet == []

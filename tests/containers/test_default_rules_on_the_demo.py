"""Each intrusion of the demo, on the demo's services, is reported by the default rule that is for it."""

from collections.abc import Iterator

import pytest
from benign.watch import Watch
from demo import workloads
from demo.intrusions import INTRUSIONS, Intrusion
from demo.workloads import Workload
from lab import Lab

pytestmark = [pytest.mark.containers, pytest.mark.kernel, pytest.mark.slow]

_RULES = {
    ("shell by exec", "shop/web"): "Shell started from outside in a container",
    ("shell spawned by the service", "shop/orders"): "Shell spawned by an application",
    ("shell spawned by the service", "data/ledger"): "Shell spawned by a network service",
    ("deleting logs", "shop/cache"): "Log file deleted",
    ("reading /etc/shadow", "shop/web"): "Password file read",
    ("reverse connection", "shop/orders"): "Reverse shell command line",
    ("crypto-miner-like loop", "data/ledger"): "Shell spawned by a network service",
    ("memfd execution", "shop/orders"): "Program executed from memory",
}


@pytest.fixture(scope="module")
def services(shared_lab: Lab) -> Iterator[tuple[Watch, dict[str, Workload]]]:
    """Give the demo's services, with the agent that watches them since before they started."""
    with Watch(shared_lab) as watch:
        running = workloads.start(shared_lab, workloads.NAMES, lambda _: None, prefix="rules-")
        yield watch, {workload.name: workload for workload in running}


def test_every_intrusion_has_a_rule():
    """No intrusion of the demo is without a default rule that is for it."""
    assert {(each.name, each.workload) for each in INTRUSIONS} == set(_RULES)


@pytest.mark.parametrize("intrusion", INTRUSIONS, ids=lambda each: f"{each.name} on {each.workload}")
def test_an_intrusion_is_reported_by_its_rule(intrusion: Intrusion, services, shared_lab: Lab):
    """The rule names the container in which the intrusion happened."""
    watch, running = services
    workload = running[intrusion.workload]
    own, rule, before = (
        workload.pod.container.id[:12],
        _RULES[intrusion.name, intrusion.workload],
        len(watch.matches),
    )

    intrusion.run(shared_lab, workload)

    watch.wait_for(
        lambda match: match["rule"] == rule and match["output_fields"]["container.id"] == own, since=before
    )

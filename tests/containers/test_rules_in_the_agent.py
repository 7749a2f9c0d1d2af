"""Rules beside profiles, in one tree of processes that is started once: from a read to an alert over REST."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from demo.product import Product
from lab import Lab, Pod

from tests import waiting

pytestmark = [pytest.mark.containers, pytest.mark.kernel]

RULE = "Password file read"
NAMESPACE = f"shop-{os.getpid()}"
"""Of this test alone: the engine sees all containers of the node, those of other tests too."""


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """Give `nonself up`, rule engine and all, with rules in place."""
    with Product(window_s=1, budget_per_week=1.0) as running:
        wait_for(lambda: rules_of(running).get("current") is True, running)
        yield running


@pytest.fixture(scope="module")
def pod(shared_lab: Lab) -> Pod:
    """Give a container in which a test reads what no program of it should."""
    return shared_lab.pod(
        NAMESPACE, "reader-0", container="reader", image="busybox", command=["sleep", "900"]
    )


def wait_for(condition: Callable[[], bool], product: Product) -> None:
    """Wait until something has happened."""
    waiting.wait_for(condition, 60, 0.1, said=product.log)


def agent_of(product: Product) -> dict:
    """Return what the node's agent says of itself."""
    return product.get("/v1/nodes")["items"][0]["agent"]


def rules_of(product: Product) -> dict:
    """Return what the node's rule engine says of itself."""
    return product.get("/v1/nodes")["items"][0]["rules"] or {}


def alerts(product: Product) -> list[dict]:
    """Return the alerts of the rule in this test's container."""
    own = [each["id"] for each in product.items("/v1/workloads", namespace=NAMESPACE)]
    return [each for id_ in own for each in product.items("/v1/alerts", rule=RULE, workload=id_)]


def findings(product: Product) -> int:
    """Return how many reads they hold."""
    return sum(each["findings"] for each in alerts(product))


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    text = "".join(each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(each) for each in text.split()]


def command_of(pid: int) -> str:
    """Return a process's command line; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def child_of(pid: int, command: str, product: Product) -> int:
    """Return the child that runs a command, as soon as there is one."""

    def found() -> list[int]:
        return [each for each in children(pid) if command in command_of(each)]

    wait_for(lambda: bool(found()), product)
    return found()[0]


def agent_pid(product: Product) -> int:
    """Return the agent's process."""
    assert product._process is not None
    return child_of(product._process.pid, "nonself-agent run", product)


def engine_pid(product: Product) -> int:
    """Return the rule engine's process."""
    return child_of(agent_pid(product), "collector.rules.child", product)


def test_a_read_in_a_container_is_an_alert(product: Product, pod: Pod) -> None:
    """Of kind `signature`, with the container; the node's windows are counted all the while."""
    before = findings(product)
    pod.exec(["cat", "/etc/shadow"])
    wait_for(lambda: findings(product) == before + 1, product)

    (alert,) = alerts(product)
    assert (alert["kind"], alert["level"]) == ("signature", "medium")
    detail = product.get(f"/v1/alerts/{alert['id']}")
    assert detail["match"]["container"]["pod"] == "reader-0"
    wait_for(lambda: bool(product.items("/v1/scores")), product)
    assert agent_of(product)["rule_engine"] == "running"


def test_an_engine_that_is_killed_comes_back(product: Product, pod: Pod) -> None:
    """The node says why it ended; what happens after its return is an alert again, and windows go on."""
    before, agent, engine = findings(product), agent_pid(product), engine_pid(product)
    os.kill(engine, signal.SIGKILL)
    wait_for(
        lambda: (
            (agent_of(product)["rule_engine_restarts"], agent_of(product)["rule_engine"]) == (1, "running")
        ),
        product,
    )
    pod.exec(["cat", "/etc/shadow"])
    wait_for(lambda: findings(product) == before + 1, product)

    assert agent_pid(product) == agent
    assert engine_pid(product) != engine
    assert agent_of(product)["rule_engine_error"] == "It was ended by SIGKILL."


def test_an_agent_that_is_killed_leaves_no_engine(product: Product, pod: Pod) -> None:
    """Nor does its own death keep the next agent from its rules."""
    before, agent, engine = findings(product), agent_pid(product), engine_pid(product)
    started_at = agent_of(product)["started_at"]
    os.kill(agent, signal.SIGKILL)
    wait_for(lambda: not command_of(engine), product)
    wait_for(lambda: agent_of(product)["started_at"] != started_at, product)
    wait_for(lambda: agent_of(product)["rule_engine"] == "running", product)
    pod.exec(["cat", "/etc/shadow"])
    wait_for(lambda: findings(product) > before, product)

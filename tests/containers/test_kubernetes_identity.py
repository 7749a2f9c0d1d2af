"""Real pods whose owner the API server knows: from the kernel to one workload over a redeploy."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from demo.product import Product
from lab import Lab, Pod

from tests.kube_apiserver import KubeAPIServer, a_pod, an_object, reference, serving_kubernetes
from tests.waiting import until

pytest.importorskip("kubernetes")

pytestmark = [pytest.mark.containers, pytest.mark.kernel, pytest.mark.slow]

# The agent sees what other labs of this machine run, too.
_NAMESPACE = f"kube-{os.getpid()}"
_BUSY = ("/bin/sh", "-c", "while true; do ls / > /dev/null; sleep 0.1; done")


def start(lab: Lab, kube: KubeAPIServer, name: str, revision: str) -> Pod:
    """Start a pod of a deployment's replica set, as the cluster would."""
    kube.put("replicasets", an_object(revision, reference("Deployment", "cart"), namespace=_NAMESPACE))
    pod = lab.pod(
        _NAMESPACE, name, container="web", image="busybox", labels={"app": "misleading"}, host_network=True,
        command=_BUSY,
    )  # fmt: skip
    plain = a_pod(name, reference("ReplicaSet", revision))
    plain["metadata"] |= {"uid": pod.uid, "namespace": _NAMESPACE}
    kube.put("pods", plain)
    return pod


def test_a_redeploy_of_a_real_pod_goes_on_with_its_workload(tmp_path: Path) -> None:
    """Uid and names that the agent reads from containerd are those by which the cluster knows the pod."""
    with serving_kubernetes(tmp_path) as kube, Lab() as lab:
        first = start(lab, kube, "cart-6d4cf56db6-x7k2p", "cart-6d4cf56db6")
        options = ("--kubernetes", str(kube.kubeconfig()))
        with Product(window_s=1, budget_per_week=1.0, options=options) as product:

            def carts() -> list[dict[str, Any]]:
                return product.items("/v1/workloads", namespace=_NAMESPACE)

            before = until(lambda: [each for each in carts() if each["windows"] >= 3], 60, 0.5)
            assert before, product.log()
            first.remove()
            # After the last window of the first pod.
            time.sleep(3)
            (seen,) = carts()
            start(lab, kube, "cart-77d8f9c6b5-zk4vw", "cart-77d8f9c6b5")
            until(lambda: carts()[0]["windows"] >= seen["windows"] + 3, 60, 0.5)
            after = carts()

    assert [(each["kind"], each["name"], each["identity_source"]) for each in after] == [
        ("deployment", "cart", "owner")
    ]
    assert after[0]["owner"] == {"kind": "Deployment", "name": "cart"}
    assert after[0]["role"] == "main"
    assert after[0]["windows"] >= seen["windows"] + 3
    assert kube.denied == []

"""Real containers under the profile of what the product learned of them."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo.product import Product
from lab import Lab, Pod

pytestmark = [pytest.mark.containers, pytest.mark.kernel, pytest.mark.slow]

_WINDOWS = 40
# The agent sees what other labs of this machine run, too.
_NAMESPACE = f"seccomp-{os.getpid()}"
_BENCHMARK = ("redis-benchmark", "-q", "-c", "4", "-n", "20000", "-t", "set,get,lpush,lrange_100", "-h")


def load_of(lab: Lab, name: str, pod: Pod, seconds: int) -> str:
    """Put a pod under load; return what the load generator says of it."""
    if name == "web":
        return lab.load("wrk", "-t1", "-c8", f"-d{seconds}s", f"http://{pod.ip}:8080/8k.html").wait()
    return lab.load(*_BENCHMARK, pod.ip).wait()


def command(product: Product, *arguments: str) -> str:
    """Run `nonself` as a user does."""
    done = subprocess.run(
        [Path(sys.executable).parent / "nonself", *arguments, "--url", product.url,
         "--token-file", product.state / "var" / "token"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def learned(product: Product, name: str) -> dict[str, Any] | None:
    """Return a workload once enough was learned of it."""
    found = product.items("/v1/workloads", namespace=_NAMESPACE, name=name)
    return next((each for each in found if each["windows_learned"] >= _WINDOWS), None)


@pytest.mark.parametrize(("name", "image"), [("web", "nginx"), ("cache", "redis")])
def test_a_container_works_under_what_was_learned_of_it(name: str, image: str, tmp_path: Path) -> None:
    """Under the exported profile it starts, serves its load and stops; a call outside of it is refused."""
    with Product(window_s=1, budget_per_week=1.0) as product, Lab() as lab:
        pod = lab.pod(_NAMESPACE, f"{name}-0", container=name, image=image, labels={"app": name})
        deadline = time.monotonic() + 240
        restarted = False
        while not (workload := learned(product, name)) and time.monotonic() < deadline:
            load_of(lab, name, pod, 5)
            if not restarted:
                pod.restart()
                time.sleep(1)
                restarted = True
        assert workload, product.log()
        exported = command(product, "workload", "seccomp", str(workload["id"]))
        resource = yaml.safe_load(
            command(product, "workload", "seccomp", str(workload["id"]), "--format", "resource")
        )
        # Only now: what is done in it before is learned.
        free = pod.exec(["/bin/busybox", "ln", "-s", "here", "/tmp/free"])
        pod.remove()
        file = tmp_path / f"{name}.json"
        file.write_text(exported)

        under = lab.pod(
            _NAMESPACE, f"{name}-1", container=name, image=image, labels={"app": name}, seccomp=file
        )
        time.sleep(1)
        said = load_of(lab, name, under, 5)
        status = Path(f"/proc/{under.container.pid}/status").read_text()
        refused = under.exec(["/bin/busybox", "ln", "-s", "here", "/tmp/refused"])
        running = under.container.running
        under.container.stop(patience_s=10)

    profile = json.loads(exported)
    allowed = profile["syscalls"][0]["names"]
    sys.stdout.write(f"\n{name}: {len(allowed)} calls allowed; under load: {said.strip()[-120:]}\n")
    assert profile["architectures"] == ["SCMP_ARCH_X86_64"]
    assert "symlink" not in allowed
    assert (resource["kind"], resource["spec"]["syscalls"]) == ("SeccompProfile", profile["syscalls"][:1])
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
    assert running
    assert ("Requests/sec" if name == "web" else "requests per second") in said
    assert not re.search("Socket errors|Non-2xx|Error|error", said)
    assert free.exit_code == 0, free.stderr
    assert refused.exit_code != 0
    assert "Operation not permitted" in refused.stderr

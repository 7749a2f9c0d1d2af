"""A baseline on real containers: learned in staging, carried over as a file, judging in production."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from demo import workloads
from demo.intrusions import INTRUSIONS
from demo.product import Product
from demo.watch import Watch, window_of
from demo.workloads import Workload
from lab import Lab

from api.baselines import bundle
from api.keys import own
from tests.waiting import wait_for

pytestmark = [pytest.mark.containers, pytest.mark.kernel, pytest.mark.slow]

_NONSELF = Path(sys.executable).with_name("nonself")
_PREFIX = "life-"
"""Others may run the same on this node, whose agent sees all containers."""
_NAMESPACE = f"{_PREFIX}shop"
_WORKLOAD = f"{_NAMESPACE}/web/nginx"
_PATIENCE_S = 90


def nonself(product: Product, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command against one service."""
    where = (f"--url={product.url}", f"--token-file={product.state / 'var' / 'token'}")
    return subprocess.run([_NONSELF, *arguments, *where], capture_output=True, text=True, check=False)


@contextmanager
def running(lab: Lab, replicas: int) -> Iterator[Workload]:
    """Give a web server under load: its first replica."""
    started = workloads.start(lab, ("shop/web",), lambda _: None, prefix=_PREFIX, replicas=replicas)
    for each in started:
        each.start_load()
    try:
        yield started[0]
    finally:
        for each in started:
            each.stop_load()


def wait(done: Callable[[], bool]) -> None:
    """Wait until something is so."""
    wait_for(done, _PATIENCE_S, 0.5)


def find(product: Product) -> Watch:
    """Return the workload, once the service knows it."""
    wait(lambda: Watch.find(product, _NAMESPACE, "web", "nginx") is not None)
    watch = Watch.find(product, _NAMESPACE, "web", "nginx")
    assert watch is not None
    return watch


def windows_since(watch: Watch, since: datetime) -> int:
    """Return how many windows that began after a time were scored."""
    return sum(window_of(score)[0] >= since for score in watch.scores())


def remade(data: bytes, key: Ed25519PrivateKey, arch: str) -> bytes:
    """Return a bundle that says another architecture, signed by a key."""
    opened = bundle.open_(data)
    told = json.loads(opened.manifest)
    told["baseline"]["arch"] = arch
    manifest = {name: each for name, each in told.items() if name not in {"format", "version", "parts"}}
    return bundle.write(manifest, opened.parts, key)


def tampered_with(data: bytes) -> bytes:
    """Return a bundle whose manifest names another workload, under the old signature."""
    opened = bundle.open_(data)
    signature = bundle._signature(opened.public_key, opened.signature)
    return bundle._pack(opened.manifest.replace(b'"web"', b'"bad"'), opened.parts, signature)


def refused(product: Product, path: Path, data: bytes) -> str:
    """Return why a bundle is not taken."""
    path.write_bytes(data)
    done = nonself(product, "baseline", "import", str(path), "--reason", "test")
    assert done.returncode == 1
    return done.stderr


def test_a_baseline_goes_from_staging_to_production(tmp_path: Path) -> None:
    """Learned in one service, it raises an intrusion in another that has learned nothing, and nothing else.

    Staging learns until the gate passes, as a pipeline would. It asks for less than its defaults: a minute
    cannot show that 99 % of future windows are known.
    """
    file = tmp_path / "web.baseline"
    with Product(window_s=1, budget_per_week=1.0) as staging, Lab() as lab, running(lab, replicas=3):
        watch = find(staging)
        wait(lambda: _calm(watch.scores()))
        strict = nonself(staging, "baseline", "report", _WORKLOAD, "--gate")
        gate = ("baseline", "report", _WORKLOAD, "--gate", "--max-unseen=0.9")
        wait(lambda: nonself(staging, *gate).returncode == 0)
        public_key = nonself(staging, "keys", "own").stdout.strip()
        exported = nonself(staging, "baseline", "export", _WORKLOAD, f"--out={file}")
        key = own.load_or_make(staging.state / "var")
    assert strict.returncode == 1, strict.stdout
    assert exported.returncode == 0, exported.stderr

    with Product(window_s=1, budget_per_week=1.0) as production:
        data, other = file.read_bytes(), tmp_path / "other.baseline"
        stranger = refused(production, other, data)
        nonself(production, "keys", "trust", "staging", public_key, "--reason", "test")
        tampered = refused(production, other, tampered_with(data))
        foreign = refused(production, other, remade(data, Ed25519PrivateKey.generate(), "x86_64"))
        wrong = refused(production, other, remade(data, key, "aarch64"))
        assert production.items("/v1/workloads", namespace=_NAMESPACE) == []
        taken = nonself(production, "baseline", "import", str(file), "--promote", "--reason", "test")
        assert taken.returncode == 0, taken.stderr
        with Lab() as lab, running(lab, replicas=1) as workload:
            _judge(production, lab, workload)

    assert "a key that is not trusted" in stranger
    assert "a key that is not trusted" in foreign
    assert "its signature does not fit" in tampered
    assert "of architecture 'aarch64'" in wrong


def _calm(scores: Sequence[dict]) -> bool:
    """Tell whether thirty seconds of three replicas were learned, the end of it without news."""
    return len(scores) >= 90 and all(each["verdict"] == "normal" for each in scores[-5:])


def _judge(production: Product, lab: Lab, workload: Workload) -> None:
    watch = find(production)
    since = datetime.now(UTC)
    wait(lambda: windows_since(watch, since) >= 10)
    before = watch.findings()
    (intrusion,) = (each for each in INTRUSIONS if each.name == "shell by exec")
    intrusion.run(lab, workload)
    wait(lambda: bool(watch.findings()))

    assert before == []
    assert watch.findings()[0].why
    assert watch.state()["state"] == "active"
    assert watch.state()["windows_learned"] >= 50

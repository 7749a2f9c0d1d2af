"""Containers that live for some milliseconds, before the real sensor, identifier and agent loop."""

import platform
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cri_api.v1 import api_pb2 as cri
from lab import Lab

from collector.assemble import assemble
from collector.identity import cgroups
from collector.identity.identifier import Identifier
from collector.profiles import Origin
from collector.sensor import SensorSettings, open_sensor
from collector.settings import AgentSettings
from collector.status import Waiting
from wire.profile import Batch, ContainerRef, Mark, ProfileDelta

pytestmark = [pytest.mark.containers, pytest.mark.kernel]

_EACH = 12
_COMMANDS = (["true"], ["busybox", "usleep", "2000"], ["sleep", "0.005"], ["sh", "-c", "sleep 0.01"])


class _Kept:
    """An outbox that keeps the deltas."""

    def __init__(self) -> None:
        self.deltas: list[ProfileDelta] = []

    def put(self, batch: Batch) -> None:
        self.deltas += batch.deltas

    def waiting(self) -> Waiting:
        return Waiting(0, 0, 0)

    def close(self) -> None:
        pass


class _Timed:
    """An identifier whose answers are timed."""

    def __init__(self, identifier: Identifier) -> None:
        self._identifier = identifier
        self.enrich = identifier.enrich
        self.took_s: list[float] = []
        self.scanning = threading.Event()
        self.go_on = threading.Event()
        """Set, the scan at the start may end."""

    def running(self) -> list[tuple[int, ContainerRef]]:
        self.scanning.set()
        assert self.go_on.wait(60)
        return self._identifier.running()

    def identify(self, cgroup_id: int, path: str, pid: int) -> ContainerRef | None:
        start = time.perf_counter()
        try:
            return self._identifier.identify(cgroup_id, path, pid)
        finally:
            self.took_s.append(time.perf_counter() - start)


@contextmanager
def _agent(identifier: Identifier) -> Iterator[tuple[_Kept, _Timed]]:
    outbox, timed = _Kept(), _Timed(identifier)
    agent = assemble(
        AgentSettings(window_s=1.0),
        Origin(node="test", boot_id="boot", arch=platform.machine()),
        probe=open_sensor(SensorSettings()),
        identifier=timed,
        path_of=lambda cgroup_id: cgroups.path_of(cgroup_id, identifier.mount),
        outbox=outbox,
    )
    thread = threading.Thread(target=agent.run)
    thread.start()
    try:
        assert timed.scanning.wait(30)
        yield outbox, timed
    finally:
        timed.go_on.set()
        agent.stop()
        thread.join(30)


def _run_pods(lab: Lab) -> list[tuple[str, float]]:
    """Run short containers in pods; return id and life in milliseconds of each, as the runtime says."""
    lived = []
    for number in range(_EACH // 4):
        pod = lab.pod(
            "shop", f"brief-{number}", container="c0", image="busybox", host_network=True, command=["true"]
        )
        for index, command in enumerate(_COMMANDS[1:], start=1):
            pod.run(f"c{index}", "busybox", command=command)
        for container in pod.containers:
            while container.running:
                time.sleep(0.01)
            request = cri.ContainerStatusRequest(container_id=container.id)
            status = pod.runtime.ContainerStatus(request).status
            lived.append((container.id, (status.finished_at - status.started_at) / 1e6))
        pod.remove()
    return lived


def test_no_container_is_too_short_lived(shared_lab, identifier, record_testsuite_property):
    """Each of 24 containers that live some milliseconds has a profile, its pod or name, and its image."""
    shared_lab.image("busybox", namespace="default")
    with _agent(identifier) as (outbox, timed):
        timed.go_on.set()
        for number in range(_EACH):
            shared_lab.ctr_once(f"brief-{number}", "busybox", _COMMANDS[number % len(_COMMANDS)])
        lived = _run_pods(shared_lab)
    deltas = {delta.container.id: delta for delta in outbox.deltas}

    plain = [deltas[f"brief-{number}"] for number in range(_EACH)]
    in_pods = [deltas[container_id] for container_id, _ in lived]
    assert len(plain + in_pods) == 2 * _EACH
    for delta in plain + in_pods:
        assert delta.calls > 0
        assert delta.container.image == "lab.local/busybox:1"
        assert delta.container.image_digest.startswith("sha256:")
        assert delta.container.seen_from_start
        assert Mark.UNIDENTIFIED not in delta.marks
    assert [delta.container.pod for delta in in_pods] == [f"brief-{n // 4}" for n in range(_EACH)]
    assert [delta.container.name for delta in in_pods] == [f"c{n % 4}" for n in range(_EACH)]
    record_testsuite_property("lived_ms", sorted(round(ms, 1) for _, ms in lived))
    record_testsuite_property("identify_median_ms", round(statistics.median(timed.took_s) * 1e3, 2))
    record_testsuite_property("identify_worst_ms", round(max(timed.took_s) * 1e3, 2))


def test_a_life_within_the_first_scan_has_a_name(shared_lab, identifier):
    """A container that is gone before the agent's scan has ended has its image and is not taken for older."""
    shared_lab.image("busybox", namespace="default")
    with _agent(identifier) as (outbox, timed):
        for number in range(_EACH):
            shared_lab.ctr_once(f"first-{number}", "busybox", _COMMANDS[number % len(_COMMANDS)])
        timed.go_on.set()
    deltas = {delta.container.id: delta for delta in outbox.deltas}

    for number in range(_EACH):
        delta = deltas[f"first-{number}"]
        assert delta.calls > 0
        assert delta.container.image == "lab.local/busybox:1"
        assert delta.container.seen_from_start
        assert Mark.UNIDENTIFIED not in delta.marks

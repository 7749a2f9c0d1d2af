"""The thread that follows a cluster's pods, and answers from memory who keeps one."""

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

import structlog

from api.kubernetes.cluster import ClusterError, Event, GoneError
from api.kubernetes.pods import CHASED, Controller, Parent, Pod, owner_of, read_parent, read_pod
from api.metrics import Metrics
from api.owners import Owner, Unanswered
from wire.profile import ContainerRef
from wire.retry import backoff_s

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_MOST_GONE: Final = 16_384
"""Pods remembered after their end: deltas of theirs may wait in a node's spool."""
_MOST_PARENTS: Final = 65_536

_log = structlog.get_logger()


class Asking(Protocol):
    """What is asked of a cluster (`api.kubernetes.cluster.Cluster`)."""

    def list_pods(self) -> tuple[list[Mapping[str, Any]], str]: ...

    def list_controllers(self, kind: str) -> list[Mapping[str, Any]]: ...

    def get_controller(self, controller: Controller, namespace: str) -> Mapping[str, Any] | None: ...

    def watch_pods(self, version: str) -> Iterator[Event]: ...


class Directory:
    """Who keeps each pod of a cluster. `find` never waits for the API server.

    Args:
        cluster: Is asked, by one thread alone.
        metrics: Counts pods and failures.
        wait: Waits so many seconds unless told to stop; returns whether it was.
    """

    def __init__(
        self, cluster: Asking, metrics: Metrics, *, wait: Callable[[float], bool] | None = None
    ) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._synced = threading.Event()
        self._lock = threading.Lock()
        self._pods: dict[str, tuple[Pod, Owner]] = {}
        """By each uid."""
        self._gone: OrderedDict[str, tuple[Pod, Owner]] = OrderedDict()
        self._parents: OrderedDict[str, Parent | None] = OrderedDict()
        self._chance = random.Random()  # noqa: S311 - spreads retries, keeps no secret
        self._failures = 0
        self._reason = ""
        self._thread = threading.Thread(target=self._run, name="nonself-kubernetes", daemon=True)

    def start(self) -> None:
        """Begin to follow the cluster."""
        self._thread.start()

    def stop(self) -> None:
        """End; the thread is not waited for, since a server may hang."""
        self._stopping.set()

    def wait_synced(self, timeout_s: float) -> bool:
        """Wait until all pods were listed once; return False where `timeout_s` was too short."""
        return self._synced.wait(timeout_s)

    def health(self) -> Unanswered:
        """Return how many questions in a row the API did not answer, and why not the last."""
        return Unanswered(self._failures, self._reason)

    def find(self, ref: ContainerRef) -> Owner | None:
        """Return who keeps a container's pod and what the container is for; None where that is not known."""
        with self._lock:
            known = self._pods.get(ref.pod_uid) or self._gone.get(ref.pod_uid)
        # A uid is the cluster's word; with another name beside it, somebody made one of them up.
        if known is None or (known[0].namespace, known[0].name) != (ref.namespace, ref.pod):
            return None
        pod, owner = known
        return replace(owner, role=pod.roles.get(ref.name))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow(self._sync())
            except GoneError:
                _log.info("kubernetes_watch_expired", effect="All pods are listed anew.")
                self._wait(_FIRST_PAUSE_S)
            except ClusterError as error:
                self._fail(error)
            except Exception:  # noqa: BLE001 - identity must come back by itself, whatever the server sent
                _log.exception("kubernetes_failed")
                self._fail(ClusterError("An unexpected answer; the log says more."))

    def _sync(self) -> str:
        """List everything; return the version from which on changes are watched."""
        for _, kind in sorted(CHASED):
            for plain in self._cluster.list_controllers(kind):
                self._remember_parent(str(plain["metadata"]["uid"]), read_parent(plain))
        plains, version = self._cluster.list_pods()
        pods = [(pod, self._owner(pod)) for pod in map(read_pod, plains)]
        with self._lock:
            before, self._pods = self._pods, {}
            for pod, owner in pods:
                if owner:
                    self._pods.update(dict.fromkeys(pod.uids, (pod, owner)))
            for uid, known in before.items():
                if uid not in self._pods:
                    self._bury(uid, known)
        self._recover()
        self._synced.set()
        _log.info("kubernetes_synced", pods=len(pods))
        return version

    def _follow(self, version: str) -> None:
        """Watch until the server has forgotten where we were; a cut connection is taken up where it was."""
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                for event in self._cluster.watch_pods(version):
                    if event.type != "BOOKMARK":
                        self._apply(event)
                    # Only now: an event whose controller could not be asked for comes again.
                    version = event.version
                    self._recover()
                    if self._stopping.is_set():
                        return
            except GoneError:
                raise
            except ClusterError as error:
                self._fail(error)
                continue
            if time.monotonic() - began < _FIRST_PAUSE_S:
                # Something between us and the server ends watches at once.
                self._wait(_FIRST_PAUSE_S)

    def _apply(self, event: Event) -> None:
        pod = read_pod(event.object)
        owner = None if event.type == "DELETED" else self._owner(pod)
        with self._lock:
            for uid in pod.uids:
                if event.type == "DELETED":
                    if known := self._pods.pop(uid, None):
                        self._bury(uid, known)
                elif owner:
                    self._pods[uid] = pod, owner
            self._metrics.set("nonself_kubernetes_pods", len({id(pod) for pod, _ in self._pods.values()}))

    def _owner(self, pod: Pod) -> Owner | None:
        return owner_of(pod, self._chase)

    def _chase(self, controller: Controller, namespace: str) -> Parent | None:
        if controller.uid not in self._parents:
            plain = self._cluster.get_controller(controller, namespace)
            self._remember_parent(controller.uid, read_parent(plain) if plain else None)
        return self._parents[controller.uid]

    def _remember_parent(self, uid: str, parent: Parent | None) -> None:
        self._parents[uid] = parent
        self._parents.move_to_end(uid)
        if len(self._parents) > _MOST_PARENTS:
            self._parents.popitem(last=False)

    def _bury(self, uid: str, known: tuple[Pod, Owner]) -> None:
        self._gone[uid] = known
        if len(self._gone) > _MOST_GONE:
            self._gone.popitem(last=False)

    def _fail(self, error: ClusterError) -> None:
        self._metrics.count("nonself_kubernetes_failures_total")
        self._metrics.set("nonself_kubernetes_up", 0)
        self._failures += 1
        self._reason = str(error)
        if self._failures == 1:
            _log.warning(
                "kubernetes_unavailable",
                reason=str(error),
                effect="New pods are named from their labels, or from their own names, until it answers.",
            )
        self._wait(
            backoff_s(self._failures, first_s=_FIRST_PAUSE_S, cap_s=_LONGEST_PAUSE_S, chance=self._chance)
        )

    def _recover(self) -> None:
        self._metrics.set("nonself_kubernetes_up", 1)
        if self._failures:
            self._failures = 0
            _log.info("kubernetes_available")

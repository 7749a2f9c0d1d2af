"""Which container each cgroup of this node is, from its birth until its last counts are taken."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import structlog

from collector.probe import CgroupEvent, CgroupEventKind
from wire.profile import ContainerKind, ContainerRef

log = structlog.get_logger()


class Identifying(Protocol):
    """What the agent asks of container identity (`collector.identity.identifier`), from several threads."""

    def identify(self, cgroup_id: int, path: str, pid: int) -> ContainerRef | None: ...

    def enrich(self, ref: ContainerRef) -> ContainerRef: ...

    def running(self) -> list[tuple[int, ContainerRef]]: ...


class Containers:
    """The agent's book of cgroups; safe to use from several threads.

    Several cgroups may be one container: those nested in its own, and those
    of a container that was made again under its name.

    Args:
        identifier: Answers who a cgroup is.
        path_of: Returns a cgroup's path, or None when it is gone.
        is_empty: Tells of a path whether no process is left in that cgroup, or it is gone.
        include_sandboxes: Whether pause containers are profiled, or strangers like other cgroups.
    """

    def __init__(
        self,
        identifier: Identifying,
        path_of: Callable[[int], str | None],
        *,
        is_empty: Callable[[str], bool] = lambda _: False,
        include_sandboxes: bool = False,
    ) -> None:
        self._identifier = identifier
        self._path_of = path_of
        self._is_empty = is_empty
        self.welcome: Callable[[ContainerRef], None] = lambda _: None
        """Called once with each container found to be profiled."""
        self._include_sandboxes = include_sandboxes
        self._guard = threading.Lock()
        self._id_of: dict[int, str] = {}
        self._refs: dict[str, ContainerRef] = {}
        self._dead: set[int] = set()
        self._ended: set[str] = set()
        """Containers whose own cgroup, not only one nested in it, was removed since `take_ended`."""
        self._strangers: set[int] = set()
        self._ignored: set[int] = set()
        """Strangers that were taken: the probe keeps a record of each until it is forgotten."""

    def __len__(self) -> int:
        """Return how many profiled containers live."""
        with self._guard:
            ids = {id_ for cgroup_id, id_ in self._id_of.items() if cgroup_id not in self._dead}
            return sum(self.is_profiled(self._refs[id_]) for id_ in ids)

    def is_profiled(self, ref: ContainerRef) -> bool:
        """Tell whether a container's counts are sent."""
        return self._include_sandboxes or ref.kind is not ContainerKind.SANDBOX

    def find(self) -> list[tuple[int, ContainerRef]]:
        """Return every container cgroup that exists now; the book stays as it is."""
        return self._identifier.running()

    def begin(self, found: list[tuple[int, ContainerRef]], born: set[int]) -> set[int]:
        """Take up what `find` found at the agent's start; return the cgroups that are older than the probe.

        Args:
            found: The answer of `find`.
            born: Every cgroup whose birth the probe told of until `find` had ended, all of them heard.
        """
        for cgroup_id, ref in found:
            if self.get(cgroup_id) is None:
                self._add(cgroup_id, ref)
        with self._guard:
            id_of = {cgroup_id: self._id_of[cgroup_id] for cgroup_id, _ in found}
            # A cgroup born inside a container, or an exec in it, makes that container no younger.
            older = {id_ for cgroup_id, id_ in id_of.items() if cgroup_id not in born}
            for id_ in set(id_of.values()):
                self._refs[id_] = replace(self._refs[id_], seen_from_start=id_ not in older)
            return {
                cgroup_id
                for cgroup_id, id_ in id_of.items()
                if cgroup_id not in born and self.is_profiled(self._refs[id_])
            }

    def rescan(self) -> set[int]:
        """Make up for lost news of births and deaths; return the cgroups that were new."""
        found = self.find()
        new = {cgroup_id for cgroup_id, _ in found if self.get(cgroup_id) is None}
        for cgroup_id, ref in found:
            if cgroup_id in new:
                self._add(cgroup_id, replace(ref, seen_from_start=True))
        present = {cgroup_id for cgroup_id, _ in found}
        with self._guard:
            known = self._id_of.keys() | self._strangers | self._ignored
            gone = [each for each in known if each not in present and self._path_of(each) is None]
            self._dead.update(gone)
        return new

    def hear(self, event: CgroupEvent) -> None:
        """Take up one event of the probe."""
        if event.kind is CgroupEventKind.DIED:
            with self._guard:
                self._dead.add(event.cgroup_id)
                id_ = self._id_of.get(event.cgroup_id)
                if id_ is not None and event.path == self._refs[id_].cgroup:
                    self._ended.add(id_)
            return
        known = self.get(event.cgroup_id)
        if known is None:
            known = self._identifier.identify(event.cgroup_id, event.path, event.pid)
            if known is not None:
                self._add(event.cgroup_id, known)
            elif event.kind is CgroupEventKind.WATCHED:
                # Not at its birth: some containers are known by their process only.
                self._add_stranger(event.cgroup_id)

    def resolve(self, cgroup_id: int) -> ContainerRef | None:
        """Return the profiled container of a cgroup that has counts; None where it has none.

        A cgroup that nobody announced is looked up; one that is gone gets a name made of its number.
        """
        if known := self.get(cgroup_id):
            return known if self.is_profiled(known) else None
        path = self._path_of(cgroup_id)
        if path is None:
            ref: ContainerRef | None = ContainerRef(id=f"cgroup-{cgroup_id}", runtime="unknown")
            with self._guard:
                self._dead.add(cgroup_id)
        else:
            ref = self._identifier.identify(cgroup_id, path, 0)
        if ref is None:
            self._add_stranger(cgroup_id)
        else:
            self._add(cgroup_id, ref)
        return ref if ref is not None and self.is_profiled(ref) else None

    def get(self, cgroup_id: int) -> ContainerRef | None:
        """Return what is known of a cgroup's container."""
        with self._guard:
            id_ = self._id_of.get(cgroup_id)
            return None if id_ is None else self._refs[id_]

    def lives(self, id_: str) -> bool:
        """Tell whether a cgroup of this container is not known to be gone."""
        with self._guard:
            return self._lives(id_)

    def update(self, ref: ContainerRef) -> None:
        """Take what the runtime has told of a container, unless that is forgotten already."""
        with self._guard:
            if known := self._refs.get(ref.id):
                self._refs[ref.id] = replace(ref, seen_from_start=known.seen_from_start)

    def take_strangers(self) -> set[int]:
        """Return the cgroups found to be no container since the last call."""
        with self._guard:
            strangers, self._strangers = self._strangers, set()
            self._ignored |= strangers
            return strangers

    def dead(self) -> set[int]:
        """Return the cgroups that are gone; what they counted is complete."""
        with self._guard:
            return set(self._dead)

    def take_ended(self) -> set[str]:
        """Return the containers whose last process has ended since the last call.

        A container that was started again under its id has ended too. What an ended one counted is complete.
        """
        with self._guard:
            ended, self._ended = self._ended, set()
            refs = [each for each in self._refs.values() if each.cgroup and self.is_profiled(each)]
        return ended | {ref.id for ref in refs if self._is_empty(ref.cgroup)}

    def forget(self, cgroup_ids: set[int]) -> None:
        """Drop dead cgroups whose last counts were taken."""
        with self._guard:
            for cgroup_id in cgroup_ids:
                self._id_of.pop(cgroup_id, None)
            self._dead -= cgroup_ids
            self._ignored -= cgroup_ids
            used = set(self._id_of.values())
            self._refs = {id_: ref for id_, ref in self._refs.items() if id_ in used}

    def _add(self, cgroup_id: int, ref: ContainerRef) -> None:
        with self._guard:
            # A nested cgroup brings nothing new, and must not undo what the runtime has told meanwhile.
            new = not self._lives(ref.id)
            self._id_of[cgroup_id] = ref.id
            if new:
                self._refs[ref.id] = ref
            if not self.is_profiled(ref):
                self._strangers.add(cgroup_id)
                return
            self._strangers.discard(cgroup_id)
        if new:
            log.info(
                "container_found", id=ref.id, runtime=ref.runtime, name=ref.name, pod=ref.pod, image=ref.image
            )
            self.welcome(ref)

    def _lives(self, id_: str) -> bool:
        return any(each == id_ and cgroup_id not in self._dead for cgroup_id, each in self._id_of.items())

    def _add_stranger(self, cgroup_id: int) -> None:
        with self._guard:
            self._strangers.add(cgroup_id)

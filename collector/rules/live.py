"""An event as rules see it: the kernel's record, and what the node's tables know beside it."""

import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from collector.events.catalogue import event_name
from collector.events.event import Record
from collector.rules.descriptors import Described, describe
from collector.state.containers import Container, ContainerTable
from collector.state.processes import Process, ProcessTable
from collector.state.users import Users
from signatures.event import Event, FieldValue

_MOST_NAMES: Final = 16384
_HOST_ROOT: Final = Path("/")
_UNASKED: Final = object()


@dataclass(slots=True)
class Node:
    """The tables that fields are read from."""

    processes: ProcessTable
    containers: ContainerTable
    users: Users
    boot_to_wall_ns: int
    hostname: str = field(default_factory=socket.gethostname)
    names_of: Callable[[str], str | None] = lambda _: None
    """Names of addresses, for `fd.sip.name` and its like."""
    last_names: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    """By process and descriptor: the inode and name of the socket it was last."""

    def renamed(self, pid: int, described: Described) -> bool:
        """Tell whether a socket's name differs from when it was last seen, and remember it."""
        key, now = (pid, described.number), (described.inode, described.name)
        before = self.last_names.get(key)
        if before is None and len(self.last_names) >= _MOST_NAMES:
            del self.last_names[next(iter(self.last_names))]
        self.last_names[key] = now
        return before != now


Getter = Callable[["LiveEvent", str | None], FieldValue]
"""Finds a field's value; the second argument is what stood in brackets."""


class LiveEvent(Event):
    """One event; fields are found out when they are first asked for.

    Args:
        record: What the kernel told.
        process: Its process, after the event.
        node: The tables.
        number: How many events were before it, and one.
        getters: By field name.
    """

    __slots__ = ("_container", "_described", "getters", "head", "node", "number", "process", "record", "type")

    def __init__(
        self, record: Record, process: Process, node: Node, number: int, getters: Mapping[str, Getter]
    ) -> None:
        super().__init__()
        self.record = record
        self.head = record.head
        self.process = process
        self.node = node
        self.number = number
        self.getters = getters
        self._container: Container | object | None = _UNASKED
        self._described: Described | object | None = _UNASKED
        self.type = self["evt.type"] = event_name(record.call.name)

    def extract(self, key: str) -> FieldValue:
        """Find out a field's value; None for one that this event has not, or nobody knows."""
        getter = self.getters.get(key)
        if getter is not None:
            return getter(self, None)
        name, bracket, rest = key.partition("[")
        if bracket:
            getter = self.getters.get(name)
            return getter(self, rest.removesuffix("]").strip("'\"")) if getter else None
        for name in _DOTTED:
            if key.startswith(name + "."):
                return self.getters[name](self, key[len(name) + 1 :])
        return None

    @property
    def time_ns(self) -> int:
        """Unix time of the event."""
        return self.head.time + self.node.boot_to_wall_ns

    @property
    def container(self) -> Container | None:
        """The container of its process; None on the host."""
        if self._container is _UNASKED:
            self._container = self.node.containers.of(self.head.cgroup, self.head.pid)
        return self._container  # type: ignore[return-value]  # asked now

    @property
    def described(self) -> Described | None:
        """The descriptor that the event is about."""
        if self._described is _UNASKED:
            self._described = describe(self.record, self.type)
        return self._described  # type: ignore[return-value]  # asked now

    @property
    def root(self) -> tuple[str, Callable[[], Iterable[Path]]]:
        """Whose files name users here, and where they may lie."""
        container = self.container
        if container is None:
            return "", _host_roots
        return container.ref.id, lambda: self.node.containers.roots(container, self.head.pid)


def _host_roots() -> tuple[Path]:
    return (_HOST_ROOT,)


_DOTTED: Final = ("evt.arg", "evt.rawarg", "container.label", "k8s.pod.label", "k8s.ns.label")

"""Identifies cgroups while they are born, as the agent does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from collector.identity.identifier import Identifier
from collector.probe import CgroupEventKind
from collector.sensor import SensorSettings, open_sensor
from wire.profile import ContainerRef


@contextmanager
def births(identifier: Identifier) -> Iterator[dict[str, ContainerRef | None]]:
    """Collect who each cgroup is that is born within the block, by its path."""
    born: dict[str, ContainerRef | None] = {}
    ended = threading.Event()
    with open_sensor(SensorSettings(memory_bytes=1 << 20)) as probe:

        def listen() -> None:
            while not ended.is_set():
                for event in probe.events(0.1):
                    if event.kind is CgroupEventKind.BORN:
                        born[event.path] = identifier.identify(event.cgroup_id, event.path, event.pid)

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield born
        finally:
            ended.set()
            listener.join()

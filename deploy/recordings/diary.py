"""What was done when: one line of JSON for each event, beside the recording."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from demo.workloads import Workload


@dataclass
class Event:
    """One line of the diary; times are Unix time in milliseconds."""

    start: int
    end: int
    kind: str
    """`load`, `operation` or `intrusion`."""
    name: str
    workload: str
    namespace: str
    pod: str
    pod_uid: str
    container: str
    delivery: str = ""
    """How an intrusion came in: `exec`, `shell` or `machine code` (`recordings.deliveries`)."""
    tactic: str = ""
    """The ATT&CK tactic of an intrusion."""
    ok: bool = True
    detail: str = ""


class Diary:
    """Writes events as they end; safe to use from several threads.

    Args:
        path: The file, made or gone on with.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._guard = threading.Lock()

    @contextmanager
    def event(self, workload: Workload, kind: str, name: str, **more: str) -> Iterator[Event]:
        """Note what happens in the block; an error is noted and raised again."""
        pod = workload.pod
        event = Event(
            start=_now(),
            end=0,
            kind=kind,
            name=name,
            workload=workload.name,
            namespace=pod.namespace,
            pod=pod.name,
            pod_uid=pod.uid,
            container=pod.container.name,
            **more,
        )
        try:
            yield event
        except BaseException as error:
            event.ok, event.detail = False, str(error)[-300:]
            raise
        finally:
            event.end = _now()
            with self._guard:
                self._file.write(json.dumps(asdict(event)) + "\n")
                self._file.flush()

    def close(self) -> None:
        """End it."""
        self._file.close()


def _now() -> int:
    return time.time_ns() // 1_000_000

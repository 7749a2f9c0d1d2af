"""Containers that are stopped, killed and crash again and again; later, intruders end them after the act."""

import os
import random
import signal
import threading
from collections.abc import Callable, Sequence

from demo.workloads import Workload
from lab import LabError

from recordings.deliveries import EXEC, SHELL, by_exec, by_service
from recordings.diary import Diary
from recordings.errors import RecordingError

NAMES = ("shop/web", "shop/cache", "data/ledger")
STEADY, STOP = "steady", "stop"
"""Where in a container's life an intrusion lies: in its middle, or just before its end."""
_LIFE_S = (60.0, 120.0)
_PATIENCE_S = 10
_WAYS = ("stopped", "stopped", "stopped", "killed", "crashed")
"""SIGTERM, SIGKILL or SIGSEGV. The kernel keeps the last from a container's first process that has no handler
for it; redis has one. Others are stopped after it all the same."""
_ACTS = (
    ("who am I", "id; hostname; uname -a"),
    ("read accounts", "cat /etc/passwd /etc/group /proc/1/environ | wc -c"),
    ("list connections", "cat /proc/net/tcp /proc/net/route /proc/mounts | wc -c"),
    ("drop a program", "cp /bin/sh /tmp/.x 2>/dev/null; chmod 755 /tmp/.x; /tmp/.x -c id; rm -f /tmp/.x"),
    ("search for keys", "ls -laR /etc | wc -l; ls /root /home /tmp 2>&1 | wc -l"),
)


class Stopper:
    """Ends and replaces the containers of some pods, each in a thread of its own.

    Args:
        diary: Takes what is done.
        seed: The same seed does the same, as far as times allow.
        stop: Ends it.
        intruded: Once set, a life has an intruder in its middle, and every other one before its end.
    """

    def __init__(self, diary: Diary, seed: int, stop: threading.Event, intruded: threading.Event) -> None:
        self._diary = diary
        self._seed = seed
        self._stop = stop
        self._intruded = intruded

    def start(self, workloads: Sequence[Workload]) -> list[threading.Thread]:
        """Begin; return the threads to be joined."""
        threads = [threading.Thread(target=self._work, args=(each,), daemon=True) for each in workloads]
        for thread in threads:
            thread.start()
        return threads

    def _work(self, workload: Workload) -> None:
        dice = random.Random(f"{self._seed}/{workload.pod.name}/stops")
        lives = 0
        while not self._stop.is_set():
            life = dice.uniform(*_LIFE_S)
            if self._stop.wait(life / 2):
                return
            if self._intruded.is_set():
                self._intrude(workload, dice, STEADY, end=False)
            if self._stop.wait(life / 2):
                return
            try:
                self._end(workload, dice, intruder=self._intruded.is_set() and lives % 2 == 0)
            except (OSError, LabError, RecordingError) as error:
                print(f"{workload.pod.name}: not replaced: {error}", flush=True)
            lives += 1

    def _end(self, workload: Workload, dice: random.Random, *, intruder: bool) -> None:
        if intruder:
            self._intrude(workload, dice, STOP, end=True)
        way = dice.choice(_WAYS)
        number = {"killed": signal.SIGKILL, "crashed": signal.SIGSEGV}.get(way)
        pid = workload.pod.container.pid
        with self._diary.event(workload, "operation", "intruder's" if intruder else way) as event:
            event.detail = workload.pod.container.id
            if number is not None and pid > 0:
                os.kill(pid, number)
            workload.pod.restart(patience_s=_PATIENCE_S)
        with self._diary.event(workload, "operation", "start"):
            workload.wait_until_served()

    def _intrude(self, workload: Workload, dice: random.Random, where: str, *, end: bool) -> None:
        name, script = dice.choice(_ACTS)
        deliveries: dict[str, Callable[[Workload, str], str]] = {EXEC: by_exec, SHELL: by_service}
        delivery = dice.choice(sorted(deliveries))
        script += "; echo done" + ("; kill -TERM 1" if end else "")
        try:
            with self._diary.event(workload, "intrusion", f"{name}, {where}", delivery=delivery):
                deliveries[delivery](workload, script)
        except Exception as error:  # noqa: BLE001 - noted in the diary; some end with the container
            print(f"{workload.pod.name}: {name} by {delivery}: {error}", flush=True)

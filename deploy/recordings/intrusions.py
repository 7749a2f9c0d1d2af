"""Every action on every workload, by every way in, one at a time in each pod, while the load goes on."""

import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.workloads import Workload
from lab import MissingRequirementError
from lab.load import Load

from recordings.actions import ACTIONS, TOOL, Action
from recordings.deliveries import EXEC, MACHINE_CODE, SHELL, Deliver, by_exec, by_service, victim
from recordings.diary import Diary
from recordings.errors import NoEffectError
from recordings.inject import hijacked
from recordings.machine_code import ROUTINES, Routine

PAUSE_S: Final = (21.0, 27.0)
"""Between two actions in one pod: more than two windows of 10 s, so that none borrows another's finding."""
WAYS: Final = (EXEC, SHELL, MACHINE_CODE)
"""The n-th pod of each workload is entered in the n-th way."""
_FILES: Final = Path(__file__).parent / "files"
_REFUSED: Final = range(-133, 0)


@dataclass
class FarEnd:
    """What the intruder listens with, in the network of one pod."""

    load: Load
    pod: str

    def reached(self, since: int) -> str:
        """Return what arrived after so many characters."""
        return self.load.output()[since:]


class Intruder:
    """Enters pods.

    Args:
        diary: Takes what is done.
        seed: Of the pauses.
        most: Actions in each pod at most; None does all.
    """

    def __init__(self, diary: Diary, seed: int, most: int | None = None) -> None:
        self._diary = diary
        self._seed = seed
        self._most = most

    def intrude(self, workloads: Sequence[Workload], check: threading.Event) -> None:
        """Do everything, in all pods at the same time; `check` ends it early."""
        with toolkit() as tool:
            threads = [
                threading.Thread(
                    target=self._enter, args=(each, tool, check), name=f"intruder-{each.pod.name}"
                )
                for each in workloads
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _enter(self, workload: Workload, tool: Path, check: threading.Event) -> None:
        way = WAYS[int(workload.pod.name.rpartition("-")[2]) % len(WAYS)]
        dice = random.Random(f"{self._seed}/{workload.pod.name}/intrusions")
        far_end = _prepare(workload, tool)
        actions: Sequence[Action | Routine] = ROUTINES if way == MACHINE_CODE else ACTIONS
        check.wait(dice.uniform(0, PAUSE_S[1]))
        for action in actions[: self._most]:
            if check.is_set():
                return
            try:
                with self._diary.event(
                    workload, "intrusion", action.name, delivery=way, tactic=action.tactic
                ) as event:
                    if isinstance(action, Routine):
                        event.detail = _work(workload, action)
                    else:
                        event.detail = _run(workload, action, by_exec if way == EXEC else by_service, far_end)
            except Exception as error:  # noqa: BLE001 - noted in the diary; the others go on
                print(f"{workload.pod.name}: {action.name} by {way} failed: {error}", flush=True)
            check.wait(dice.uniform(*PAUSE_S))


def _run(workload: Workload, action: Action, deliver: Deliver, far_end: FarEnd) -> str:
    before = len(far_end.load.output())
    said = deliver(workload, action.script)
    for _ in range(20):
        seen = said + far_end.reached(before)
        if match := re.search(action.proof, seen, re.DOTALL):
            return match[0][-100:]
        time.sleep(0.1)
    msg = f"expected {action.proof!r}; got {seen.strip()[-200:]!r}"
    raise NoEffectError(msg)


def _work(workload: Workload, routine: Routine) -> str:
    with victim(workload) as pid, hijacked(pid) as thread:
        made = routine.act(thread)
    return f"refused ({-made})" if made in _REFUSED else f"done ({made})"


def _prepare(workload: Workload, tool: Path) -> FarEnd:
    pid = workload.pod.container.pid
    place = Path(f"/proc/{pid}/root{TOOL}")
    shutil.copyfile(tool, place)
    place.chmod(0o755)
    inside = ("nsenter", "-t", str(pid), "-n")
    load = workload.lab.load(*inside, sys.executable, str(_FILES / "far_end.py"), str(tool))
    deadline = time.monotonic() + 20
    while "listening" not in load.output():
        if time.monotonic() > deadline:
            msg = f"The far end of {workload.pod.name} does not listen: {load.output()[-200:]}"
            raise NoEffectError(msg)
        time.sleep(0.05)
    return FarEnd(load, workload.pod.name)


@contextmanager
def toolkit() -> Iterator[Path]:
    """Give the compiled `tool.c`.

    Raises:
        MissingRequirementError: There is no C compiler.
    """
    if shutil.which("gcc") is None:
        msg = "Not installed: gcc; apt-get install -y --no-install-recommends gcc libc6-dev"
        raise MissingRequirementError(msg)
    with tempfile.TemporaryDirectory() as folder:
        tool = Path(folder) / "tool"
        subprocess.run(["gcc", "-O1", "-static", "-o", str(tool), str(_FILES / "tool.c")], check=True)
        yield tool

"""A containerd of our own: its root, state, sockets and runc state all lie below one folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from lab.errors import StartError
from lab.processes import descendants, stop, with_argument
from lab.requirements import find

_START_S = 20.0
_CONFIG = """\
version = 2
root = "{folder}/root"
state = "{folder}/state"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "lab.local/pause:1"
  # A root without CAP_SYS_RESOURCE may not lower oom_score_adj, which CRI asks for otherwise.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{folder}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  Root = "{folder}/runc"
"""


class Daemon:
    """One running containerd."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "containerd.sock"
        self.state = folder / "state"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            StartError: It ended or did not listen in time; the message ends with its log.
        """
        (self.folder / "cni").mkdir(parents=True, exist_ok=True)
        config = self.folder / "containerd.toml"
        config.write_text(_CONFIG.format(folder=self.folder))
        log = self.folder / "containerd.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(find("containerd")), "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the caller, who then stops us in order.
                env=_environment(),
            )
        deadline = time.monotonic() + _START_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                msg = f"containerd did not start: {log.read_text()[-500:]}"
                raise StartError(msg)
            time.sleep(0.02)

    def _listens(self) -> bool:
        """Tell whether it takes connections, which is a moment after its socket is there."""
        with socket.socket(socket.AF_UNIX) as asking:
            return asking.connect_ex(str(self.socket)) == 0

    def ctr(self, *arguments: str, namespace: str = "default", timeout_s: float = 60.0) -> str:
        """Run `ctr` against this containerd and return what it printed.

        Raises:
            StartError: It failed; the message holds its last lines.
        """
        command = [str(find("ctr")), "-a", str(self.socket), "-n", namespace, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False, env=_environment()
        )
        if done.returncode:
            msg = f"`ctr {' '.join(arguments[:3])}` failed: {done.stderr.strip()[-500:]}"
            raise StartError(msg)
        return done.stdout

    def restart(self) -> None:
        """Stop containerd alone and start it again; the containers go on running."""
        self._stop_process()
        self.socket.unlink(missing_ok=True)
        self.start()

    def stop(self) -> None:
        """Stop it and whatever it left running, then remove its folder."""
        self._stop_process()
        remove(self.folder)

    def _stop_process(self) -> None:
        if self._process is not None:
            stop(self._process)
            self._process = None


def remove(folder: Path) -> None:
    """End every process of the lab in this folder, unmount what lies below it, and delete it.

    Also for a lab whose owner was killed, so it trusts nothing but the folder's name.
    """
    for argument in (f"{folder}/containerd.toml", f"{folder}/containerd.sock"):
        for pid in with_argument(argument):
            for each in [*descendants(pid), pid]:
                _kill(each)
    for address in folder.glob("state/io.containerd.runtime.v2.task/*/*/address"):
        # A shim that was killed leaves its socket, and shims keep theirs outside of our folder.
        Path(address.read_text().removeprefix("unix://")).unlink(missing_ok=True)
    for _ in range(100):
        points = _mounts_below(folder)
        for point in points:
            subprocess.run(["umount", "-l", point], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)


def _mounts_below(folder: Path) -> list[str]:
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _environment() -> dict[str, str]:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))
    return {**os.environ, "PATH": path}

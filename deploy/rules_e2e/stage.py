"""Where tests run: the host, and one privileged container of the lab."""

import contextlib
import pwd
import shutil
import subprocess
import threading
from pathlib import Path

from lab.containers import Pod

from rules_e2e.play import Play

SOURCE = Path(__file__).parent / "actor.c"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def compile_actor(folder: Path) -> Path:
    """Compile the actor, with no library beside it."""
    actor = folder / "actor"
    subprocess.run(["cc", "-static", "-O2", "-Wall", "-o", str(actor), str(SOURCE)], check=True)
    return actor


class Addresses:
    """Addresses that this machine answers for while tests run."""

    def __init__(self) -> None:
        self._added: list[str] = []
        self._guard = threading.Lock()

    def ensure(self, address: str) -> None:
        """Give the loopback an address that no interface has."""
        with self._guard:
            shown = subprocess.run(
                ["ip", "-o", "addr", "show", "to", address], capture_output=True, text=True, check=True
            )
            if shown.stdout.strip() or address.startswith("127."):
                return
            bits = 128 if ":" in address else 32
            subprocess.run(["ip", "addr", "add", f"{address}/{bits}", "dev", "lo"], check=True)
            self._added.append(f"{address}/{bits}")

    def remove(self) -> None:
        """Take back what was added."""
        for each in self._added:
            subprocess.run(["ip", "addr", "del", each, "dev", "lo"], check=False)


class Host:
    """Runs plays on the host."""

    def __init__(self, actor: Path) -> None:
        self._actor = actor
        self._made: list[str] = []

    def user_of(self, name: str) -> tuple[int, int]:
        """Return uid and gid of a user, who is made where there is none."""
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            subprocess.run(["useradd", "--no-create-home", name], check=True)
            self._made.append(name)
            found = pwd.getpwnam(name)
        return found.pw_uid, found.pw_gid

    def run(self, play: Play, timeout_s: float) -> str:
        """Run a play; return what went wrong, or nothing."""
        env = {"PATH": _PATH, "HOME": "/root", "E2E_PLAY": play.text}
        try:
            done = subprocess.run(
                [str(self._actor)],
                env=env,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                cwd="/",
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"the test did not end within {timeout_s:.0f} s"
        return (done.stdout + done.stderr).strip()

    def close(self) -> None:
        """Remove users that were made."""
        for name in self._made:
            subprocess.run(["userdel", name], check=False)


class InContainer:
    """Runs plays in a container, as `kubectl exec` would."""

    def __init__(self, pod: Pod, actor: Path) -> None:
        self._pod = pod
        self._root = Path(f"/proc/{pod.container.pid}/root")
        # Opened now: the container's own root, wherever its first process goes.
        shutil.copy(actor, self._root / "usr/bin/actor")
        (self._root / "usr/bin/actor").chmod(0o755)
        self._guard = threading.Lock()

    def user_of(self, name: str) -> tuple[int, int]:
        """Return uid and gid of a user in the container, who is made where there is none."""
        passwd = self._root / "etc/passwd"
        with self._guard:
            found = {
                words[0]: (int(words[2]), int(words[3]))
                for words in (line.split(":") for line in passwd.read_text().splitlines())
            }
            if name not in found:
                uid = max((each[0] for each in found.values() if each[0] < 60000), default=1000) + 1
                with passwd.open("a") as file:
                    file.write(f"{name}:x:{uid}:{uid}::/:/bin/sh\n")
                found[name] = uid, uid
        return found[name]

    def run(self, play: Play, timeout_s: float) -> str:
        """Run a play; return what went wrong, or nothing."""
        command = [
            "/usr/bin/env",
            "-i",
            f"PATH={_PATH}",
            "HOME=/root",
            f"E2E_PLAY={play.text}",
            "/usr/bin/actor",
        ]
        done = self._pod.exec(command, timeout_s=int(timeout_s))
        return (done.stdout + done.stderr).strip()

    def close(self) -> None:
        """Remove the actor."""
        with contextlib.suppress(OSError):
            (self._root / "usr/bin/actor").unlink()

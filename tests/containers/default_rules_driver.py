"""Runs inside a container: for each default rule does the thing that it is for, and a benign neighbour.

Before each it opens `/marker/RULE/PART/release_agent` for writing: there is no such file, and a rule reports
the attempt, so what is reported can be told apart by its order. Nothing here reaches out of its container:
files are its own, the peers of connections are loopback or have no route, and calls that could change the
host are ones that the container's missing capabilities refuse. Prints what came of each step as JSON.
"""

import ctypes
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

BIN = Path("/srv/bin")
LIBC = ctypes.CDLL(None, use_errno=True)
BPF, FINIT_MODULE, UNSHARE, PTRACE, OPEN_BY_HANDLE, IO_URING_SETUP = 321, 313, 272, 101, 304, 425
CLONE_FS, CLONE_NEWUSER = 0x200, 0x10000000
PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_DETACH = 0, 16, 17
TOKEN = Path("/run/secrets/kubernetes.io/serviceaccount/token")
FIRE, NEIGHBOUR = "fire", "neighbour"


def marker(rule: str, part: str) -> None:
    """Leave a mark in the stream of matches; twice: a starved agent may lose (and count) one."""
    for _ in range(2):
        attempt(f"/marker/{rule}/{part}/release_agent", os.O_WRONLY)
        time.sleep(0.03)


def attempt(path: str, flags: int = os.O_RDONLY, mode: int = 0o644) -> str:
    """Open and close a file; an error is an answer."""
    try:
        os.close(os.open(path, flags, mode))
    except OSError as error:
        return f"{path}: {error.strerror}"
    return f"{path}: opened"


def call(number: int, *arguments: object) -> str:
    """Make a system call; an error is an answer."""
    ctypes.set_errno(0)
    result = LIBC.syscall(number, *arguments)
    return f"{result} {os.strerror(ctypes.get_errno())}"


def run(*words: str, stdin: str = "") -> str:
    """Run a program by name and return its exit code and last words."""
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=20, check=False)
    return f"{done.returncode} {(done.stdout + done.stderr)[-120:]}"


def shell(script: str) -> str:
    """Run a shell script as a child of this program, which is no known service."""
    return run("sh", "-c", script)


def named(name: str, *words: str) -> str:
    """Run busybox under another name, as a program that is so called."""
    return run(link(name, "/usr/bin/busybox"), *words)


def as_program(name: str, code: str) -> str:
    """Run some Python under another name."""
    return run(link(name, "/usr/bin/python3.11"), "-c", code)


def link(name: str, target: str) -> str:
    """Make a name for a program of the image and return its path."""
    path = BIN / name
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return str(path)


def copied(path: str) -> str:
    """Run a copy of busybox from there, which is therefore not of the image; its first word is `true`."""
    Path(path).write_bytes(Path("/usr/bin/busybox").read_bytes())
    Path(path).chmod(0o755)
    done = subprocess.run(["true"], executable=path, capture_output=True, timeout=20, check=False)
    return str(done.returncode)


def in_child(act: Callable[[], object]) -> str:
    """Do something in a fork, which ends after it."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
        finally:
            os._exit(0)
    return str(os.waitpid(pid, 0)[1])


def connect(peer: str, port: int, family: int = socket.AF_INET) -> str:
    """Connect over TCP; an error is an answer."""
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        return str(client.connect_ex((peer, port)))


def connect_local(path: str) -> str:
    """Connect to a Unix socket; an error is an answer."""
    with socket.socket(socket.AF_UNIX) as client:
        return str(client.connect_ex(path))


def new_socket(family: int, kind: int) -> str:
    """Make a socket; an error is an answer."""
    try:
        socket.socket(family, kind, socket.IPPROTO_ICMP if kind == socket.SOCK_RAW else 0).close()
    except OSError as error:
        return str(error)
    return "made"


def with_listener(act: Callable[[int], object]) -> str:
    """Listen on loopback while something connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(act(server.getsockname()[1]))


def join_streams(port: int) -> str:
    """Make a connection a child's standard input, as a reverse shell does."""
    client = socket.create_connection(("127.0.0.1", port))
    done = in_child(lambda: os.dup2(client.fileno(), 0))
    client.close()
    return done


def duplicate(port: int) -> str:
    """Copy a connection's descriptor to a number that is no standard stream."""
    client = socket.create_connection(("127.0.0.1", port))
    os.close(os.dup(client.fileno()))
    client.close()
    return "copied"


def from_memory() -> str:
    """Run busybox from a file that lies in memory only."""
    memory = os.memfd_create("kworker", 0)
    os.write(memory, Path("/usr/bin/busybox").read_bytes())
    return in_child(lambda: os.execve(f"/proc/self/fd/{memory}", ["true"], {}))


def attach() -> str:
    """Attach to a child by ptrace and let it go."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
    said = call(PTRACE, PTRACE_ATTACH, pid, 0, 0)
    os.waitpid(pid, 0)
    call(PTRACE, PTRACE_DETACH, pid, 0, 0)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return said


def write_and(path: str, act: Callable[[str], object]) -> str:
    """Make a file first, then do something with it."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("x\n")
    return str(act(path))


def mount(kind: str) -> str:
    """Ask for a mount, which needs a capability that this container lacks."""
    ctypes.set_errno(0)
    Path("/srv/mnt").mkdir(exist_ok=True)
    result = LIBC.mount(b"none", b"/srv/mnt", kind.encode(), 0, b"memory")
    return f"{result} {os.strerror(ctypes.get_errno())}"


def replace(source: str, target: str) -> str:
    """Move a new file to a name."""
    return write_and(source, lambda path: Path(path).replace(target))


def token(act: Callable[[str], str]) -> str:
    """Do something with a service account's token, here a made-up one."""
    return write_and(str(TOKEN), act)


W, T = os.O_WRONLY | os.O_CREAT | os.O_APPEND, os.O_WRONLY | os.O_CREAT | os.O_TRUNC
Step = Callable[[], object]
STEPS: dict[str, tuple[Step, Step]] = {
    "Release agent written in a container": (
        lambda: attempt("/sys/fs/cgroup/release_agent", os.O_WRONLY),
        lambda: attempt("/sys/fs/cgroup/cgroup.procs"),
    ),
    "Kernel helper path written in a container": (
        lambda: attempt("/proc/sys/kernel/core_pattern", os.O_WRONLY),
        lambda: Path("/proc/sys/kernel/core_pattern").read_text(),
    ),
    "Program of a running process overwritten": (
        lambda: attempt("/proc/self/exe", os.O_WRONLY),
        lambda: attempt("/proc/self/exe"),
    ),
    "Root of another process entered": (
        lambda: attempt("/proc/1/root/etc/hostname"),
        lambda: attempt("/proc/self/root/etc/hostname"),
    ),
    "Container runtime socket used in a container": (
        lambda: connect_local("/var/run/docker.sock"),
        lambda: connect_local("/srv/application.sock"),
    ),
    "Control group file system mounted in a container": (lambda: mount("cgroup"), lambda: run("mount")),
    "Mount in a container": (lambda: mount("tmpfs"), lambda: Path("/proc/mounts").read_text()[:80]),
    "Namespace entered or made in a container": (
        lambda: in_child(lambda: call(UNSHARE, CLONE_NEWUSER)),
        lambda: in_child(lambda: call(UNSHARE, CLONE_FS)),
    ),
    "Raw disk or memory opened in a container": (
        lambda: attempt("/dev/sda"),
        lambda: attempt("/dev/null", os.O_WRONLY),
    ),
    "Container or cluster client run in a container": (
        lambda: named("kubectl", "get", "secrets"),
        lambda: named("env"),
    ),
    "BPF program loaded from a container": (
        lambda: call(BPF, 5, ctypes.create_string_buffer(48), 48),
        lambda: call(BPF, 1, ctypes.create_string_buffer(48), 48),
    ),
    "Kernel module loaded from a container": (
        lambda: call(FINIT_MODULE, -1, b"", 0),
        lambda: Path("/proc/filesystems").read_text()[:80],
    ),
    "Another process attached by ptrace": (
        attach,
        lambda: in_child(lambda: call(PTRACE, PTRACE_TRACEME, 0, 0, 0)),
    ),
    "Memory of a process written": (
        lambda: attempt("/proc/self/mem", os.O_WRONLY),
        lambda: attempt("/proc/self/maps"),
    ),
    "File opened by handle in a container": (
        lambda: call(OPEN_BY_HANDLE, -1, ctypes.create_string_buffer(24), 0),
        lambda: attempt("/srv/bin"),
    ),
    "Ring of asynchronous calls set up in a container": (
        lambda: call(IO_URING_SETUP, 1, None),
        lambda: run("true"),
    ),
    "Terminal shell in a container": (lambda: pty.spawn(["sh", "-c", "exit"]), lambda: pty.spawn(["true"])),
    "Encoded command run by a shell": (
        lambda: shell("echo dHJ1ZQo= | base64 -d | sh"),
        lambda: shell("echo dHJ1ZQo= | base64 -d"),
    ),
    "Download piped into an interpreter": (
        lambda: shell("wget -q -O - http://127.0.0.1:9/x | sh"),
        lambda: shell("wget -q -O - http://127.0.0.1:9/healthz || true"),
    ),
    "Reverse shell command line": (
        lambda: with_listener(lambda port: run("nc", "127.0.0.1", str(port), "-e", "true")),
        lambda: run("nc", "-w", "1", "127.0.0.1", "9"),
    ),
    "Standard streams joined to a network connection": (
        lambda: with_listener(join_streams),
        lambda: with_listener(duplicate),
    ),
    "Shell opened a network connection": (
        lambda: with_listener(lambda port: script("/srv/a.sh", f"exec 3<>/dev/tcp/127.0.0.1/{port}", "bash")),
        lambda: script("/srv/b.sh", "echo quiet >/dev/null", "bash"),
    ),
    "Shell spawned by a network service": (
        lambda: as_program("nginx", "import subprocess; subprocess.run(['sh', '-c', 'id'])"),
        lambda: as_program("nginx", "import subprocess; subprocess.run(['true'])"),
    ),
    "Shell spawned by an application": (
        lambda: run("python3", "-c", "import subprocess; subprocess.run('id', shell=True)"),
        lambda: run("python3", "-c", "import subprocess; subprocess.run(['id'])"),
    ),
    "Program executed from memory": (from_memory, lambda: run("true")),
    "Program executed from shared memory": (
        lambda: script("/dev/shm/job.sh", "exit 0", "sh"),  # mounted noexec: no program starts
        lambda: write_and("/dev/shm/data", lambda path: run("cat", path)),
    ),
    "Hidden program executed": (lambda: named(".cache-d"), lambda: write_and("/srv/.config", attempt)),
    "Crypto miner started": (
        lambda: named("worker", "-o", "stratum+tcp://127.0.0.1:9"),
        lambda: named("worker", "-o", "http://127.0.0.1:9"),
    ),
    "Package manager run in a container": (lambda: named("apk", "add", "socat"), lambda: named("apkx")),
    "Download into a temporary directory": (
        lambda: run("wget", "-q", "-O", "/tmp/x", "http://127.0.0.1:9/x"),
        lambda: run("wget", "-q", "-O", "-", "http://127.0.0.1:9/healthz"),
    ),
    "Network scanner run in a container": (
        lambda: named("nmap", "-sT", "127.0.0.1"),
        lambda: run("nc", "-w", "1", "127.0.0.1", "9"),
    ),
    "Tunnel tool run in a container": (
        lambda: named("ssh", "-N", "-R", "9000:127.0.0.1:80", "127.0.0.1"),
        lambda: named("ssh", "git@127.0.0.1", "git-upload-pack"),
    ),
    "Bulk destruction of data": (
        lambda: write_and("/srv/gone", lambda path: named("shred", path)),
        lambda: run("dd", "if=/etc/hostname", "of=/dev/null"),
    ),
    "Program executed that is not part of the image": (
        lambda: copied("/srv/dropped"),
        lambda: run("/usr/bin/true"),
    ),
    "Program executed from a temporary directory": (
        lambda: script("/tmp/job.sh", "exit 0", "sh"),
        lambda: write_and("/tmp/input", lambda path: run("cat", path)),
    ),
    "Sensitive file read by path traversal": (
        lambda: attempt("/srv/bin/../../etc/passwd"),
        lambda: write_and("/srv/share/a", lambda _: attempt("/srv/bin/../share/a")),
    ),
    "Password file read": (lambda: run("cat", "/etc/shadow"), lambda: run("cat", "/etc/passwd")),
    "Link made to a sensitive file": (
        lambda: Path("/srv/innocent").symlink_to("/etc/shadow"),
        lambda: Path("/srv/current").symlink_to("/srv/share"),
    ),
    "Service account token read by a general tool": (
        lambda: token(lambda path: run("cat", path)),
        lambda: token(lambda path: as_program("controller", f"open({path!r}).read()")),
    ),
    "Credentials of the node read in a container": (
        lambda: write_and("/var/lib/kubelet/pki/kubelet.key", attempt),
        lambda: write_and("/var/lib/service/key", attempt),
    ),
    "Private key or cloud credentials read by a general tool": (
        lambda: write_and("/root/.ssh/id_rsa", lambda path: run("cat", path)),
        lambda: write_and("/root/.ssh/id_rsa.pub", lambda path: run("cat", path)),
    ),
    "Environment of a process read by a general tool": (
        lambda: run("cat", "/proc/self/environ"),
        lambda: run("cat", "/proc/self/cmdline"),
    ),
    "Search for credentials": (
        lambda: run("grep", "-r", "BEGIN RSA PRIVATE KEY", "/srv/share"),
        lambda: run("grep", "-r", "TODO", "/srv/share"),
    ),
    "Cloud metadata address contacted": (
        lambda: connect("169.254.169.254", 80),
        lambda: connect("127.0.0.1", 80),
    ),
    "Preloaded library set": (
        lambda: attempt("/etc/ld.so.preload", W) + str(Path("/etc/ld.so.preload").unlink()),
        lambda: attempt("/etc/ld.so.preload"),
    ),
    "Scheduled job changed": (
        lambda: replace("/srv/job", "/etc/crontab"),
        lambda: named("crontab", "-l"),
    ),
    "Start script or service unit changed": (
        lambda: attempt("/etc/inittab", W),
        lambda: attempt("/etc/inittab"),
    ),
    "Shell profile changed": (lambda: attempt("/root/.bashrc", W), lambda: attempt("/root/.bashrc")),
    "Authorized keys changed": (
        lambda: attempt("/root/.ssh/authorized_keys", W),
        lambda: attempt("/root/.ssh/known_hosts", W),
    ),
    "User account added or changed": (
        lambda: attempt("/etc/passwd", W),
        lambda: run("id", "root"),
    ),
    "Login or sudo configuration changed": (
        lambda: attempt("/etc/sudoers", W),
        lambda: as_program("su", "open('/etc/sudoers').read()"),
    ),
    "Setuid bit or file capability set": (
        lambda: write_and("/srv/tool", lambda path: Path(path).chmod(0o4755)),
        lambda: write_and("/srv/tool", lambda path: Path(path).chmod(0o755)),
    ),
    "Shell history cleared": (
        lambda: write_and("/root/.bash_history", os.unlink),
        lambda: write_and("/root/.cache/x", os.unlink),
    ),
    "Log file truncated": (
        lambda: attempt("/var/log/service.log", T),
        lambda: attempt("/var/log/service.log", W),
    ),
    "Log file deleted": (
        lambda: write_append("/var/log/service.log", os.unlink),
        lambda: write_append("/var/log/old.log", lambda path: as_program("logrotate", remove(path))),
    ),
    "Times of a file set by hand": (
        lambda: run("touch", "-r", "/etc/hostname", "/srv/tool"),
        lambda: run("touch", "/srv/ready"),
    ),
    "Packet socket opened in a container": (
        lambda: new_socket(socket.AF_PACKET, socket.SOCK_DGRAM),
        lambda: new_socket(socket.AF_UNIX, socket.SOCK_DGRAM),
    ),
    "Raw socket opened in a container": (
        lambda: new_socket(socket.AF_INET, socket.SOCK_RAW),
        lambda: new_socket(socket.AF_INET, socket.SOCK_STREAM),
    ),
    "Mining pool contacted": (
        lambda: connect("203.0.113.7", 3333),
        lambda: connect("127.0.0.1", 3333),
    ),
    "Shared library written": (
        lambda: attempt("/usr/lib/libtool.so.1", T),
        lambda: attempt("/usr/lib/python3.11/cached.pyc", T),
    ),
    "Program directory changed": (
        lambda: replace("/srv/new", "/usr/bin/new"),
        lambda: attempt("/usr/bin/busybox"),
    ),
    "Configuration below etc changed": (
        lambda: attempt("/etc/service.conf", T),
        lambda: attempt("/etc/hostname"),
    ),
}


def write_append(path: str, act: Callable[[str], object]) -> str:
    """Make a log by appending to it, then do something with it."""
    attempt(path, W)
    return str(act(path))


def remove(path: str) -> str:
    """Return Python that deletes a file."""
    return f"import os; os.unlink({path!r})"


def script(path: str, text: str, interpreter: str) -> str:
    """Write a script and give it to a shell."""
    Path(path).write_text(text + "\n")
    return run(interpreter, path)


def main() -> None:
    """Do all steps in turn; a step that breaks is an answer too."""
    answers: dict[str, dict[str, str]] = {}
    link("base64", "/usr/bin/busybox")
    chosen = sys.argv[1:] or list(STEPS)
    for rule in chosen:
        for part, step in zip((FIRE, NEIGHBOUR), STEPS[rule], strict=True):
            marker(rule, part)
            try:
                said = str(step())
            except Exception:  # noqa: BLE001 - the test judges, not this program
                said = "BROKEN " + traceback.format_exc()[-400:]
            answers.setdefault(rule, {})[part] = said
    marker("end", "end")
    print(json.dumps(answers))  # noqa: T201 - its only answer


if __name__ == "__main__":
    main()

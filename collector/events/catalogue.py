"""Which system calls can be reported: their arguments, as rules name them, and how the kernel reads them."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from collector.events import layout
from collector.events.layout import How
from wire.syscalls import load_table

_TABLE: Final = """
open              name:path flags:open mode:mode > fd:opened
openat            dirfd:directory name:path flags:open mode:mode > fd:opened
openat2           dirfd:directory name:path flags:open_how > fd:opened
creat             name:path mode:mode > fd:opened
open_by_handle_at mountfd:fd - flags:open > fd:result_fd
execve            filename:path - - > res
execveat          dirfd:directory filename:path - - flags:at_flags > res
connect           fd:fd addr:address -:address_bytes > res
bind              fd:fd addr:address -:address_bytes > res
listen            fd:fd backlog:int > res
accept            - - - > fd:result_fd
accept4           - - - flags:int > fd:result_fd
socket            domain:family type:int proto:int > fd:result_fd
sendto            fd:fd data:data size:data_bytes - addr:address -:address_bytes > res
recvfrom          fd:fd data:data_out size:int - - - > res
sendmsg           fd:fd addr:message - > res
recvmsg           fd:fd - - > res
read              fd:fd data:data_out size:int > res
write             fd:fd data:data size:data_bytes > res
pread64           fd:fd data:data_out size:int pos:int > res
pwrite64          fd:fd data:data size:data_bytes pos:int > res
shutdown          fd:fd how:int > res
dup               oldfd:int > res:result_fd
dup2              oldfd:int newfd:int > res:result_fd
dup3              oldfd:int newfd:int flags:cloexec_flags > res:result_fd
fcntl             fd:fd cmd:fcntl_command arg:int > res
close             fd:int > res
link              oldpath:path newpath:path > res
linkat            olddir:directory oldpath:path newdir:directory newpath:path flags:at_flags > res
symlink           target:text linkpath:path > res
symlinkat         target:text linkdirfd:directory linkpath:path > res
rename            oldpath:path newpath:path > res
renameat          olddirfd:directory oldpath:path newdirfd:directory newpath:path > res
renameat2         olddirfd:directory oldpath:path newdirfd:directory newpath:path flags:renameat2_flags > res
unlink            path:path > res
unlinkat          dirfd:directory name:path flags:unlinkat_flags > res
mkdir             path:path mode:int > res
mkdirat           dirfd:directory path:path mode:int > res
rmdir             path:path > res
mknod             path:path mode:mode dev:int > res
mknodat           dirfd:directory path:path mode:mode dev:int > res
chmod             filename:path mode:mode > res
fchmod            fd:fd mode:mode > res
fchmodat          dirfd:directory filename:path mode:mode > res
chown             path:path uid:int gid:int > res
lchown            path:path uid:int gid:int > res
fchown            fd:fd uid:int gid:int > res
fchownat          dirfd:directory pathname:path uid:int gid:int flags:at_flags > res
truncate          path:path size:int > res
ftruncate         fd:fd size:int > res
access            name:path mode:int > res
chdir             path:path > res
fchdir            fd:fd > res
chroot            path:path > res
pivot_root        new_root:path put_old:path > res
mount             - dir:path type:text flags:mount_flags > res
umount2           name:path flags:int > res
setns             fd:fd nstype:clone_flags > res
unshare           flags:clone_flags > res
setuid            uid:uid > res
setgid            gid:gid > res
setreuid          ruid:uid euid:uid > res
setregid          rgid:gid egid:gid > res
setresuid         ruid:uid euid:uid suid:uid > res
setresgid         rgid:gid egid:gid sgid:gid > res
setsid            > res
setpgid           pid:int pgid:int > res
capset            - - > res
ptrace            request:ptrace_request pid:int addr:int data:int > res
kill              pid:int sig:signal > res
tkill             tid:int sig:signal > res
tgkill            pid:int tid:int sig:signal > res
init_module       - length:int uargs:text > res
finit_module      fd:fd uargs:text flags:finit_flags > res
delete_module     name:text flags:int > res
kexec_load        - - - flags:int > res
bpf               cmd:bpf_command > fd:result_number
userfaultfd       flags:int > res
memfd_create      name:text flags:memfd_flags > fd:result_fd
process_vm_readv  pid:int > res
process_vm_writev pid:int > res
io_uring_setup    entries:int > res
keyctl            operation:int > res
prctl             option:int > res
seccomp           op:int flags:int > res
quotactl          cmd:int > res
mlock             addr:int len:int > res
mlockall          flags:int > res
"""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call as rules see it."""

    name: str
    kind: str
    index: int
    """Of the kernel's arguments, from 0; for a text, which of the texts captured it is; -1: the result."""


@dataclass(frozen=True, slots=True)
class Call:
    """One system call that can be reported."""

    name: str
    arguments: tuple[Argument, ...]
    """In the order in which `evt.args` shows them; the result first."""
    capture: bytes
    """`struct call` of collector/bpf/events.h, but for the number."""

    @property
    def is_open(self) -> bool:
        """Whether it opens a file by a path."""
        return any(argument.kind == "opened" for argument in self.arguments)


class _Reader:
    """Reads one line of the table."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._arguments: list[Argument] = []
        self._how = How.ON
        self._places = dict.fromkeys(_PLACES, 0)
        self._paths: list[tuple[int, int]] = []
        self._directory = 0

    def add(self, label: str, kind: str, index: int) -> None:
        """Take the next argument, by the kernel's count from 0."""
        at = index + 1
        if kind == "path":
            self._arguments.append(Argument(label, kind, len(self._paths)))
            self._paths.append((at, self._directory))
            self._directory = 0
            return
        if kind == "directory":
            self._directory = at
        if place := _PLACE_OF.get(kind):
            self._places[place] = at
            self._how |= _HOW_OF.get(kind, How(0))
        if kind and label != "-":
            self._arguments.append(Argument(label, kind, index))
        if kind == "open_how":
            self._arguments += [Argument("mode", "mode", 3), Argument("resolve", "int", 4)]

    def finish(self, label: str, kind: str) -> Call:
        """Take the result, and return the call."""
        how = self._how | _HOW_OF.get(kind, How(0)) | (How.EXEC if self._name in _EXECS else How(0))
        paths = [*self._paths, (0, 0), (0, 0)][:2]
        capture = layout.CALL.pack(
            *(0, how, paths[0][0], paths[1][0], paths[0][1], paths[1][1]), *self._places.values()
        )
        return Call(self._name, (Argument(label, kind, -1), *self._arguments), capture)


def _read(line: str) -> Call:
    left, _, right = line.partition(">")
    name, *words = left.split()
    reader = _Reader(name)
    for index, word in enumerate(words):
        label, _, kind = word.partition(":")
        reader.add(label, kind, index)
    label, _, kind = right.strip().partition(":")
    return reader.finish(label, kind or "result")


_EXECS: Final = frozenset({"execve", "execveat"})
_PLACES: Final = ("text", "flags", "address", "address_bytes", "fd", "data", "data_bytes")
"""In the order of `struct call`."""
_PLACE_OF: Final[Mapping[str, str]] = {
    **{place: place for place in _PLACES if place != "flags"},
    "open": "flags",
    "open_how": "flags",
    "message": "address",
    "data_out": "data",
}
_HOW_OF: Final[Mapping[str, How]] = {
    "open_how": How.HOW,
    "message": How.MESSAGE,
    "data_out": How.DATA_OUT,
    "opened": How.OPEN,
    "result_fd": How.RESULT,
}
CALLS: Final[Mapping[str, Call]] = {call.name: call for call in map(_read, _TABLE.strip().splitlines())}
"""Every call that can be reported, by the name of its events."""
_EVENT_NAMES: Final = {"pread64": "pread", "pwrite64": "pwrite", "umount2": "umount2"}


def event_name(call: str) -> str:
    """Return what rules call an event of this system call."""
    return _EVENT_NAMES.get(call, call)


@cache
def reportable() -> frozenset[str]:
    """Return every value of `evt.type` that events of this sensor can have."""
    return frozenset(map(event_name, CALLS))


def slots(names: Iterable[str], contained: Container[str] = frozenset()) -> dict[int, bytes]:
    """Return what the kernel's table of calls holds for events of these types: (slot, `struct call`).

    A call of i386 that means the same is reported as the native one.

    Args:
        names: Types of events.
        contained: Those of them that are not asked for of the host's own processes.
    """
    wanted = set(names)
    table = load_table("x86_64")
    numbers = {name: number for number, name in table.native.items()}
    found = {}
    for base, known in ((0, table.native), (layout.COMPAT_SLOT, table.compat)):
        for number, name in known.items():
            native = _NATIVE_NAMES.get(name, name)
            if native in CALLS and event_name(native) in wanted and number < layout.COMPAT_SLOT:
                _, how, *rest = layout.CALL.unpack(CALLS[native].capture)
                if event_name(native) in contained:
                    how |= How.CONTAINED
                found[base + number] = layout.CALL.pack(numbers[native], how, *rest)
    return found


_NATIVE_NAMES: Final[Mapping[str, str]] = {
    "fcntl64": "fcntl",
    "ftruncate64": "ftruncate",
    "truncate64": "truncate",
    **{
        f"{name}32": name
        for name in (
            "chown",
            "fchown",
            "lchown",
            "setgid",
            "setregid",
            "setresgid",
            "setresuid",
            "setreuid",
            "setuid",
        )
    },
}
"""Calls of i386 under another name than the native one; socketcall(2), which is many in one, is not seen."""


@cache
def call_of(number: int) -> Call:
    """Return the call of a native number; one that is in no slot has no call.

    Raises:
        KeyError: No such call is reported.
    """
    return CALLS[load_table("x86_64").native[number]]

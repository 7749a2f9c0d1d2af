"""Fields of live events are what the language says they are."""

import struct
from pathlib import Path
from typing import Any

import pytest

from collector.events import layout
from collector.events.layout import Kind, Tag
from collector.rules.fields import GETTERS, SUPPORTED
from signatures.fields import all_fields
from tests.unit.collector.records import descriptor, exec_, openat, record, sockaddr
from tests.unit.collector.rules.nodes import make_node, see

O_CREAT_TRUNC_WRONLY = 0o1101
SOCKET = {"mode": 0o140777, "family": 2, "type": 1, "protocol": 6, "number": 4}


def values(event: Any, *names: str) -> tuple[Any, ...]:
    """Return several fields."""
    return tuple(event[name] for name in names)


def test_every_supported_field_exists_in_the_language() -> None:
    """A misspelt name would be a field that no rule can ask for."""
    assert set(all_fields().names()) >= SUPPORTED


@pytest.mark.parametrize("name", sorted(GETTERS))
def test_every_field_has_a_value_or_none_for_every_kind_of_event(name: str, tmp_path: Path) -> None:
    """No field raises for an event that lacks what it tells of."""
    node = make_node(tmp_path)
    connect = {Tag.ADDRESS: sockaddr((10, 0, 0, 1), 443), Tag.DESCRIPTOR: descriptor(**SOCKET)}
    events = [
        openat(b"x", directory=b"etc\0"),
        exec_(b"cat\0-n\0"),
        record(Kind.CALL, "connect", connect),
        record(Kind.CALL, "dup2", result=-9),
        record(Kind.CALL, "setuid", args=(33,), cgroup=5),
        record(Kind.CALL, "rename", {Tag.PATH: b"/a", Tag.PATH2: b"/b"}),
        record(Kind.CALL, "bpf", args=(5,)),
    ]
    for each in events:
        event = see(node, each)
        for key in (name, f"{name}[1]"):
            assert isinstance(event[key], str | int | float | bool | bytes | tuple | None)


def test_an_open_is_named_by_its_text(tmp_path: Path) -> None:
    """Dots are collapsed, links are not followed, and the raw name stays."""
    event = see(make_node(tmp_path), openat(b"/etc/../etc//./shadow", 0o2000000))

    assert values(event, "fd.name", "fd.nameraw", "fd.directory", "fd.filename", "fd.typechar", "fd.num") == (
        "/etc/shadow", "/etc/../etc//./shadow", "/etc", "shadow", "f", 3,
    )  # fmt: skip
    assert values(event, "evt.is_open_read", "evt.is_open_write", "evt.arg.flags", "evt.type") == (
        True, False, "O_CLOEXEC|O_RDONLY", "openat",
    )  # fmt: skip


def test_a_relative_open_begins_where_the_kernel_says(tmp_path: Path) -> None:
    """A failed one has a name too, and descriptor -1."""
    event = see(
        make_node(tmp_path), openat(b"../shadow", O_CREAT_TRUNC_WRONLY, directory=b"x\0etc\0", result=-13)
    )

    assert values(event, "fd.name", "fd.num", "evt.res", "evt.rawres", "evt.failed", "evt.is_open_write") == (
        "/etc/shadow", -1, "EACCES", -13, True, True,
    )  # fmt: skip
    assert event["evt.arg.name"] == "/etc/shadow"
    assert event["evt.rawarg.name"] == "../shadow"
    assert event["evt.arg[flags]"] == "O_CREAT|O_TRUNC|O_WRONLY"


def test_an_exec_shows_the_new_program_and_its_ancestors(tmp_path: Path) -> None:
    """Ancestors without an index are all of them, the process itself not among them."""
    node = make_node(tmp_path)
    see(node, exec_(b"/usr/sbin/nginx\0", b"nginx", pid=50, ppid=10))
    see(node, exec_(b"sh\0-c\0ls\0", b"sh", pid=60, ppid=50))
    event = see(
        node, exec_(b"ls\0-la\0/x y\0", b"ls", pid=100, ppid=60, env=b"A=1\0B=2\0", flags=layout.UPPER)
    )

    assert values(
        event, "proc.name", "proc.exe", "proc.args", "proc.cmdline", "proc.exepath", "proc.cwd"
    ) == (
        "ls", "ls", "-la /x y", "ls -la /x y", "/usr/bin/cat", "/root/",
    )  # fmt: skip
    assert values(event, "proc.pname", "proc.aname", "proc.aname[0]", "proc.aname[2]", "proc.aname[3]") == (
        "sh", ("sh", "nginx"), "ls", "nginx", None,
    )  # fmt: skip
    assert values(event, "proc.pcmdline", "proc.acmdline[1]", "proc.apid[2]") == ("sh -c ls", "sh -c ls", 50)
    assert values(event, "proc.env", "proc.env[B]", "proc.args[1]") == ("A=1 B=2", "2", "/x y")
    assert values(event, "proc.is_exe_upper_layer", "evt.arg.flags") == (True, "EXE_WRITABLE|EXE_UPPER_LAYER")
    assert event["proc.duration"] == 6_000_000_000


def test_a_failed_exec_is_its_callers(tmp_path: Path) -> None:
    """Nothing of the program that was not there becomes the process's."""
    node = make_node(tmp_path)
    see(node, exec_(b"sh\0", b"sh"))
    event = see(node, record(Kind.CALL, "execve", {Tag.PATH: b"/nope"}, result=-2, comm=b"sh"))

    assert values(event, "proc.name", "evt.res", "evt.arg.filename", "evt.type") == (
        "sh",
        "ENOENT",
        "/nope",
        "execve",
    )


def test_a_connection_has_two_ends(tmp_path: Path) -> None:
    """Who connects is the client; the port that the kernel chose is known."""
    sections = {
        Tag.ADDRESS: sockaddr((10, 0, 0, 1), 443),
        Tag.DESCRIPTOR: descriptor(
            **SOCKET, state=2, local_port=40000, local=bytes((10, 0, 0, 9)), flags=0o4000
        ),
    }
    event = see(make_node(tmp_path), record(Kind.CALL, "connect", sections, (4,), result=-115))

    assert values(
        event, "fd.type", "fd.typechar", "fd.l4proto", "fd.sip", "fd.sport", "fd.cip", "fd.cport"
    ) == (
        "ipv4", "4", "tcp", "10.0.0.1", 443, "10.0.0.9", 40000,
    )  # fmt: skip
    assert values(event, "fd.name", "fd.is_server", "fd.connected", "fd.sip.name", "fd.num") == (
        "10.0.0.9:40000->10.0.0.1:443", False, False, "kubernetes.default.svc", 4,
    )  # fmt: skip


def test_a_connected_udp_socket_changes_its_name_once(tmp_path: Path) -> None:
    """Who sends to the same address again tells nothing new."""
    node = make_node(tmp_path)
    sections = {
        Tag.ADDRESS: sockaddr((8, 8, 8, 8), 53),
        Tag.DESCRIPTOR: descriptor(**SOCKET | {"protocol": 17, "type": 2}),
    }

    changed = [see(node, record(Kind.CALL, "connect", sections, (4,)))["fd.name_changed"] for _ in range(2)]

    assert changed == [True, False]


def test_an_accepted_connection_is_the_servers(tmp_path: Path) -> None:
    """IPv4 in IPv6 is IPv4."""
    mapped = bytes(10) + b"\xff\xff"
    ends = {"family": 10, "local": mapped + bytes((127, 0, 0, 1)), "remote": mapped + bytes((127, 0, 0, 2))}
    sections = {Tag.DESCRIPTOR: descriptor(**SOCKET | ends, state=1, local_port=8080, remote_port=50000)}
    event = see(make_node(tmp_path), record(Kind.CALL, "accept4", sections, result=4))

    assert values(event, "fd.type", "fd.name", "fd.is_server", "fd.lip", "fd.rport", "fd.connected") == (
        "ipv4", "127.0.0.2:50000->127.0.0.1:8080", True, "127.0.0.1", 50000, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "names", "kind", "name"),
    [
        ({"mode": 0o100644}, b"shadow\0etc\0", "file", "/etc/shadow"),
        ({"mode": 0o040755}, b"etc\0", "directory", "/etc"),
        ({"mode": 0o010600, "inode": 7}, b"\0", "pipe", "pipe:[7]"),
        ({"mode": 0o600}, b"[eventpoll]\0", "eventpoll", "[eventpoll]"),
        ({"mode": 0o600}, b"[signalfd]\0", "signalfd", "[signalfd]"),
        ({"mode": 0o600}, b"[something]\0", "unsupported", "[something]"),
        ({"mode": 0o100777}, b"memfd:x\0", "memfd", "x"),
    ],
)
def test_descriptors_have_types(
    found: dict[str, int], names: bytes, kind: str, name: str, tmp_path: Path
) -> None:
    """As the kernel's inode and names tell."""
    sections = {Tag.DESCRIPTOR: descriptor(**found), Tag.DESCRIPTOR_PATH: names}
    event = see(make_node(tmp_path), record(Kind.CALL, "dup", sections, (3,), result=3))

    assert values(event, "fd.type", "fd.name") == (kind, name)


def test_unix_sockets_are_named_by_their_path(tmp_path: Path) -> None:
    """An abstract name begins with @."""
    for raw, name in ((b"/run/x.sock\0", "/run/x.sock"), (b"\0hidden", "@hidden")):
        sections = {
            Tag.ADDRESS: struct.pack("=H", 1) + raw,
            Tag.DESCRIPTOR: descriptor(mode=0o140777, family=1),
        }
        event = see(make_node(tmp_path), record(Kind.CALL, "connect", sections))
        assert values(event, "fd.name", "fd.type") == (name, "unix")


def test_words_stand_for_numbers(tmp_path: Path) -> None:
    """Requests, families, modes and capabilities are compared as text."""
    node = make_node(tmp_path)

    assert see(node, record(Kind.CALL, "ptrace", args=(16, 1)))["evt.arg.request"] == "PTRACE_ATTACH"
    assert see(node, record(Kind.CALL, "socket", args=(17, 3)))["evt.arg.domain"] == "AF_PACKET"
    assert see(node, record(Kind.CALL, "bpf", args=(5,)))["evt.arg.cmd"] == "BPF_PROG_LOAD"
    assert see(node, record(Kind.CALL, "chmod", {Tag.PATH: b"/x"}, (0, 0o4755)))["evt.arg.mode"].endswith(
        "S_ISUID"
    )
    assert see(node, record(Kind.CALL, "unshare", args=(0x10000000,)))["evt.arg.flags"] == "CLONE_NEWUSER"
    event = see(node, record(Kind.CALL, "setuid", args=(0,), effective=1 << 21 | 1))
    assert event["thread.cap_effective"] == "CAP_CHOWN CAP_SYS_ADMIN"
    assert event["evt.arg.uid"] == "root"


def test_containers_and_the_host_are_told_apart(tmp_path: Path) -> None:
    """Host events have the id `host`; a container's have what its runtime says."""
    node = make_node(tmp_path)
    inside, outside = see(node, openat(b"/x", cgroup=5)), see(node, openat(b"/x"))

    assert values(
        inside, "container.id", "container.name", "container.image.repository", "container.image.tag"
    ) == (
        "4f4f4f4f4f4f", "web", "docker.io/library/nginx", "1.25",
    )  # fmt: skip
    assert values(inside, "k8s.ns.name", "k8s.pod.name", "k8s.pod.label[app]", "container.label.app") == (
        "shop", "web-0", "web", "web",
    )  # fmt: skip
    assert values(inside, "container.privileged", "container.mount.dest[/etc]") == (None, "N/A")
    assert values(outside, "container.id", "container.name", "container.image", "k8s.ns.name") == (
        "host", "host", None, None,
    )  # fmt: skip


def test_two_paths_have_two_names(tmp_path: Path) -> None:
    """Links and renames have a source and a target; all others one name."""
    node = make_node(tmp_path)
    link = see(
        node,
        record(Kind.CALL, "symlink", {Tag.TEXT: b"/etc/shadow", Tag.PATH: b"x", Tag.DIRECTORY: b"tmp\0"}),
    )
    gone = see(node, record(Kind.CALL, "unlinkat", {Tag.PATH: b"/var/log/../log/x"}))

    assert values(
        link, "evt.arg.target", "evt.arg.linkpath", "fs.path.source", "fs.path.target", "fs.path.name"
    ) == (
        "/etc/shadow", "/tmp/x", "/tmp/x", "/etc/shadow", None,
    )  # fmt: skip
    assert values(gone, "fs.path.name", "fs.path.nameraw", "fs.path.source") == (
        "/var/log/x",
        "/var/log/../log/x",
        None,
    )


def test_time_is_wall_time(tmp_path: Path) -> None:
    """Ten seconds after boot, which was a thousand seconds after the epoch."""
    event = see(make_node(tmp_path), openat(b"/x"))

    assert values(event, "evt.rawtime", "evt.time", "evt.time.iso8601") == (
        1_010_000_000_000, "00:16:50.000000000", "1970-01-01T00:16:50.000000000Z",
    )  # fmt: skip

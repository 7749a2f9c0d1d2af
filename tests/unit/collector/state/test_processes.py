"""The table of processes follows forks, execs, names and ends."""

from pathlib import Path

import pytest

from collector.events.layout import Kind, Tag
from collector.state.processes import ProcessTable, read_process
from tests.unit.collector.records import exec_, openat, record


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A procfs with one process, whose name is meant to confuse."""
    place = tmp_path / "50"
    place.mkdir()
    fields = "S 1 50 40 34816 50 0 0 0 0 0 0 0 0 0 20 0 1 0 700 0 0"
    (place / "stat").write_text(f"50 (a) b (c) {fields}")
    (place / "status").write_text("Name:\tx\nNSpid:\t50\t7\nNSpgid:\t50\t7\n")
    (place / "cmdline").write_bytes(b"sshd:\0-D\0")
    (place / "cwd").symlink_to("/srv")
    (place / "exe").symlink_to("/usr/sbin/sshd (deleted)")
    return tmp_path


def test_a_process_that_ran_before_is_read_from_procfs(proc: Path) -> None:
    """Name, ids, arguments and links; a name may hold brackets and blanks."""
    found = read_process(50, proc)

    assert found is not None
    assert (found.comm, found.ppid, found.sid, found.vpid) == ("a) b (c", 1, 40, 7)
    assert found.cmdline == "a) b (c -D"
    assert (found.exe, found.exepath, found.cwd) == ("sshd:", "/usr/sbin/sshd", "/srv")
    assert read_process(51, proc) is None


def test_a_child_is_what_its_parent_was_until_it_executes(proc: Path) -> None:
    """Fork copies, exec replaces, and the chain of ancestors stands."""
    table = ProcessTable(proc)
    table.seed()
    table.apply(exec_(b"-bash\0", b"bash", pid=90, ppid=50, start=7_000_000_000))
    table.apply(record(Kind.FORK, pid=90, ppid=50, start=7_000_000_000, args=(100, 0, 9_000_000_000, 2, 90)))
    child = table.get(100)

    assert child is not None
    assert (child.comm, child.exe, child.ppid, child.vpid) == ("bash", "-bash", 90, 2)

    table.apply(exec_(b"cat\0/etc/shadow\0", pid=100, ppid=90, start=9_000_000_000))

    assert child.cmdline == "cat /etc/shadow"
    assert [each.comm for each in table.ancestors(child)] == ["bash", "a) b (c"]
    assert table.ancestor(child, 0) is child
    assert table.ancestor(child, 9) is None


def test_a_new_process_under_an_old_id_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    """Process ids come again; when a process began tells them apart."""
    table = ProcessTable(tmp_path)
    table.apply(exec_(b"old\0", b"old", start=1_000_000_000))
    process = table.apply(openat(b"/x", start=60_000_000_000, comm=b"new"))

    assert process.comm == "new"
    assert process.args == ()


def test_who_has_ended_is_still_known_to_events_on_their_way(tmp_path: Path) -> None:
    """A child asks for its parent after the parent's end."""
    table = ProcessTable(tmp_path)
    table.apply(exec_(b"sh\0", b"sh", pid=90, ppid=1))
    table.apply(record(Kind.EXIT, pid=90, ppid=1))
    child = table.apply(exec_(b"cat\0", pid=100, ppid=90))

    assert len(table) == 1
    parent = table.parent(child)
    assert parent is not None
    assert parent.comm == "sh"


def test_a_thread_that_renames_itself_does_not_rename_its_process(tmp_path: Path) -> None:
    """Only the first thread's name is the process's."""
    table = ProcessTable(tmp_path)
    process = table.apply(exec_(b"java\0", b"java"))
    table.apply(record(Kind.RENAME, sections={Tag.COMM: b"GC"}, args=(100, 101)))
    assert process.comm == "java"

    table.apply(record(Kind.RENAME, sections={Tag.COMM: b"kworker"}, args=(100, 100)))
    assert process.comm == "kworker"


def test_a_loop_of_parents_ends(tmp_path: Path) -> None:
    """Wrong records cannot hang the agent."""
    table = ProcessTable(tmp_path)
    table.apply(exec_(b"a\0", b"a", pid=2, ppid=3))
    looped = table.apply(exec_(b"b\0", b"b", pid=3, ppid=2))

    assert len(list(table.ancestors(looped))) == 64


def test_processes_whose_end_was_lost_are_swept(proc: Path) -> None:
    """What procfs does not know any more has ended."""
    table = ProcessTable(proc)
    table.seed()
    table.apply(exec_(b"cat\0"))
    assert len(table) == 2

    table.sweep()

    assert len(table) == 1
    assert table.get(100) is not None, "still known to events on their way"

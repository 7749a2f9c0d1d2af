"""Names of users come from the files of whoever they are users of."""

from pathlib import Path

from collector.state.users import Users


def make(root: Path, passwd: str, group: str = "root:x:0:\n") -> Path:
    """Write both files."""
    (root / "etc").mkdir(parents=True, exist_ok=True)
    (root / "etc/passwd").write_text(passwd)
    (root / "etc/group").write_text(group)
    return root


def test_a_container_has_users_of_its_own(tmp_path: Path) -> None:
    """The same number is another name there."""
    host = make(tmp_path / "host", "root:x:0:0:r:/root:/bin/bash\nweb:x:33:33:w:/:/bin/sh\n")
    inside = make(tmp_path / "in", "root:x:0:0:r:/:/bin/sh\nnginx:x:33:33::/:/bin/false\n", "www:x:33:\n")
    users = Users()

    assert users.user("", lambda: [host], 33).name == "web"
    found = users.user("c", lambda: [inside], 33)
    assert (found.name, found.home, found.shell) == ("nginx", "/", "/bin/false")
    assert users.group("c", lambda: [inside], 33) == "www"
    assert users.user("c", lambda: [inside], 4) is None


def test_files_that_change_are_read_again_and_those_that_vanish_are_remembered(tmp_path: Path) -> None:
    """A user made meanwhile has a name; a container that ended still has its names."""
    root = make(tmp_path, "root:x:0:0:r:/:/bin/sh\n")
    now = [0.0]
    users = Users(lambda: now[0])
    assert users.user("c", lambda: [root], 7) is None

    make(tmp_path, "root:x:0:0:r:/:/bin/sh\nnew:x:7:7::/:/bin/sh\n")
    assert users.user("c", lambda: [root], 7) is None, "looked at most once a second"
    now[0] = 1.5
    assert users.user("c", lambda: [root], 7).name == "new"

    now[0] = 3.0
    assert users.user("c", lambda: [tmp_path / "gone"], 7).name == "new"


def test_the_first_root_that_is_there_is_taken(tmp_path: Path) -> None:
    """A process that has ended does not hide its container's files."""
    root = make(tmp_path / "b", "root:x:0:0:r:/:/bin/sh\n")

    assert Users().user("c", lambda: [tmp_path / "a", root], 0).name == "root"


def test_broken_lines_are_passed_over(tmp_path: Path) -> None:
    """Anything may stand in a container's file."""
    root = make(tmp_path, "\n:::\nx:y:z:\nok:x:5:5::/:/bin/sh\nlater:x:5:5::/:/bin/sh\n", "a:b\n")

    assert Users().user("c", lambda: [root], 5).name == "ok"

"""Tests of a suite become instructions for the actor, and alerts are judged as upstream does."""

import pytest
from rules_e2e.judge import differences
from rules_e2e.play import SuiteError, capabilities, make_play, number, split_arguments


def user_of(name: str) -> tuple[int, int]:
    """Everybody is user 7 of group 8."""
    assert name
    return 7, 8


def lines(test: dict[str, object]) -> list[list[str]]:
    """Return the instructions, split."""
    return [line.split("\x1f") for line in make_play(test, user_of).text.split("\n")]


def test_a_chain_ends_with_the_process_that_has_the_marker() -> None:
    """Name, argv[0], user and arguments as asked; the marker in the last one alone."""
    chain = [{"name": "sshd"}, {"name": "id", "user": "bin", "exe": "/bin/id", "args": "-u 'a b'"}]
    first, last = lines({"context": {"processes": chain}})

    assert first[0] == last[0] == "process"
    assert first[2:4] == ["sshd", "sshd"]
    assert first[4:6] == ["-1", "-1"]
    assert last[2:7] == ["id", "/bin/id", "7", "8", "f" * 16]
    assert last[9:] == ["-u", "a b"]
    assert "E2E_TEST=" in last[8]
    assert "E2E_TEST=" not in first[8]


def test_without_a_chain_there_is_one_process_of_no_name() -> None:
    """It runs under a path of its own, as upstream's does."""
    (only,) = lines({})

    assert only[1].startswith("/tmp/event-generator")
    assert only[3] == "event-generator"


def test_resources_and_steps_are_numbers() -> None:
    """Bindings stay names, since only the actor knows the numbers."""
    test = {
        "before": "rm -f /x",
        "resources": [
            {"type": "clientServer", "name": "cs", "l4Proto": "tcp6", "address": "[::1]:9999"},
            {"type": "fd", "name": "f", "subtype": "file", "filePath": "/etc/shadow"},
            {"type": "fd", "name": "e", "subtype": "signalfd"},
        ],
        "steps": [
            {"type": "syscall", "name": "d", "syscall": "dup2",
             "args": {"oldFd": "${ cs.client.fd }", "newFd": 0}},
            {"type": "syscall", "name": "o", "syscall": "openat2",
             "args": {"pathname": "/x", "how": {"flags": "O_WRONLY|O_CREAT", "mode": 420}}},
            {"type": "syscall", "name": "l", "syscall": "linkat", "args": {"oldPath": "/a", "newPath": "/b"}},
            {"type": "syscall", "name": "c", "syscall": "connect",
             "args": {"fd": 3, "address": "10.0.0.1:80"}},
            {"type": "syscall", "name": "w", "syscall": "write", "args": {"fd": 1, "buffer": "hello"}},
        ],
    }  # fmt: skip

    assert lines(test)[1:] == [
        ["script", "rm -f /x"],
        ["clientserver", "cs", "10", "1", "::1", "9999"],
        ["file", "f", "/etc/shadow"],
        ["signalfd", "e"],
        ["call", "d", "33", "$cs.client.fd", "0"],
        ["call", "o", "437", "-100", '"/x', "%how:65:420:0", "24"],
        ["call", "l", "265", "-100", '"/a', "-100", '"/b', "0"],
        ["call", "c", "42", "3", "@020000500a0000010000000000000000", "16"],
        ["call", "w", "1", "1", '"hello', "5"],
    ]


def test_tests_that_share_a_path_or_address_exclude_each_other() -> None:
    """Reading the same file does not."""
    linking = make_play({"steps": [_step("symlink", target="/etc/shadow", linkPath="/tmp/l")]}, user_of)
    reading = make_play({"steps": [_step("open", pathname="/etc/shadow", flags="O_RDONLY")]}, user_of)

    assert linking.exclusive == {"/tmp/l"}
    assert reading.exclusive == set()


@pytest.mark.parametrize(
    "test",
    [
        {"steps": [{"type": "syscall", "name": "x", "syscall": "reboot"}]},
        {"steps": [{"type": "syscall", "name": "x", "syscall": "open", "args": {"flags": "O_NONSENSE"}}]},
        {"resources": [{"type": "fd", "name": "x", "subtype": "nonsense"}]},
        {"resources": [{"type": "nonsense", "name": "x"}]},
    ],
)
def test_what_is_not_known_fails_the_test_with_a_sentence(test: dict[str, object]) -> None:
    """A step that were left out would make a test pass or fail for nothing."""
    with pytest.raises(SuiteError, match=r"known|called"):
        make_play(test, user_of)


def test_words_and_capabilities_are_read() -> None:
    """Quotes keep blanks together; clauses add and take away."""
    assert split_arguments("""-c "a b" 'c d' e""") == ["-c", "a b", "c d", "e"]
    assert capabilities("all=iep") == (1 << 64) - 1
    assert capabilities("cap_sys_admin,cap_chown=ep") == 1 << 21 | 1
    assert capabilities("all=ep cap_sys_admin-e") == (1 << 64) - 1 - (1 << 21)
    assert number("O_WRONLY|O_CREAT") == 0o101
    assert number("0x10") == 16


def test_an_alert_fits_only_with_every_expected_key() -> None:
    """Values are compared as text; the rule comes first."""
    alert = {
        "rule": "R",
        "priority": "Warning",
        "source": "syscall",
        "output_fields": {"fd.num": 3, "a": True},
    }
    test = {"rule": "R", "expectedOutcome": {"source": "syscall", "priority": "warning"}}

    def lacking(**fields: str) -> list[str]:
        outcome = test["expectedOutcome"] | {"outputFields": fields}
        return differences(test | {"expectedOutcome": outcome}, alert)

    assert differences(test, alert) == []
    assert differences(test | {"rule": "S"}, alert)
    assert lacking(**{"fd.num": "3", "a": "true"}) == []
    assert lacking(**{"fd.num": "4"}) == ["fd.num is '3', expected '4'"]
    assert lacking(missing="x") == ["missing is not among the output fields"]
    assert differences(test | {"expectedOutcome": {"priority": "notice"}}, alert)


def _step(syscall: str, **args: str) -> dict[str, object]:
    return {"type": "syscall", "name": "s", "syscall": syscall, "args": args}

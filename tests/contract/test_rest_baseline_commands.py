"""`nonself baseline` and `nonself keys` against a running service: what they print, and what fails how."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api import cli
from api.tokens.service import Role
from tests.service import Service


class Terminal:
    """A person at a terminal, with a token of role admin."""

    def __init__(self, service: Service, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        token = folder / "my-token"
        token.write_text(service.secrets[Role.ADMIN])
        self._where = (f"--url={service.url}", f"--token-file={token}")
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error of a command."""
        code = cli.main([*arguments, *self._where])
        said = self._capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
def terminal(service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal beside a service that has learned one workload."""
    service.learn(40)
    return Terminal(service, tmp_path, capsys)


def test_a_version_is_led_through_its_life(terminal: Terminal) -> None:
    """Promoted, learned on from, rolled back to, and its successor retired; each move is told."""
    why = ("--reason", "CHG-7")

    promoted = terminal.run("baseline", "promote", "shop/cart", *why)
    terminal.run("mode", "shop/cart", "learning", *why)
    listed = terminal.run("baseline", "list", "shop/cart", "--json")
    back = terminal.run("baseline", "rollback", "shop/cart", *why)
    retired = terminal.run("baseline", "retire", "shop/cart/web@2", *why)
    history = terminal.run("baseline", "history", "2", "--json")

    assert promoted[:2] == (0, "shop/cart/web version 1 is active; mode enforcement-alert.\n")
    assert [each["state"] for each in json.loads(listed[1])] == ["stale", "ready"]
    assert back[:2] == (0, "shop/cart/web version 1 is active; mode enforcement-alert.\n")
    assert retired[:2] == (0, "shop/cart/web version 2 is retired; mode enforcement-alert.\n")
    assert [each["after"] for each in json.loads(history[1])] == ["ready", "stale", "retired"]


def test_a_gated_promotion_says_what_failed(terminal: Terminal) -> None:
    """Exit code 1, and nothing is promoted."""
    code, _, error = terminal.run("baseline", "promote", "1", "--gate", "--reason", "CHG-7")

    assert code == 1
    assert "The promotion report of version 1 does not pass" in error
    assert "ready" in terminal.run("baseline", "list", "--state", "ready")[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("baseline", "show", "shop/cart@7"), "a version of shop/cart/web of number 7; it has @1 (ready)"),
        (("baseline", "show", "till"), "Expected one workload called 'till'; found none."),
        (("baseline", "show", "99"), "There is no baseline 99."),
        (("baseline", "export", "1", "--out=/nowhere/x"), "/nowhere/x cannot be written: No such file"),
        (("baseline", "import", "/nowhere/x", "--reason=x"), "/nowhere/x cannot be read: No such file"),
        (("keys", "revoke", "staging", "--reason=x"), "No key is named 'staging'."),
        (
            ("keys", "trust", "staging", "AAAA", "--reason=x"),
            "expected the 32 bytes of an Ed25519 public key",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    terminal: Terminal, arguments: tuple[str, ...], sentence: str
) -> None:
    """It names what was asked for, and the exit code is 1."""
    code, out, error = terminal.run(*arguments)

    assert (code, out) == (1, "")
    assert sentence in error


def test_a_key_is_trusted_from_a_file_until_a_day(terminal: Terminal, tmp_path: Path) -> None:
    """PEM as openssl writes it; a name or key that is known already is refused."""
    key = Ed25519PrivateKey.generate().public_key()
    file = tmp_path / "staging.pem"
    file.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    trust = ("keys", "trust", "staging", str(file), "--expires", "2035-01-01", "--reason", "x")

    code, out, _ = terminal.run(*trust)
    again = terminal.run(*trust)
    past = terminal.run("keys", "trust", "old", "A" * 43 + "=", "--expires", "2020-01-01", "--reason", "x")

    assert code == 0
    assert "staging" in out
    assert "2035-01-01" in out
    assert again[0] == 1
    assert "A key of this name is known already: 'staging' is trusted." in again[2]
    assert "expected a time to come" in past[2]


def test_a_diff_and_a_report_are_read_by_people(terminal: Terminal) -> None:
    """Tables with the calls that differ, and a verdict in words."""
    report = terminal.run("baseline", "report", "shop/cart", "--max-unseen", "1", "--gate")
    diff = terminal.run("baseline", "diff", "shop/cart", "shop/cart")

    assert report[0] == 0
    assert report[1].endswith("shop/cart/web version 1, ready: can be promoted.\n")
    assert "common" in diff[1]


def test_a_span_to_unlearn_may_be_given_by_its_age(terminal: Terminal) -> None:
    """As in all other commands; it ends now where nothing else is said."""
    unlearned = terminal.run("baseline", "unlearn", "shop/cart/web", "--since=36500d", "--reason=pentest")
    refused = terminal.run("baseline", "unlearn", "shop/cart/web", "--since=noon", "--reason=pentest")

    assert unlearned[:2] == (0, "shop/cart/web: 40 windows were unlearned; 0 windows are learned.\n")
    assert refused[0] == 1
    assert refused[2].startswith("nonself: --since: expected a time as 2026-11-24T08:00, or an age as 14d")


def test_what_is_promoted_already_is_said_so(terminal: Terminal) -> None:
    """Rather than what it could become instead."""
    promote = ("baseline", "promote", "shop/cart/web", "--reason=CHG-7")
    terminal.run(*promote)

    assert terminal.run(*promote) == (1, "", "nonself: Version 1 is active already.\n")


def test_a_file_that_cannot_be_written_is_one_sentence(terminal: Terminal, tmp_path: Path) -> None:
    """Whichever command writes it."""
    out = f"--out={tmp_path / 'none' / 'file'}"
    said = f"nonself: The file {tmp_path / 'none' / 'file'} cannot be written: No such file or directory.\n"

    for command in (("baseline", "export"), ("workload", "snapshot"), ("workload", "seccomp")):
        code, _, error = terminal.run(*command, "shop/cart/web", out)
        assert (code, error.splitlines(keepends=True)[-1]) == (1, said)

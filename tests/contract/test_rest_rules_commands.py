"""`nonself rules`: tables for people, the REST answer for scripts, one sentence for mistakes."""

import json
from pathlib import Path
from typing import Any

import pytest

from api import cli
from api.tokens.service import Role
from tests.contract.test_rest_rules import names, upload
from tests.rule_texts import BROKEN, FILES, SHELL
from tests.service import Service
from wire.match import EngineReport, RuleReport, RuleState


class Terminal:
    """Runs the command against a service."""

    def __init__(self, service: Service, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        token_file = folder / "my-token"
        token_file.write_text(service.secrets[Role.ADMIN] + "\n")
        self.options = [f"--url={service.url}", f"--token-file={token_file}"]
        self._capsys = capsys

    def run(self, *words: str, code: int = 0) -> str:
        """Return what the command prints: on success its output, else its complaint."""
        assert cli.main(["rules", *words, *self.options]) == code
        said = self._capsys.readouterr()
        return said.err if code else said.out

    def json(self, *words: str) -> Any:
        """Return what the command prints for scripts."""
        return json.loads(self.run(*words, "--json"))


@pytest.fixture
def terminal(service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal beside the service."""
    return Terminal(service, tmp_path, capsys)


def a_file(folder: Path, name: str, text: str) -> str:
    """Write a file; return its path."""
    (folder / name).write_text(text)
    return str(folder / name)


def test_files_are_uploaded_in_order(terminal: Terminal, tmp_path: Path) -> None:
    """Each is a version with the comment, and the output says what is active now."""
    paths = [a_file(tmp_path, "a.yaml", SHELL), a_file(tmp_path, "b.yaml", FILES)]

    said = terminal.run("upload", *paths, "--comment", "CHG-7")

    assert "version 1 is active: 1 rules of a.yaml\nversion 2 is active: 3 rules of a.yaml, b.yaml" in said
    assert [each["comment"] for each in terminal.json("versions")] == ["CHG-7", "CHG-7"]


def test_a_dry_run_says_what_would_be(service: Service, terminal: Terminal, tmp_path: Path) -> None:
    """Warnings come with their place; nothing is stored."""
    path = a_file(tmp_path, "a.yaml", SHELL + "- list: lonely\n  items: [a]\n")

    said = terminal.run("upload", path, "--dry-run")

    assert "would load: 1 rules of a.yaml" in said
    assert "LOAD_UNUSED_LIST" in said
    assert names(service) == []


def test_a_bad_file_is_one_sentence(terminal: Terminal, tmp_path: Path) -> None:
    """With file, line and code; a file that is not there too."""
    bad = terminal.run("upload", a_file(tmp_path, "bad.yaml", BROKEN), code=1)
    absent = terminal.run("upload", str(tmp_path / "absent.yaml"), code=1)
    several = terminal.run("upload", "a.yaml", "b.yaml", "--position", "0", code=1)

    assert bad.startswith("nonself: bad.yaml:")
    assert "LOAD_ERR_VALIDATE" in bad
    assert "absent.yaml cannot be read: No such file" in absent
    assert "expected one file; got 2" in several


def test_rules_are_listed_with_their_state(service: Service, terminal: Terminal) -> None:
    """What nodes say shows beside each rule, and filters narrow the list."""
    upload(service, "a.yaml", SHELL)
    upload(service, "b.yaml", FILES)
    digest = service.get("/v1/rules").json()["digest"]
    report = RuleReport(rule="Shadow read", state=RuleState.PARTLY, reasons=("fd.name is missing.",))
    service.report(EngineReport(ruleset=digest, rules=(report,)))

    said = terminal.run("list")
    shown = terminal.run("show", "Shadow read")

    assert "3 rules, version 2, 1 of 1 nodes run it." in said
    assert "fd.name is missing." in shown
    assert [each["name"] for each in terminal.json("list", "--state", "partly")["items"]] == ["Shadow read"]
    assert terminal.json("show", "Quiet")["enabled"][0]["enabled"] is False
    assert "none named 'Nobody'" in terminal.run("show", "Nobody", code=1)


def test_rules_are_switched(service: Service, terminal: Terminal) -> None:
    """Off and on, by wildcard or tag, everywhere or in one place."""
    upload(service, "a.yaml", SHELL)

    off = terminal.run("disable", "Shell *", "--reason", "CHG-7")
    state = terminal.json("list")["items"][0]["state"]
    on = terminal.run("enable", "--tag", "shell", "--namespace", "shop")

    assert (off, on) == (
        "rule 'Shell *' is off everywhere\n",
        "tag 'shell' is on in namespace shop\n",
    )
    assert state == "disabled"
    assert "expected either rule or tag" in terminal.run("enable", code=1)
    assert "yes" not in terminal.run("list").splitlines()[1]


def test_a_version_is_rolled_back(service: Service, terminal: Terminal) -> None:
    """The earlier one is active again, and the list of versions says so."""
    upload(service, "a.yaml", SHELL)
    upload(service, "b.yaml", FILES)

    assert terminal.run("rollback", "1", "--reason", "noisy") == "version 1 is active: 1 rules\n"
    assert [each["active"] for each in terminal.json("versions")] == [True, False]
    assert "a.yaml, b.yaml" in terminal.run("versions")
    assert "no version 9" in terminal.run("rollback", "9", code=1)


def test_rules_are_tried_on_recorded_events(service: Service, terminal: Terminal, tmp_path: Path) -> None:
    """Events one a line, as a list, or as Falco's alerts; of the active rules, or of a file of one's own."""
    upload(service, "a.yaml", SHELL)
    shell = {"evt.type": "execve", "proc.name": "sh", "container.id": "3f2a9c1b7d10"}
    lines = (
        json.dumps({"evt.type": "close"}) + "\n" + json.dumps({"rule": "x", "output_fields": shell}) + "\n"
    )
    own = "- rule: Any exec\n  desc: d\n  condition: evt.type=execve\n  output: o\n  priority: NOTICE\n"

    path = a_file(tmp_path, "own.yaml", own)
    said = terminal.run("test", a_file(tmp_path, "e.jsonl", lines), "--rules", path)
    listed = terminal.json("test", a_file(tmp_path, "e.json", json.dumps([shell])))

    assert "event 1: no rule holds\nevent 2: Notice Any exec: o\n1 rules tried on 2 events.\n" in said
    assert listed["rules"] == 1
    assert len(listed["events"]) == 1


def test_what_is_no_event_is_one_sentence(terminal: Terminal, tmp_path: Path) -> None:
    """A file that is not JSON, an event that is no object and a field that does not exist are named."""
    broken = terminal.run("test", a_file(tmp_path, "a", "{"), code=1)
    number = terminal.run("test", a_file(tmp_path, "b", "[3]"), code=1)
    unknown = terminal.run("test", a_file(tmp_path, "c", '{"proc.nam": "sh"}'), code=1)
    absent = terminal.run("test", str(tmp_path / "none"), code=1)

    assert "expected a JSON list of events, or one object a line" in broken
    assert "event 0 is 3" in number
    assert "expected a field of the rule language; got 'proc.nam'" in unknown
    assert "cannot be read: No such file" in absent


def test_selections_are_listed(terminal: Terminal) -> None:
    """What was switched off where, by whom and why."""
    terminal.run("disable", "Terminal *", "--namespace", "shop", "--reason", "CHG-7")
    terminal.run("disable", "--tag", "shell")

    said = terminal.run("selections")
    assert "Terminal *" in said
    assert "in namespace shop" in said
    assert "CHG-7" in said
    assert "tag shell" in said


def test_a_switch_takes_a_workload_by_name_and_warns_of_a_name_that_fits_no_rule(
    service: Service, terminal: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped name would silence nothing, and look as if it did."""
    service.learn(1)
    terminal.run("upload", a_file(tmp_path, "a.yaml", SHELL))
    name = terminal.json("list")["items"][0]["name"]

    assert terminal.json("disable", f"{name[:3]}*", "--workload", "shop/cart/web")["workload"] == 1
    for words, warns in (
        (("disable", name), False),
        (("disable", "Nosuch"), True),
        (("enable", "--tag=x"), True),
    ):
        assert cli.main(["rules", *words, *terminal.options]) == 0
        assert ("none of the active rules" in capsys.readouterr().err) is warns


def test_a_file_that_is_tried_is_named_as_it_is_called(terminal: Terminal, tmp_path: Path) -> None:
    """Place and error are those of the file at hand."""
    events = a_file(tmp_path, "events.jsonl", '{"evt.type": "execve"}')

    said = terminal.run("test", events, "--rules", a_file(tmp_path, "mine.yaml", BROKEN), code=1)

    assert said.startswith("nonself: mine.yaml:")

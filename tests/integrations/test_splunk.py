"""The add-on for Splunk: its script run as Splunk runs it, its lines read as props.conf says."""

import ast
import configparser
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from api.tokens.service import Role
from api.vocabulary import Level
from tests.contract.test_rest_read import enforcing, intrude
from tests.hooks import raise_alerts
from tests.integrations.conftest import Restartable
from tests.service import Service, a_container, a_match

ADDON = Path(__file__).parents[2] / "docs" / "integrations" / "splunk" / "TA-nonself"
SCRIPT = ADDON / "bin" / "nonself.py"


def conf(name: str) -> dict[str, dict[str, str]]:
    """Read one of the add-on's files."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((ADDON / name).read_text())
    return {section: dict(parser[section]) for section in parser.sections()}


PROPS = conf("default/props.conf")["nonself:alert"]


class Splunk:
    """What splunkd gives to a modular input: its stanza, and a folder for checkpoints."""

    def __init__(self, folder: Path, service: Service, **settings: str) -> None:
        self.checkpoints = folder / "checkpoints"
        self.checkpoints.mkdir()
        token = folder / "token"
        token.write_text(service.secrets[Role.READ] + "\n")
        self.settings = {"url": service.url, "token_file": str(token)} | settings

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the script once."""
        validating = "--validate-arguments" in arguments
        document = ET.Element("items" if validating else "input")
        ET.SubElement(document, "checkpoint_dir").text = str(self.checkpoints)
        parent = document if validating else ET.SubElement(document, "configuration")
        name = "main" if validating else "nonself://main"
        stanza = ET.SubElement(parent, "item" if validating else "stanza", name=name)
        for key, value in self.settings.items():
            ET.SubElement(stanza, "param", name=key).text = value
        return subprocess.run(
            [sys.executable, "-I", SCRIPT, *arguments],
            input=ET.tostring(document, encoding="unicode"),
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def poll(self) -> str:
        """Return what the script writes in one run."""
        done = self.run()
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


def events(text: str) -> list[dict[str, Any]]:
    """Break a stream into events and read their time as props.conf says; give them as KV_MODE=json does."""
    found = []
    for raw in re.split(PROPS["LINE_BREAKER"], text)[::2]:
        if raw:
            start = re.search(PROPS["TIME_PREFIX"], raw)
            assert start is not None
            looked_at = raw[start.end() : start.end() + int(PROPS["MAX_TIMESTAMP_LOOKAHEAD"])]
            assert len(raw) < int(PROPS["TRUNCATE"])
            form = PROPS["TIME_FORMAT"].replace("%3N", "%f").replace("%:z", "%z")
            found.append({"_time": datetime.strptime(looked_at, form)} | json.loads(raw))  # noqa: DTZ007
    return found


def fields(value: Any, path: str = "") -> Iterator[str]:
    """Name the fields that Splunk extracts from JSON."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from fields(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for each in value:
            yield from fields(each, path + "{}")
    else:
        yield path


def told(text: str) -> list[tuple[int, str, int]]:
    """Return what was told: change, what happened, alert."""
    return [(each["change"]["id"], each["change"]["change"], each["alert"]["id"]) for each in events(text)]


@pytest.fixture
def splunk(tmp_path: Path, service: Service) -> Splunk:
    """Splunk with a stanza for the service."""
    return Splunk(tmp_path, service)


def test_each_change_is_a_line_once_past_a_restart(restartable: Restartable, splunk: Splunk) -> None:
    """The cursor stands in the checkpoint; what happens while the service is away comes later."""
    raise_alerts(restartable.service, "Shell", "Miner", "Shell")
    first, nothing = told(splunk.poll()), splunk.poll()
    restartable.stop()
    down = splunk.run()
    service = restartable.restart()
    splunk.settings["url"] = service.url
    wish = {"action": "close", "verdict": "benign", "comment": "a drill"}
    service.request("POST", "/v1/alerts/2/triage", Role.TRIAGE, json=wish)
    last = splunk.poll()

    assert first == [(1, "opened", 1), (2, "opened", 2), (3, "grew", 1)]
    assert (nothing, down.stdout, down.returncode) == ("", "", 1)
    assert down.stderr.startswith("ERROR nonself: ")
    assert told(last) == [(4, "closed", 2)]
    (closed,) = events(last)
    assert (closed["alert"]["verdict"], closed["change"]["detail"]["comment"]) == ("benign", "a drill")


def test_a_run_that_dies_before_its_checkpoint_repeats_its_lines(service: Service, splunk: Splunk) -> None:
    """At least once: the checkpoint follows the lines that it stands for."""
    raise_alerts(service, "Shell")
    checkpoints = splunk.checkpoints
    splunk.checkpoints = checkpoints / "gone"
    died = splunk.run()
    splunk.checkpoints = checkpoints

    assert (died.returncode, told(died.stdout)) == (1, [(1, "opened", 1)])
    assert told(splunk.poll()) == [(1, "opened", 1)]
    assert splunk.poll() == ""


def test_times_and_fields_are_those_that_props_conf_names(service: Service, splunk: Splunk) -> None:
    """Every field that an extraction reads is in an alert of either kind."""
    enforcing(service)
    intrude(service, 60)
    service.match(a_match(1, output="first line\nsecond line"))
    service.worker.drain()
    for wish in ({"action": "assign", "assignee": "ana"}, {"action": "close", "verdict": "benign"}):
        service.request("POST", "/v1/alerts/1/triage", Role.TRIAGE, json=wish)
    read = events(splunk.poll())
    named = {
        field
        for name, value in PROPS.items()
        if name.startswith("EVAL-")
        for field in re.findall(r"'([^']+)'", value)
    }
    searched = {
        field
        for search in conf("default/savedsearches.conf").values()
        for field in re.findall(r"\b(?:alert|change)\.[a-z_.]+", search["search"])
    }

    assert {each["alert"]["kind"] for each in read} == {"anomaly", "signature"}
    assert {each["_time"].timestamp() * 1000 for each in read} == {service.core.clock.now_ms()}
    assert named | searched <= {field for each in read for field in fields(each)}
    assert all(each["alert"].keys().isdisjoint({"windows", "matches"}) for each in read)
    assert not any("null" in json.dumps(each, default=str) for each in read)


def test_severities_are_those_of_cim() -> None:
    """Levels of ours are words that CIM prescribes."""
    assert {level.value for level in Level} <= {"critical", "high", "medium", "low", "informational"}


def test_a_stanza_may_ask_for_one_namespace(service: Service, splunk: Splunk) -> None:
    """Changes of other alerts are passed over, and so is their place in the list."""
    bank = a_container(id="b" * 64, namespace="bank", pod="vault-0")
    service.match(a_match(1), a_match(2, container=bank, rule="Disk read"))
    service.worker.drain()
    splunk.settings["namespace"] = "bank"

    assert [each["alert"]["workload"]["namespace"] for each in events(splunk.poll())] == ["bank"]
    assert splunk.poll() == ""


def test_the_scheme_asks_for_what_the_spec_explains(splunk: Splunk) -> None:
    """And the default stanza sets nothing else, under the scheme that the script's name is."""
    scheme = ET.fromstring(splunk.run("--scheme").stdout)
    asked = {each.get("name") for each in scheme.iter("arg")}
    spec = (ADDON / "README" / "inputs.conf.spec").read_text()
    explained = re.findall(r"^(\w+) = <string>$", spec, re.MULTILINE)
    ((stanza, settings),) = conf("default/inputs.conf").items()

    assert scheme.findtext("streaming_mode") == "simple"
    assert asked == set(explained)
    assert stanza.startswith(f"{SCRIPT.stem}://")
    assert settings["sourcetype"] == "nonself:alert"
    assert set(settings) - asked == {"interval", "sourcetype", "index", "disabled"}


def test_a_wrong_stanza_is_refused_in_one_sentence(service: Service, splunk: Splunk) -> None:
    """When it is saved, by asking the service once; a good one is not."""
    good = splunk.run("--validate-arguments")
    answers = {}
    for name, value in (("url", "ftp://x"), ("token_file", "/nowhere"), ("url", service.url + "/none")):
        kept = splunk.settings[name]
        splunk.settings[name] = value
        wrong = splunk.run("--validate-arguments")
        splunk.settings[name] = kept
        answers[value] = (wrong.returncode, ET.fromstring(wrong.stdout).findtext("message"))

    assert (good.returncode, good.stdout) == (0, "")
    assert answers["ftp://x"] == (1, "url: expected http(s)://…; got 'ftp://x'.")
    assert answers["/nowhere"][1].startswith("token_file: it cannot be read")
    assert answers[service.url + "/none"] == (1, "HTTP Error 404: Not Found")


def test_the_script_is_python_as_old_as_that_of_splunk() -> None:
    """Its grammar is that of 3.7, and it imports the standard library alone."""
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 7))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported <= sys.stdlib_module_names


def test_each_file_names_event_types_that_there_are() -> None:
    """Tags and searches refer to eventtypes.conf."""
    types = set(conf("default/eventtypes.conf"))
    tagged = {section.removeprefix("eventtype=") for section in conf("default/tags.conf")}
    searched = {
        name
        for search in conf("default/savedsearches.conf").values()
        for name in re.findall(r"eventtype=(\w+)", search["search"])
    }

    assert tagged | searched <= types

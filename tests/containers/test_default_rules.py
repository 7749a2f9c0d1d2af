"""Each default rule on live kernel and container: the real thing fires it, a neighbour does not."""

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from benign.watch import Match, Watch
from lab import Lab

from tests.containers.default_rules_driver import STEPS

pytestmark = [pytest.mark.containers, pytest.mark.kernel]

_DRIVER = Path(__file__).with_name("default_rules_driver.py")
_START = "import base64, sys; exec(compile(base64.b64decode(sys.argv.pop(1)), 'driver', 'exec'))"
_MARKER = re.compile(r"^/marker/(.+)/(fire|neighbour|end)/release_agent$")
_ENTRY = """
echo 'x' > /etc/service.conf; : > /var/log/start.log; mv /etc/service.conf /etc/service.ini
grep -q password /etc/service.ini; touch -d 2020-01-01 /srv/old; rm /var/log/start.log
sleep 2147483647
"""
_OUTSIDE = "Shell started from outside in a container"


@dataclass(frozen=True)
class Live:
    """What was done in the container, what came of it, and what the agent reported meanwhile."""

    answers: dict[str, dict[str, str]]
    matches: dict[tuple[str, str], list[Match]]
    """By rule and part; `("", "")` is what came before the first step."""
    outside: dict[str, list[Match]]

    def rules(self, rule: str, part: str) -> list[str]:
        """Return the rules that were reported during a step."""
        return [str(match["rule"]) for match in self.matches.get((rule, part), [])]


@pytest.fixture(scope="module")
def live(shared_lab: Lab) -> Iterator[Live]:
    """Give the record of all steps, done once, in one container, one after the other."""
    with Watch(shared_lab) as watch:
        pod = shared_lab.pod(
            "shop", "toolbox-0", container="toolbox", image="toolbox", command=["/bin/sh", "-c", _ENTRY]
        )
        route = ("nsenter", "-t", str(pod.container.pid), "-n", "ip", "route", "get", "169.254.169.254")
        assert subprocess.run(route, capture_output=True, check=False).returncode != 0, "nothing may leave"
        pod.exec(["python3", "-c", "import os; os.symlink('/usr/bin/python3.11', '/srv/bin/orders')"])
        source = base64.b64encode(_DRIVER.read_bytes()).decode()
        done = pod.exec(["/srv/bin/orders", "-c", _START, source], timeout_s=180)
        assert done.exit_code == 0, done.stderr
        own = pod.container.id[:12]
        watch.wait_for(lambda match: _is_marker(match) == ("end", "end"))
        before = len(watch.matches)
        pod.exec(["sh", "-c", "true"])
        watch.wait_for(lambda match: match["rule"] == _OUTSIDE)
        middle = len(watch.matches)
        pod.exec(["true"])
        pod.exec(["cat", "/etc/shadow"])
        watch.wait_for(lambda match: match["rule"] == "Password file read", since=middle)
        answers = json.loads(done.stdout[done.stdout.index('{"') :])
        matches = [match for match in watch.matches if match["output_fields"]["container.id"] == own]
        mine = [match for match in watch.matches[before:] if match["output_fields"]["container.id"] == own]
        cut = next(at for at, match in enumerate(mine) if match["rule"] == "Password file read")
        fired = [match for match in mine[:cut] if match["rule"] == _OUTSIDE]
        outside = {"fire": fired, "neighbour": [match for match in mine[:cut] if match not in fired]}
        yield Live(answers, _parted(matches[: len(matches) - len(mine)]), outside)


def _is_marker(match: Match) -> tuple[str, str] | None:
    found = _MARKER.match(str(match["output_fields"].get("fd.name")))
    return (found[1], found[2]) if found else None


def _parted(matches: list[Match]) -> dict[tuple[str, str], list[Match]]:
    parts: dict[tuple[str, str], list[Match]] = {("", ""): []}
    current = ("", "")
    for match in sorted(matches, key=lambda match: match["output_fields"]["evt.time"]):
        marker = _is_marker(match)
        if marker is not None:
            current = marker
        parts.setdefault(current, [])
        if marker is None:
            parts[current].append(match)
    return parts


@pytest.mark.parametrize("rule", STEPS)
def test_the_real_thing_fires_its_rule(live: Live, rule: str):
    """What a rule is for, done in a container, is reported under the rule's name."""
    assert "BROKEN" not in live.answers[rule]["fire"]
    assert rule in live.rules(rule, "fire"), live.answers[rule]["fire"]


@pytest.mark.parametrize("rule", STEPS)
def test_its_neighbour_fires_nothing(live: Live, rule: str):
    """The benign neighbour really runs, between two marks that were reported, and no rule matches it."""
    assert "BROKEN" not in live.answers[rule]["neighbour"]
    assert (rule, "neighbour") in live.matches
    assert live.rules(rule, "neighbour") == []


def test_a_shell_from_outside_is_reported_and_another_program_is_not(live: Live):
    """`kubectl exec … sh` is one match; `kubectl exec … true` is none."""
    assert [match["rule"] for match in live.outside["fire"]] == [_OUTSIDE]
    assert live.outside["neighbour"] == []


def test_what_prepares_a_container_matches_nothing(live: Live):
    """Runtime and entry script mount, write below /etc, begin and remove logs, and are not reported."""
    assert live.matches["", ""] == []

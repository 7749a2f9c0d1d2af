"""Rules tried on stored matches: what would still be raised, what not, and what nobody can tell."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from api import cli
from api.clock import to_datetime
from api.db.rule_tables import MatchRow
from api.tokens.service import Role
from tests.service import NOW_MS, Service, a_container, a_match

RULE = """\
- rule: Shell spawned
  desc: d
  condition: evt.type=execve and {condition}
  output: A shell (%user.name %proc.cmdline)
  priority: WARNING
"""
ANY = RULE.format(condition="user.name!=nobody")
NO_ROOT = RULE.format(condition="user.name!=root")
ROOT = RULE.format(condition="user.name=root")
TREE = RULE.format(condition="proc.pname=nginx")
SINCE = to_datetime(NOW_MS - 86_400_000 * 3).isoformat()


def upload(service: Service, text: str) -> None:
    """Make a file the only one that is active beside none."""
    answer = service.request(
        "POST", "/v1/rules", Role.ADMIN, content=text, type_="application/yaml", name="a.yaml"
    )
    assert answer.status_code == 200, answer.text


def ask(service: Service, **wish: Any) -> Any:
    """Return the answer to a what-if over the last days."""
    answer = service.request("POST", "/v1/rules/what-if", Role.READ, json={"since": SINCE} | wish)
    assert answer.status_code == 200, answer.text
    return answer.json()


def of(text: str) -> dict[str, str]:
    """Return a file as a what-if takes it."""
    return {"name": "a.yaml", "content": text}


@pytest.fixture
def matched(service: Service) -> Service:
    """Three matches near each other of root, one of another user much later, and one in another workload."""
    upload(service, ANY)
    other = a_container(id="e" * 64, pod="till-6d4cf56db6-x7k2p")
    fields = {"user.name": "www-data", "proc.cmdline": "sh"}
    service.match(
        *(a_match(each, each) for each in (1, 2, 3)),
        a_match(4, 400, output_fields=fields),
        a_match(5, 5, container=other),
    )
    service.worker.drain()
    return service


def test_the_active_rules_raise_what_was_raised(matched: Service) -> None:
    """Matches and alerts are those of the service, and that is exact."""
    answer = ask(matched)

    (rule,) = answer["rules"]
    alerts = matched.get("/v1/alerts").json()["items"]
    assert (rule["rule"], rule["change"]) == ("Shell spawned", "same")
    assert (rule["matches"], rule["raised"], rule["dropped"]) == (5, 5, 0)
    assert rule["alerts"] == rule["would_be_alerts"]["without_undecided"] == len(alerts) == 3
    assert (answer["exact"], answer["untold"]) == (True, [])


def test_a_rule_that_is_switched_off_or_removed_raises_nothing(matched: Service) -> None:
    """By name or wildcard, or since a version has no rule of the name; both are exact."""
    upload(matched, ANY.replace("Shell spawned", "Another"))

    off, version = ask(matched, version=1, disable=["Shell *"]), ask(matched)

    for answer, change in ((off, "changed"), (version, "removed")):
        (rule,) = answer["rules"]
        assert (rule["change"], rule["raised"], rule["dropped"], rule["undecided"]) == (change, 0, 5, 0)
        assert rule["would_be_alerts"] == {"without_undecided": 0, "with_undecided": 0}
    assert version["exact"]


def test_a_changed_condition_is_judged_by_what_the_output_shows(matched: Service) -> None:
    """Two conditions that exclude each other part the matches between them; new matches cannot be told."""
    no_root, root = ask(matched, file=of(NO_ROOT)), ask(matched, file=of(ROOT))

    assert [each["rules"][0]["raised"] for each in (no_root, root)] == [1, 4]
    assert [each["rules"][0]["dropped"] for each in (no_root, root)] == [4, 1]
    assert [each["rules"][0]["would_be_alerts"]["with_undecided"] for each in (no_root, root)] == [1, 2]
    assert no_root["untold"] == ["Shell spawned"]
    assert not no_root["exact"]
    assert matched.get("/v1/rules/versions").json()["items"][-1]["id"] == 1


def test_what_a_match_does_not_show_is_undecided(matched: Service) -> None:
    """A field that the output has not, and matches of which only the identity is kept."""
    tree = ask(matched, file=of(TREE))["rules"][0]
    with matched.core.store.write() as session:
        session.execute(update(MatchRow).where(MatchRow.sequence == 2).values(payload=None))
    root = ask(matched, file=of(ROOT))["rules"][0]

    assert (tree["raised"], tree["dropped"], tree["undecided"]) == (0, 0, 5)
    assert tree["would_be_alerts"] == {"without_undecided": 0, "with_undecided": 3}
    assert (root["raised"], root["dropped"], root["undecided"]) == (3, 1, 1)


@pytest.mark.parametrize(("place", "raised"), [({}, 1), ({"namespace": "shop"}, 0)])
def test_a_match_that_was_switched_off_is_raised_where_it_would_be_on(
    service: Service, place: dict[str, str], raised: int
) -> None:
    """Such matches are stored too; a switch for one namespace outlasts a wish for everywhere."""
    upload(service, ANY)
    wish = {"rule": "Shell spawned", "enable": False} | place
    assert service.request("POST", "/v1/rules/selections", Role.ADMIN, json=wish).status_code == 200
    service.match(a_match(1))
    service.worker.drain()

    as_is, on = ask(service)["rules"][0], ask(service, enable=["Shell spawned"])["rules"][0]

    assert (as_is["matches"], as_is["raised"], as_is["dropped"]) == (0, 0, 0)
    assert (on["matches"], on["raised"]) == (0, raised)


def test_the_command_shows_it_for_people_and_for_scripts(
    matched: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table and whether it is exact; the REST answer with --json; a file that is none is one sentence."""
    token, file = tmp_path / "my-token", tmp_path / "a.yaml"
    token.write_text(matched.secrets[Role.READ])
    file.write_text(ROOT)
    until = to_datetime(NOW_MS).isoformat()
    options = [f"--url={matched.url}", f"--token-file={token}", f"--since={SINCE}", f"--until={until}"]

    assert cli.main(["rules", "what-if", str(file), *options]) == 0
    shown = capsys.readouterr().out
    assert cli.main(["rules", "what-if", "--disable", "Shell *", "--json", *options]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert cli.main(["rules", "what-if", str(tmp_path / "none.yaml"), *options]) == 1
    complaint = capsys.readouterr().err

    assert "3 alerts as it was, 2 as it would be." in shown
    assert "Not exact." in shown
    assert answer == ask(matched, disable=["Shell *"], until=until)
    assert complaint.endswith("none.yaml cannot be read: No such file or directory.\n")


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"version": 99}, 404),
        ({"version": 1, "file": of(ANY)}, 422),
        ({"file": of("- rule: [")}, 422),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, 422),
        ({"rules": ANY}, 422),
    ],
)
def test_what_cannot_be_tried_is_refused(service: Service, wish: dict[str, Any], status: int) -> None:
    """In the form of every problem, and nothing is changed."""
    upload(service, ANY)

    answer = service.request("POST", "/v1/rules/what-if", Role.READ, json=wish)

    assert answer.status_code == status
    assert answer.json()["type"].startswith("/problems/")
    assert service.request("POST", "/v1/rules/what-if", Role.INGEST, json={}).status_code == 403

"""The commands that ask a running service, and those that work beside it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from api import cli
from api.console import full_name
from api.tokens.service import Role
from tests.service import Service, a_container, a_delta, a_match
from wire.profile import AgentStatus


@pytest.fixture
def options(service: Service, tmp_path: Path) -> list[str]:
    """Where the service answers, and a token of role admin."""
    token_file = tmp_path / "my-token"
    token_file.write_text(service.secrets[Role.ADMIN] + "\n")
    return [f"--url={service.url}", f"--token-file={token_file}"]


def test_workloads_are_listed_for_people_and_for_scripts(
    service: Service, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A table by default, the REST answer with --json."""
    service.learn(3)

    assert cli.main(["workloads", *options]) == 0
    assert "shop/cart/web" in capsys.readouterr().out
    assert cli.main(["workloads", "--json", *options]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["cart"]
    assert cli.main(["alerts", "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert cli.main(["alerts", *options]) == 0


@pytest.mark.parametrize("name", ["1", "cart", "shop/cart", "shop/cart/web"])
def test_a_mode_is_switched_by_id_or_name(service: Service, options: list[str], name: str) -> None:
    """Whatever the list shows of a workload names it."""
    service.learn(1)

    assert cli.main(["mode", name, "enforcement-alert", "--reason", "calm", *options]) == 0
    assert service.get("/v1/workloads/1").json()["mode"] == "enforcement-alert"


def test_what_speaks_against_enforcement_is_said(
    service: Service, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A person may switch all the same; each check that a promotion would fail at is a warning."""
    service.learn(40)

    assert cli.main(["mode", "1", "enforcement-alert", *options]) == 0

    told = capsys.readouterr()
    assert "is in mode enforcement-alert" in told.out
    assert "nonself: warning: completeness: " in told.err
    assert cli.main(["mode", "1", "learning", *options]) == 0
    assert capsys.readouterr().err == ""


def test_an_unknown_workload_is_one_sentence(
    service: Service, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed, and the exit code is 1."""
    service.learn(1)

    assert cli.main(["mode", "till", "learning", *options]) == 1
    assert capsys.readouterr().err == "nonself: Expected one workload called 'till'; found none.\n"


def test_what_is_shown_of_a_workload_names_it_though_another_is_called_alike(
    service: Service, options: list[str]
) -> None:
    """Shop/cart/web can be meant by shop/cart as well, until there is a workload that is shown so."""
    service.learn(1)
    service.learn(1, container=a_container(id="b" * 64, name="cart"))
    shown = {
        full_name(each["namespace"], each["name"], each["container"]): each["id"] for each in _all(service)
    }

    assert sorted(shown) == ["shop/cart", "shop/cart/web"]
    assert cli.main(["mode", "shop/cart", "enforcement-alert", *options]) == 0
    assert service.get(f"/v1/workloads/{shown['shop/cart']}").json()["mode"] == "enforcement-alert"
    assert service.get(f"/v1/workloads/{shown['shop/cart/web']}").json()["mode"] == "learning"


def _all(service: Service) -> list[dict[str, Any]]:
    return service.get("/v1/workloads").json()["items"]


def test_without_a_service_or_a_token_the_command_says_so(
    tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence that names the cure."""
    assert cli.main(["workloads", "--url=http://127.0.0.1:9", options[1]]) == 1
    assert "start one with 'nonself up'" in capsys.readouterr().err
    assert cli.main(["workloads", f"--token-file={tmp_path / 'none'}"]) == 1
    assert "Name one with --token-file." in capsys.readouterr().err


def test_a_token_works_until_it_is_revoked(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made and revoked beside the running service, which takes note at once."""
    place = [f"--state-dir={tmp_path}", f"--database-url={service.core.settings.url}"]
    assert cli.main(["token", "create", "soc", *place]) == 0
    headers = {"Authorization": f"Bearer {capsys.readouterr().out.strip()}"}
    before = service.http.get("/v1/workloads", headers=headers)
    assert cli.main(["token", "revoke", "soc", *place]) == 0
    assert capsys.readouterr().out == "The token 'soc' is revoked.\n"
    after = service.http.get("/v1/workloads", headers=headers)
    assert cli.main(["token", "list", "--json", *place]) == 0
    listed = {each["name"]: each["revoked_at"] for each in json.loads(capsys.readouterr().out)}

    assert (before.status_code, after.status_code) == (200, 401)
    assert listed.pop("soc") is not None
    assert set(listed.values()) == {None}


@pytest.mark.parametrize(
    "arguments", [["create", "read"], ["create", "No Name"], ["create"], ["revoke", "nobody"]]
)
def test_a_token_that_cannot_be_is_one_sentence(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """A name that is taken, malformed, missing or unknown gives exit code 1."""
    place = [f"--state-dir={tmp_path}", f"--database-url={service.core.settings.url}"]
    assert cli.main(["token", *arguments, *place]) == 1
    assert capsys.readouterr().err.startswith("nonself: ")


def test_alerts_are_listed_by_what_is_asked_and_shown_one_by_one(
    service: Service, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A list says where and why; one alert says what its rule saw, and whose child it was."""
    service.learn(1)
    assert service.match(a_match()).status_code == 200
    service.worker.drain()

    assert (
        cli.main(
            ["alerts", "list", "--workload=shop/cart/web", "--status=open", "--kind=signature", *options]
        )
        == 0
    )
    assert re.search(r"shop/cart/web +\d{4}-\d\d-\d\d \d\d:\d\d +\d\d:\d\d +1 +medium +Shell", _out(capsys))
    assert cli.main(["alerts", "show", "1", *options]) == 0
    shown = _out(capsys)
    assert "Shell spawned (Warning, level medium)" in shown
    assert "pid 4300  nginx" in shown
    assert cli.main(["alerts", "list", "--level=critical", *options]) == 0
    assert _out(capsys) == "No alerts.\n"
    assert cli.main(["alerts", "show", "2", *options]) == 1
    assert capsys.readouterr().err == "nonself: There is no alert 2.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["workloads"], "No workloads: no agent has sent a window yet."),
        (["suppression", "list"], "No suppressions."),
        (["keys", "list"], "No keys are trusted; no bundle can be imported."),
        (["baseline", "list"], "No baselines."),
        (["rules", "selections"], "Nothing is switched on or off beside what the files say."),
    ],
)
def test_an_empty_list_is_a_sentence(
    options: list[str], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """A line of headings over nothing looks like a failure."""
    assert cli.main([*arguments, *options]) == 0
    assert _out(capsys) == f"{said}\n"


def test_nodes_are_listed_with_what_is_wrong_with_each(
    service: Service, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A row for each, and a sentence for what an operator has to look at."""
    assert cli.main(["nodes", *options]) == 0
    assert _out(capsys) == "No node has reported; start an agent with 'nonself-agent run'.\n"
    ended = {"rule_engine": "failed", "rule_engine_error": "It was ended by SIGKILL."}
    service.send(a_delta(), agent=AgentStatus(version="0.1.0", window_s=10, **ended))

    assert cli.main(["nodes", *options]) == 0
    assert re.search(
        r"node-a .* failed +none reported *\nnode-a: the rule engine ended: It was ended by SIGKILL\.\n",
        _out(capsys),
    )
    assert cli.main(["nodes", "--json", *options]) == 0
    assert [each["name"] for each in json.loads(_out(capsys))] == ["node-a"]


def test_a_token_takes_only_the_options_that_say_where_it_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """Its help is not that of the service."""
    with pytest.raises(SystemExit):
        cli.main(["token", "--help"])

    said = _out(capsys)
    assert "--database-url" in said
    assert "--window-s" not in said


def _out(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out

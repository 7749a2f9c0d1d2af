"""Rules over REST: upload, versions, selections, trials, states and the bundle for agents."""

import json
import threading
import time
from typing import Any

import pytest
from sqlalchemy import select

from api.db.access_tables import AuditRow
from api.tokens.service import Role
from tests.contract.test_rest_ingest import contents
from tests.rule_texts import BROKEN, EXEC, FILES, NO_YAML, OPEN, SHELL, UNKNOWN_FIELD
from tests.service import Service
from wire.bundle import MAX_FILE_CHARS, By, Selection, decode_bundle
from wire.match import EngineReport, RuleReport, RuleState

YAML = "application/yaml"


def upload(service: Service, name: str, text: str, **params: Any) -> dict[str, Any]:
    """Upload a file that is good; return what the service says of it."""
    answer = service.request("POST", "/v1/rules", Role.ADMIN, content=text, type_=YAML, name=name, **params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def select_rules(service: Service, **wish: Any) -> dict[str, Any]:
    """Switch rules on or off."""
    answer = service.request("POST", "/v1/rules/selections", Role.ADMIN, json=wish)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def bundle_of(service: Service, **headers: str) -> Any:
    """Ask for the bundle as an agent does."""
    return service.request("GET", "/v1/rules/bundle", Role.INGEST, headers=headers)


def names(service: Service, **query: Any) -> list[str]:
    """Return the names of the active rules."""
    return [each["name"] for each in service.get("/v1/rules", **query).json()["items"]]


def test_an_uploaded_file_is_a_new_version(service: Service) -> None:
    """It is active at once, holds the file unchanged, and says who made it and why."""
    made = upload(service, "shell.yaml", SHELL, comment="CHG-7")

    version = made["version"]
    assert (made["dry_run"], made["warnings"]) == (False, [])
    assert (version["id"], version["active"], version["rules"], version["actor"], version["comment"]) == (
        1,
        True,
        1,
        "admin",
        "CHG-7",
    )
    assert service.get("/v1/rules/versions/1/files/shell.yaml").text == SHELL
    assert service.get("/v1/rules/versions").json()["items"] == [version]
    assert names(service) == ["Shell spawned"]


def test_json_carries_the_same_file(service: Service) -> None:
    """Name and content in one object make the version that the plain form makes."""
    plain = upload(service, "shell.yaml", SHELL, dry_run=True)

    answer = service.request(
        "POST", "/v1/rules", Role.ADMIN, json={"name": "shell.yaml", "content": SHELL, "comment": "x"}
    )

    assert answer.json()["version"]["digest"] == plain["version"]["digest"]


def test_several_files_are_one_set_in_their_order(service: Service) -> None:
    """Later files see what earlier ones define; a replaced one keeps its place, a position moves it."""
    upload(service, "a.yaml", SHELL)
    upload(service, "b.yaml", FILES)
    upload(service, "a.yaml", SHELL.replace("[sh, bash]", "[sh]"))
    moved = upload(service, "b.yaml", FILES, position=0)

    assert [each["name"] for each in moved["version"]["files"]] == ["b.yaml", "a.yaml"]
    assert names(service) == ["Shadow read", "Quiet", "Shell spawned"]


def test_a_file_may_build_on_another(service: Service) -> None:
    """A macro of one file serves a rule of the next, and the first cannot be taken away under it."""
    upload(service, "macros.yaml", "- macro: opened\n  condition: evt.type = openat\n")
    upload(service, "rules.yaml", BROKEN.replace("nowhere", "opened"))

    answer = service.request("DELETE", "/v1/rules/files/macros.yaml", Role.ADMIN)

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/rules-invalid")
    assert names(service) == ["Broken"]


def test_a_dry_run_changes_nothing(service: Service) -> None:
    """It says what would come of the file, warnings included, and stores nothing."""
    before = contents(service)
    unused = SHELL + "- list: lonely\n  items: [a]\n"

    made = upload(service, "shell.yaml", unused, dry_run=True)

    assert (made["dry_run"], made["version"]["id"], made["version"]["rules"]) == (True, 0, 1)
    assert [each["code"] for each in made["warnings"]] == ["LOAD_UNUSED_LIST"]
    assert contents(service) == before


def test_the_same_file_again_makes_no_version(service: Service) -> None:
    """What changes nothing leaves the number of the version as it is."""
    first = upload(service, "shell.yaml", SHELL)
    again = upload(service, "shell.yaml", SHELL)

    assert first["version"] == again["version"]


BAD_FILES = {
    "no YAML": (NO_YAML, "LOAD_ERR_YAML_PARSE"),
    "an unknown macro": (BROKEN, "LOAD_ERR_VALIDATE"),
    "an unknown field": (UNKNOWN_FIELD, "LOAD_ERR_COMPILE_CONDITION"),
    "no rules": ("just: text\n", "LOAD_ERR_YAML_VALIDATE"),
}


@pytest.mark.parametrize("what", BAD_FILES)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_bad_file_changes_nothing(service: Service, what: str, dry_run: bool) -> None:  # noqa: FBT001
    """The problem says code, file, line, column and snippet, and the rules stay as they were."""
    upload(service, "good.yaml", SHELL)
    before = contents(service)
    text, code = BAD_FILES[what]

    answer = service.request(
        "POST", "/v1/rules", Role.ADMIN, content=text, type_=YAML, name="bad.yaml", dry_run=dry_run
    )

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/rules-invalid")
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert (error["code"], error["file"]) == (code, "bad.yaml")
    assert error["line"] >= 1
    assert error["column"] >= 1
    assert "snippet" in error
    assert contents(service) == before


def test_versions_differ_and_roll_back(service: Service) -> None:
    """A diff shows what changed; an earlier version becomes the active one again, and that is audited."""
    upload(service, "shell.yaml", SHELL)
    upload(service, "shell.yaml", SHELL.replace("WARNING", "ERROR"))

    diff = service.get("/v1/rules/versions/1/diff/2").json()["diff"]
    rolled = service.request("POST", "/v1/rules/versions/1/activate", Role.ADMIN, json={"reason": "noisy"})

    assert "-  priority: WARNING\n+  priority: ERROR\n" in diff
    assert (rolled.json()["id"], rolled.json()["active"]) == (1, True)
    assert service.get("/v1/rules").json()["items"][0]["priority"] == "Warning"
    assert service.get("/v1/rules/versions/2").json()["active"] is False
    with service.core.store.read() as session:
        entries = session.scalars(select(AuditRow).where(AuditRow.action.startswith("rules."))).all()
    assert [(each.action, each.actor) for each in entries] == [
        ("rules.version", "admin"),
        ("rules.version", "admin"),
        ("rules.activate", "admin"),
    ]
    assert entries[-1].detail == {"from": 2, "to": 1, "reason": "noisy"}


def test_a_file_can_be_dropped(service: Service) -> None:
    """The version without it is a new one, and the old one still holds it."""
    upload(service, "a.yaml", SHELL)
    upload(service, "b.yaml", FILES)

    dropped = service.request("DELETE", "/v1/rules/files/a.yaml", Role.ADMIN, reason="not ours")

    assert dropped.json()["id"] == 3
    assert names(service) == ["Shadow read", "Quiet"]
    assert service.get("/v1/rules/versions/2/files/a.yaml").status_code == 200


def test_selections_switch_by_name_wildcard_and_tag(service: Service) -> None:
    """Each place has its own answer, a newer selection takes the place of the same older one; all audited."""
    upload(service, "a.yaml", SHELL)
    upload(service, "b.yaml", FILES)
    service.learn(1)
    select_rules(service, enable=False, rule="Sh*", reason="noisy")
    select_rules(service, enable=True, tag="filesystem", namespace="shop")
    select_rules(service, enable=True, rule="Shell spawned", workload=1)
    first = select_rules(service, enable=True, rule="Quiet")
    second = select_rules(service, enable=False, rule="Quiet")

    rules = {each["name"]: each for each in service.get("/v1/rules").json()["items"]}
    stored = service.get("/v1/rules/selections").json()["items"]

    def enabled(name: str) -> list[tuple[Any, Any, bool]]:
        return [(e["namespace"], e["workload"], e["enabled"]) for e in rules[name]["enabled"]]

    assert enabled("Shell spawned") == [(None, None, False), (None, 1, True)]
    assert enabled("Shadow read") == [(None, None, False), ("shop", None, True)]
    assert enabled("Quiet") == [(None, None, False), ("shop", None, True)]
    assert first["id"] not in {each["id"] for each in stored}
    assert stored[-1] == second
    with service.core.store.read() as session:
        entry = session.scalars(select(AuditRow).where(AuditRow.action == "rules.select")).first()
    assert entry is not None
    assert entry.detail == {"enable": False, "rule": "Sh*", "reason": "noisy"}


def test_a_selection_can_be_taken_back(service: Service) -> None:
    """What it named follows its file again."""
    upload(service, "a.yaml", SHELL)
    made = select_rules(service, enable=False, rule="*")
    off = service.get("/v1/rules").json()["items"][0]["state"]

    gone = service.request("DELETE", f"/v1/rules/selections/{made['id']}", Role.ADMIN)
    again = service.request("DELETE", f"/v1/rules/selections/{made['id']}", Role.ADMIN)

    assert (off, gone.status_code, again.status_code) == ("disabled", 200, 404)
    assert service.get("/v1/rules").json()["items"][0]["enabled"][0]["enabled"] is True


def test_the_bundle_is_what_agents_evaluate(service: Service) -> None:
    """Files and selections in their order, under a digest that changes with either."""
    empty = bundle_of(service)
    upload(service, "a.yaml", SHELL)
    files = bundle_of(service)
    select_rules(service, enable=False, tag="shell")
    both = bundle_of(service)

    bundles = [decode_bundle(each.content) for each in (empty, files, both)]
    assert [each.version for each in bundles] == [0, 1, 1]
    assert len({each.digest for each in bundles}) == 3
    assert [each.headers["etag"] for each in (empty, files, both)] == [f'"{each.digest}"' for each in bundles]
    assert bundles[2].files[0].text == SHELL
    assert bundles[2].selections == (Selection(enable=False, by=By.TAG, pattern="shell"),)
    assert service.get("/v1/rules").json()["digest"] == bundles[2].digest


def test_a_known_bundle_is_not_sent_again(service: Service) -> None:
    """If-None-Match with the tag at hand gets 304 and no body; with another tag, the bundle."""
    upload(service, "a.yaml", SHELL)
    tag = bundle_of(service).headers["etag"]

    known, weak = (
        bundle_of(service, **{"If-None-Match": tag}),
        bundle_of(service, **{"If-None-Match": "W/" + tag}),
    )
    other = bundle_of(service, **{"If-None-Match": '"x"'})

    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert (weak.status_code, other.status_code) == (304, 200)


def test_an_agent_that_waits_gets_the_change(service: Service) -> None:
    """A request held back is answered once the rules change, well before its time is over."""
    tag = bundle_of(service).headers["etag"]
    timer = threading.Timer(0.5, upload, (service, "a.yaml", SHELL))
    timer.start()
    began = time.monotonic()

    answer = service.request(
        "GET", "/v1/rules/bundle", Role.INGEST, headers={"If-None-Match": tag}, wait_s=30, timeout=60
    )
    timer.join()

    assert answer.status_code == 200
    assert decode_bundle(answer.content).version == 1
    assert time.monotonic() - began < 25


def test_waiting_ends_by_itself(service: Service) -> None:
    """Where nothing changes the answer is 304."""
    tag = bundle_of(service).headers["etag"]

    answer = service.request(
        "GET", "/v1/rules/bundle", Role.INGEST, headers={"If-None-Match": tag}, wait_s=0.3
    )

    assert answer.status_code == 304


def test_a_service_that_ends_answers_those_that_wait(service: Service) -> None:
    """Agents held back do not hold up the end of the service."""
    tag = bundle_of(service).headers["etag"]
    timer = threading.Timer(0.5, setattr, (service.core, "stopping", True))
    timer.start()

    answer = service.request(
        "GET", "/v1/rules/bundle", Role.INGEST, headers={"If-None-Match": tag}, wait_s=30, timeout=25
    )

    assert answer.status_code == 304


def test_states_are_what_nodes_report(service: Service) -> None:
    """Each node that runs the active rules says what it can evaluate; others count as not yet reporting."""
    upload(service, "a.yaml", SHELL)
    upload(service, "b.yaml", FILES)
    digest = service.get("/v1/rules").json()["digest"]
    missing = RuleReport(rule="Shadow read", state=RuleState.NOT_EVALUABLE, reasons=("fd.name is missing.",))
    good = [RuleReport(rule=name, state=RuleState.EVALUABLE) for name in ("Shell spawned", "Shadow read")]
    service.report(EngineReport(ruleset=digest, rules=(good[0], missing)), node="node-a")
    service.report(EngineReport(ruleset=digest, rules=tuple(good)), node="node-b")
    service.report(EngineReport(ruleset="older", rules=(missing,), error="Too old."), node="node-c")

    shown = service.get("/v1/rules").json()
    rules = {each["name"]: each for each in shown["items"]}
    nodes = {each["name"]: each["rules"] for each in service.get("/v1/nodes").json()["items"]}

    assert (shown["nodes"], shown["nodes_current"]) == (3, 2)
    assert {name: rule["state"] for name, rule in rules.items()} == {
        "Shell spawned": "evaluable",
        "Shadow read": "partly",
        "Quiet": "disabled",
    }
    assert rules["Shadow read"]["states"] == [
        {"state": "evaluable", "reasons": [], "nodes": ["node-b"]},
        {"state": "not_evaluable", "reasons": ["fd.name is missing."], "nodes": ["node-a"]},
    ]
    assert names(service, state="partly") == ["Shadow read"]
    assert nodes["node-a"]["current"] is True
    assert nodes["node-a"]["states"] == {"evaluable": 1, "not_evaluable": 1}
    assert (nodes["node-c"]["current"], nodes["node-c"]["error"]) == (False, "Too old.")


def test_a_rule_nobody_reported_says_so(service: Service) -> None:
    """Silence of the nodes is not shown as health."""
    upload(service, "a.yaml", SHELL)

    assert service.get("/v1/rules/Shell spawned").json()["state"] == "unreported"


def test_one_rule_shows_its_text(service: Service) -> None:
    """Condition as written and written out, output, place, level and ATT&CK."""
    upload(service, "a.yaml", SHELL)

    rule = service.get("/v1/rules/Shell spawned").json()

    assert rule["condition"] == "spawned and proc.name in (shells)"
    assert "sh, bash" in rule["written_out"]
    assert (rule["file"], rule["line"], rule["level"]) == ("a.yaml", 5, "medium")
    assert rule["attack"] == {"tactics": ["execution"], "techniques": ["T1059"], "version": "18"}


def test_rules_filter(service: Service) -> None:
    """By tag, file and level."""
    upload(service, "a.yaml", SHELL)
    upload(service, "b.yaml", FILES)

    assert names(service, tag="shell") == ["Shell spawned"]
    assert names(service, file="b.yaml") == ["Shadow read", "Quiet"]
    assert names(service, level="critical") == ["Shadow read"]


def test_rules_are_tried_on_events(service: Service) -> None:
    """Each event gets the rules that hold with their output; nothing is stored."""
    upload(service, "b.yaml", FILES)
    before = contents(service)

    active = service.request("POST", "/v1/rules/test", Role.READ, json={"events": [OPEN, EXEC]}).json()
    own = service.request(
        "POST", "/v1/rules/test", Role.READ, json={"rules": SHELL, "events": [OPEN, EXEC]}
    ).json()

    assert [[m["rule"] for m in each["matches"]] for each in active["events"]] == [["Shadow read"], []]
    assert [[m["rule"] for m in each["matches"]] for each in own["events"]] == [[], ["Shell spawned"]]
    (match,) = own["events"][1]["matches"]
    assert match["output"] == "A shell (user=root command=sh -i result=0)"
    assert match["output_fields"] == {"user.name": "root", "proc.cmdline": "sh -i", "evt.rawres": 0}
    assert contents(service) == before


def test_a_rule_that_is_off_is_tried_and_said_to_be_off(service: Service) -> None:
    """Trying does not depend on what is switched on."""
    upload(service, "b.yaml", FILES)
    event = {"evt.type": "openat", "fd.name": "/tmp/x"}

    answer = service.request("POST", "/v1/rules/test", Role.READ, json={"events": [event]}).json()

    assert [(m["rule"], m["enabled"]) for m in answer["events"][0]["matches"]] == [("Quiet", False)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"events": [{"no.such": 1}]}, "no.such"),
        ({"events": [{"evt.rawres": "many"}]}, "evt.rawres"),
        ({"events": [{"proc.pid": {"a": 1}}]}, "events"),
        ({"events": {}}, "events"),
        ({"events": [{}] * 1001}, "events"),
        ({}, "events"),
        ({"events": [], "more": 1}, "more"),
        ({"events": [], "rules": BROKEN}, "LOAD_ERR_VALIDATE"),
    ],
)
def test_a_bad_trial_is_refused(shared_service: Service, body: Any, said: str) -> None:
    """The sentence names what is wrong."""
    answer = shared_service.request("POST", "/v1/rules/test", Role.READ, json=body)

    assert answer.status_code == 422
    assert said in answer.json()["detail"]


BAD_UPLOADS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no name": ({"content": SHELL, "type_": YAML}, 422, "invalid"),
    "a name that is a path": ({"content": SHELL, "type_": YAML, "name": "../a.yaml"}, 422, "invalid"),
    "a name that is no YAML file": ({"content": SHELL, "type_": YAML, "name": "a.txt"}, 422, "invalid"),
    "another media type": ({"content": SHELL, "type_": "image/png", "name": "a.yaml"}, 415, "media-type"),
    "no UTF-8": ({"content": b"\xff", "type_": YAML, "name": "a.yaml"}, 422, "invalid"),
    "a NUL": ({"content": "- a: \0", "type_": YAML, "name": "a.yaml"}, 422, "invalid"),
    "too large": (
        {"content": "#" * (MAX_FILE_CHARS + 1), "type_": YAML, "name": "a.yaml"},
        422,
        "invalid",
    ),
    "far too large": ({"content": b"#" * (9 << 20), "type_": YAML, "name": "a.yaml"}, 413, "oversized"),
    "a position beyond the end": (
        {"content": SHELL, "type_": YAML, "name": "a.yaml", "position": 2},
        422,
        "invalid",
    ),
    "JSON that is none": ({"content": "{", "type_": "application/json"}, 422, "invalid"),
    "JSON without content": ({"json": {"name": "a.yaml"}}, 422, "invalid"),
    "JSON with a name in the query too": (
        {"json": {"name": "a.yaml", "content": SHELL}, "name": "b.yaml"},
        422,
        "invalid",
    ),
    "an unknown parameter": ({"content": SHELL, "type_": YAML, "name": "a.yaml", "x": 1}, 422, "invalid"),
}


@pytest.mark.parametrize("what", BAD_UPLOADS)
def test_a_bad_upload_changes_nothing(shared_service: Service, what: str) -> None:
    """Each kind has its status and a sentence."""
    arguments, status, slug = BAD_UPLOADS[what]
    before = contents(shared_service)

    answer = shared_service.request("POST", "/v1/rules", Role.ADMIN, **arguments)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert answer.json()["detail"].endswith(".")
    assert contents(shared_service) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"enable": True}, 422),
        ({"enable": True, "rule": "a", "tag": "b"}, 422),
        ({"enable": "maybe", "rule": "a"}, 422),
        ({"enable": True, "rule": "a", "namespace": "n", "workload": 1}, 422),
        ({"enable": True, "rule": "a", "namespace": ""}, 422),
        ({"enable": True, "rule": "a", "workload": 0}, 422),
        ({"enable": True, "rule": "a", "workload": 77}, 404),
        ({"enable": True, "rule": "a", "x": 1}, 422),
    ],
)
def test_a_bad_selection_changes_nothing(shared_service: Service, body: Any, status: int) -> None:
    """One name or tag, at most one place, and a workload that exists."""
    before = contents(shared_service)

    answer = shared_service.request("POST", "/v1/rules/selections", Role.ADMIN, json=body)

    assert answer.status_code == status
    assert contents(shared_service) == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/rules?x=1", 422),
        ("GET", "/v1/rules?state=odd", 422),
        ("GET", "/v1/rules/Nobody", 404),
        ("GET", "/v1/rules/versions?limit=0", 422),
        ("GET", "/v1/rules/versions/7", 404),
        ("GET", "/v1/rules/versions/x", 422),
        ("GET", "/v1/rules/versions/7/files/a.yaml", 404),
        ("GET", "/v1/rules/versions/7/diff/8", 404),
        ("POST", "/v1/rules/versions/7/activate", 404),
        ("DELETE", "/v1/rules/files/a.yaml", 404),
        ("DELETE", "/v1/rules/selections/7", 404),
        ("DELETE", "/v1/rules/selections/0", 422),
        ("GET", "/v1/rules/selections?x=1", 422),
    ],
)
def test_a_bad_request_is_a_problem(shared_service: Service, method: str, path: str, status: int) -> None:
    """What is not there, or cannot be asked, is answered in the one shape of errors."""
    body = {"json": {}} if method == "POST" else {}

    answer = shared_service.request(method, path, Role.ADMIN, **body)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_wait_of_an_hour_is_refused(shared_service: Service) -> None:
    """An agent may be held back for a minute at most."""
    answer = shared_service.request("GET", "/v1/rules/bundle", Role.INGEST, wait_s=3600)

    assert answer.status_code == 422


READS = ("/v1/rules", "/v1/rules/versions", "/v1/rules/selections", "/v1/matches")
CHANGES = (
    ("POST", "/v1/rules"),
    ("POST", "/v1/rules/versions/1/activate"),
    ("POST", "/v1/rules/selections"),
    ("DELETE", "/v1/rules/selections/1"),
    ("DELETE", "/v1/rules/files/a.yaml"),
)


def test_roles_decide_who_may_do_what(shared_service: Service) -> None:
    """Reading takes read or admin, changing admin, the bundle ingest; nothing goes without a token."""
    for path in READS:
        statuses = {role: shared_service.get(path, role).status_code for role in Role}
        readers = {Role.READ, Role.TRIAGE, Role.ADMIN}
        assert statuses == {role: 200 if role in readers else 403 for role in Role}
        assert shared_service.http.get(path).status_code == 401
    for method, path in CHANGES:
        for role in (Role.READ, Role.INGEST):
            assert shared_service.request(method, path, role).status_code == 403, path
        assert shared_service.http.request(method, path).status_code == 401
    for role, status in ((Role.READ, 403), (Role.ADMIN, 403), (Role.INGEST, 200)):
        assert shared_service.get("/v1/rules/bundle", role).status_code == status
    assert shared_service.request("POST", "/v1/rules/test", Role.INGEST, json={}).status_code == 403


def test_the_schema_of_every_answer_has_an_example(shared_service: Service) -> None:
    """A reader of /docs sees what comes back."""
    schemas = shared_service.http.get("/openapi.json").json()["components"]["schemas"]

    for name in ("RuleOut", "RuleSetOut", "SelectionIn", "TestIn", "MatchOut", "ReasonIn"):
        assert schemas[name]["examples"], name
    assert json.dumps(schemas)

"""`nonself rules check` and `nonself rules conformance`: what they print, and how they end."""

import json
from pathlib import Path

import pytest

from api.cli import main
from api.rules.conformance.cases import ListResult
from api.rules.conformance.run import run
from api.rules.conformance.shape import misfits

RULE = "- rule: r\n  desc: d\n  condition: {}\n  output: o\n  priority: INFO\n"
SHARED = Path("../shared")


def test_check_counts_what_it_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A good file gives its number of rules and the exit code 0."""
    file = tmp_path / "r.yaml"
    file.write_text(RULE.format("evt.type=open"))
    assert main(["rules", "check", str(file)]) == 0
    assert capsys.readouterr().out == "1 rule, 0 errors, 0 warnings\n"


def test_check_shows_an_error_where_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad file gives file, line, column, code and snippet, and the exit code 1."""
    file = tmp_path / "r.yaml"
    file.write_text(RULE.format("evt.type=opened"))
    assert main(["rules", "check", str(file)]) == 1
    out = capsys.readouterr().out
    assert f"{file}:3:14: error LOAD_ERR_COMPILE_CONDITION" in out
    assert "    | evt.type=opened" in out
    assert out.endswith("1 error, 0 warnings\n")


def test_check_gives_objects_to_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json there is one object with rules, errors and warnings."""
    file = tmp_path / "r.yaml"
    file.write_text(RULE.format("proc.name=x"))
    assert main(["rules", "check", "--json", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"]
    assert [each["name"] for each in told["rules"]] == ["r"]
    assert [each["code"] for each in told["warnings"]] == ["LOAD_NO_EVTTYPE"]


def test_check_says_which_file_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there, or is no text, is an error of its own."""
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe")
    assert main(["rules", "check", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]) == 1
    assert capsys.readouterr().out.count("LOAD_ERR_FILE_READ") == 2


def test_check_of_an_empty_folder_says_what_was_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, exit code 1."""
    assert main(["rules", "check", str(tmp_path)]) == 1
    assert "Expected a rule file" in capsys.readouterr().err


def test_conformance_tells_failures_from_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each list has a line, the last line is the sum, and a failing case can be seen in full."""
    cases = [{"expr": "a", "expect": "accept"}, {"expr": "a", "expect": "reject"}]
    (tmp_path / "filter_parse.json").write_text(json.dumps({"format": "x", "parse": cases}))
    (tmp_path / "eventgen_suite.json").write_text(json.dumps({"tests": [{}]}))
    out = tmp_path / "out" / "r.json"
    out.parent.mkdir()
    assert main(["rules", "conformance", str(tmp_path), "--show", "1", "--json", str(out)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "filter_parse/parse: 1 passed, 1 failed" in lines
    assert any(line.startswith("eventgen_suite: not run here (needs a live kernel") for line in lines)
    assert "filter_parse/parse#1: 'a': expected 'reject'; got 'accept'" in lines
    assert lines[-1] == "1 passed, 1 failed"
    assert json.loads(out.read_text())["lists"]["filter_parse/parse"]["failed"] == 1


@pytest.mark.parametrize("content", ["[]", "{"])
def test_conformance_refuses_what_is_no_file_of_cases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """One sentence that names the file, exit code 1."""
    (tmp_path / "filter_parse.json").write_text(content)
    assert main(["rules", "conformance", str(tmp_path)]) == 1
    assert "filter_parse.json" in capsys.readouterr().err


def test_conformance_refuses_a_folder_without_cases(tmp_path: Path) -> None:
    """Nothing to run is not a pass."""
    assert main(["rules", "conformance", str(tmp_path)]) == 1
    assert main(["rules", "conformance", str(tmp_path / "none")]) == 1


@pytest.mark.skipif(not SHARED.is_dir(), reason="Falco's test cases are not beside the repository")
def test_all_of_falcos_cases_pass() -> None:
    """No case of any list fails, and the lists are not empty."""
    results = [each for each in run(SHARED / "vectors/falco") if isinstance(each, ListResult)]
    assert [failure.name for result in results for failure in result.failures] == []
    assert sum(result.passed for result in results) > 2000


@pytest.mark.skipif(not SHARED.is_dir(), reason="Falco's rule files are not beside the repository")
def test_falcos_files_load_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    """The three files give 93 rules, no error and no warning."""
    names = ("falco_rules", "falco-incubating_rules", "falco-sandbox_rules")
    files = [str(SHARED / f"rules/falco/{name}.yaml") for name in names]
    assert main(["rules", "check", *files]) == 0
    assert capsys.readouterr().out == "93 rules, 0 errors, 0 warnings\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- required_engine_version: 0.57.0\n- macro: m\n  condition: evt.type=open\n", []),
        ("- required_plugin_versions:\n  - name: c\n    version: 0.4.0\n", []),
        ("- required_plugin_versions:\n  - name: c\n", ["Line 2: no key 'version'."]),
        ("- rule: r\n  exceptions:\n  - name: e\n    fields: [a]\n  priority: INFO\n", []),
        ("- rule: r\n  exceptions:\n  - fields: [a]\n", ["Line 3: no key 'name'."]),
        ("- rule: r\n  enabled: maybe\n", ["Line 2: expected true or false."]),
        ("- rule: r\n  tags: shell\n", ["Line 2: expected a list."]),
        ("- rule: r\n  capture_duration: long\n", ["Line 2: expected a whole number."]),
        ("- list: l\n  items: [[a]]\n", ["Line 2: expected a text."]),
        ("- list: l\n  override:\n    items: add\n", ["Line 3: expected one of append, replace."]),
        ("- list: l\n  override: {}\n", ["Line 2: expected 1 key at least."]),
        ("rule: r\n", ["Line 1: expected a list."]),
        ("- r\n", ["Line 1: expected keys and values."]),
    ],
)
def test_the_shape_of_a_file_is_told_apart_from_its_errors(text: str, expected: list[str]) -> None:
    """What Falco's schema asks for of keys and kinds of values is told with its line."""
    assert misfits(text) == expected


def test_conformance_holds_the_schema_s_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A case that says that the schema fails where it does not is a failure, and the other way round."""
    text = "- list: l\n  items: [a]\n"
    base = {"kind": "load", "file": "a.yaml", "errors": [], "warnings": [], "warnings_absent": []}
    cases = [
        base | {"id": "fits", "rules": text, "expect_success": True, "schema_validation": "ok"},
        base | {"id": "lies", "rules": text, "expect_success": True, "schema_validation": "failed"},
        base
        | {
            "id": "odd",
            "rules": text + "  colour: red\n",
            "expect_success": True,
            "schema_validation": "failed",
        },
    ]
    (tmp_path / "rules_load.json").write_text(json.dumps({"unit": cases}))

    assert main(["rules", "conformance", str(tmp_path)]) == 1
    assert "2 passed, 1 failed" in capsys.readouterr().out

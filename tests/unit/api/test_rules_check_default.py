"""`nonself rules check --default`: the rules that come with nonself are loadable by name."""

from pathlib import Path

import pytest

from api.cli import main


def test_the_default_rules_are_loadable_by_name(capsys: pytest.CaptureFixture[str]):
    """They load without naming a file, and without an error or a warning."""
    assert main(["rules", "check", "--default"]) == 0
    assert capsys.readouterr().out.endswith("rules, 0 errors, 0 warnings\n")


def test_a_file_is_checked_on_top_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A user's file may append to their lists; alone it could not."""
    own = tmp_path / "ours.yaml"
    own.write_text("- list: nonself_bpf_images\n  items: [cilium]\n  override: {items: append}\n")

    assert main(["rules", "check", "--default", str(own)]) == 0
    assert main(["rules", "check", str(own)]) == 1
    assert "nonself_bpf_images" in capsys.readouterr().out


def test_nothing_to_check_is_said(capsys: pytest.CaptureFixture[str]):
    """Neither a file nor `--default` is one clear sentence."""
    assert main(["rules", "check"]) == 1
    assert "--default" in capsys.readouterr().err


def test_a_rule_written_for_falco_loads_beside_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The names that Falco's own file gives to every other are there, and none of them warns unused."""
    own = tmp_path / "ours.yaml"
    own.write_text(
        "- rule: Cat\n  desc: d\n  condition: spawned_process and container and proc.name = cat\n"
        "  output: cat\n  priority: NOTICE\n"
    )

    assert main(["rules", "check", "--default", str(own)]) == 0
    assert capsys.readouterr().out.endswith("rules, 0 errors, 0 warnings\n")

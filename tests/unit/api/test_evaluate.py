"""`nonself evaluate`: files in, tables, JSON and plots out, and one sentence where that is impossible."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from api import cli


def line(split: str, label: str, group: str, number: int, calls: str) -> str:
    """Return one line of a file of traces."""
    return f"{split}\t{label}\t{group}\t{number}\t{calls}\n"


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """Return a gzipped file of 30 learned, 30 normal and 12 attack traces, some of them equal."""
    generator = np.random.default_rng(1)
    lines = []
    for number in range(60):
        calls = "read write close " * int(generator.integers(5, 12)) + "fsync " * int(generator.integers(3))
        lines.append(line("train" if number < 30 else "validation", "normal", "-", number, calls))
    for number in range(12):
        group = "shell" if number % 2 else "miner"
        lines.append(line("test", "attack", group, number, "read socket connect dup2 " * (4 + number)))
    path = tmp_path / "traces.tsv.gz"
    path.write_bytes(gzip.compress("".join(lines).encode()))
    return path


@pytest.mark.slow
def test_sequences_are_evaluated_from_file_to_figures(
    traces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON holds version, settings and figures; each detector is in the tables; the plots are PNG files."""
    out, plots = tmp_path / "out.json", tmp_path / "plots"
    arguments = ["evaluate", "sequences", str(traces), f"--json={out}", f"--plots={plots}"]
    arguments += ["--resplits=1", "--calibration-resplits=3"]

    assert cli.main(arguments) == 0

    found = json.loads(out.read_text())
    figures = found["figures"]
    ours = figures["splits"]["canonical"]["nonself, all orders"]
    assert found["version"]
    assert found["settings"] == {
        "seed": 1,
        "resplits": 1,
        "calibration_resplits": 3,
        "comparators": "usual",
    }
    assert figures["calibration"]["resplits"] == 3
    assert [each["asked"] for each in figures["calibration"]["rates"]] == [0.001, 0.01, 0.05, 0.1]
    assert set(figures["splits"]) == {"canonical", "re-split 1"}
    assert ours["auc"]["value"] == 1.0
    assert ours["detection_at_false_alarm_rate"]["0.01"] == 1.0
    assert {name: each["traces"] for name, each in ours["groups"].items()} == {"miner": 6, "shell": 6}
    assert figures["traces"]["splits"]["canonical"]["normal"]["traces"] == 30
    printed = capsys.readouterr().out
    assert all(
        name in printed for name in ("STIDE n=6", "Witten-Bell 8-gram", "isolation forest", "length alone")
    )
    # Of 18 different normal sequences too few are left to learn from once duplicates are gone.
    assert "There is no deduplicated split" in printed
    drawn = sorted(plots.iterdir())
    assert [path.name for path in drawn] == [
        "calibration-canonical.png",
        "calibration-re-split-1.png",
        "roc.png",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("train\tnormal\tread\n", "line 1: expected 5 tab-separated fields"),
        (
            line("train", "normal", "-", 1, "1 2") + line("train", "odd", "-", 1, "1"),
            "line 2: expected a label",
        ),
        (line("train", "normal", "-", 1, " "), "line 1: expected a sequence of at least one call, got none"),
        ("", "expected at least one trace"),
        (
            line("train", "0", "-", 1, "1") * 30,
            "at least 2 other normal traces to judge in the canonical split, got 0",
        ),
        (
            line("test", "0", "-", 1, "1") * 30,
            "at least 20 normal traces to learn in the canonical split, got 0",
        ),
        ("\udcff\n", "expected text in UTF-8"),
    ],
)
def test_bad_traces_are_one_sentence(
    content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the file and line where there is one, what was expected and what came."""
    path = tmp_path / "bad.tsv"
    path.write_text(content, errors="surrogateescape")

    assert cli.main(["evaluate", "sequences", str(path)]) == 1

    error = capsys.readouterr().err.strip()
    assert said in error
    assert "Traceback" not in error


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the path."""
    assert cli.main(["evaluate", "sequences", str(tmp_path / "none.tsv")]) == 1
    assert "none.tsv: No such file" in capsys.readouterr().err


def test_a_wrong_setting_is_wrong_usage(traces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is evaluated, and the setting is named."""
    assert cli.main(["evaluate", "sequences", str(traces), "--resplits=0"]) == 2
    assert "resplits: expected at least 1; got 0." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["sequences", "none", "--comparators=some"], "usual or all"),
        (["shil", "none", "--others-rate=1"], "a share between 0 and 1"),
    ],
)
def test_a_setting_out_of_its_range_is_refused(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names what was expected, before any file is read."""
    assert cli.main(["evaluate", *arguments]) != 0

    assert expected in capsys.readouterr().err

"""`nonself evaluate shil` and `sok` on generated folders of their form, good and bad."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from api import cli

CALLS = ["read", "write", "execve"]


def write_shil(folder: Path, name: str = "CVE-2000-1", *, containers: int = 3) -> None:
    """Write three minutes of training of 120 vectors each, and an attack by `execve` in vectors 62 to 65."""
    generator = np.random.default_rng(1)
    lines = [",".join(["part", "container", "minute", "ts_ms", *CALLS])]
    for container in range(1, containers + 1):
        for minute in (1, 2, 3):
            lines += [
                f"train,{container},{minute},0,{read},{write},0"
                for read, write in generator.poisson([30, 10], (120, 2)).tolist()
            ]
        lines += [
            f"test,{container},0,0,{read},{write},{int(62 <= place < 66)}"
            for place, (read, write) in enumerate(generator.poisson([30, 10], (100, 2)).tolist())
        ]
    (folder / "compact").mkdir(exist_ok=True)
    with gzip.open(folder / "compact" / f"{name}.csv.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")
    write_meta(folder, [{"cve": name, "in_paper_41": True, "timing_test_index": [times()] * containers}])


def times(**changed: object) -> dict[str, object]:
    """Return when an exploit begins and succeeds."""
    return {"trigger": 60, "success": 70, "end": 70, **changed}


def write_meta(folder: Path, entries: object) -> None:
    """Write `meta.json`."""
    (folder / "meta.json").write_text(json.dumps(entries))


def test_shil_detects_what_is_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every container is detected 0.8 s before success, by the table and by the JSON."""
    write_shil(tmp_path)
    out = tmp_path / "out.json"

    assert cli.main(["evaluate", "shil", str(tmp_path), "--json", str(out)]) == 0

    found = json.loads(out.read_text())["figures"]
    summary = found["summary"]["pooled"]["nonself"]
    assert summary["runs"] == 3
    assert summary["detection_rate"] == 1
    assert summary["lead_s"] == pytest.approx(0.8, abs=0.21)
    assert found["summary"]["others"]["allow-list"]["false_positive_rate"] == 0
    assert len(found["runs"]) == 3 * 3 * 4
    printed = capsys.readouterr().out
    assert "other replicas only" in printed
    assert "CVE-2000-1" not in printed.split("Missed")[1].split("Chance")[0]


def test_shil_leaves_out_recordings_without_calls(tmp_path: Path) -> None:
    """A table without a column for any call is named and not counted."""
    write_shil(tmp_path)
    entries = json.loads((tmp_path / "meta.json").read_text())
    with gzip.open(tmp_path / "compact" / "CVE-2000-2.csv.gz", "wt") as file:
        file.write("part,container,minute,ts_ms,\ntrain,1,1,0,\ntest,1,0,0,\n")
    write_meta(tmp_path, [*entries, {"cve": "CVE-2000-2", "timing_test_index": [times()]}])
    out = tmp_path / "out.json"

    assert cli.main(["evaluate", "shil", str(tmp_path), "--json", str(out)]) == 0

    figures = json.loads(out.read_text())["figures"]
    assert figures["without_calls"] == ["CVE-2000-2"]
    assert figures["vulnerabilities"] == 1


def without_meta(folder: Path) -> None:
    """Remove the file of times."""
    (folder / "meta.json").unlink()


def without_table(folder: Path) -> None:
    """Name a vulnerability that has no table."""
    write_meta(folder, [{"cve": "CVE-2000-9", "timing_test_index": []}])


def without_success(folder: Path) -> None:
    """Leave out when one exploit succeeds."""
    late = times(success=None)
    write_meta(folder, [{"cve": "CVE-2000-1", "timing_test_index": [late] * 3}])


def with_late_success(folder: Path) -> None:
    """Let an exploit succeed after the recording."""
    write_meta(folder, [{"cve": "CVE-2000-1", "timing_test_index": [times(success=100)] * 3}])


def with_few_times(folder: Path) -> None:
    """Give the times of one container of three."""
    write_meta(folder, [{"cve": "CVE-2000-1", "timing_test_index": [times()]}])


def with_other_columns(folder: Path) -> None:
    """Begin the table with other columns."""
    with gzip.open(folder / "compact" / "CVE-2000-1.csv.gz", "wt") as file:
        file.write("time,read\n0,1\n")


def with_a_bad_line(folder: Path) -> None:
    """Put a word where a count belongs."""
    with gzip.open(folder / "compact" / "CVE-2000-1.csv.gz", "at") as file:
        file.write("train,1,1,0,many,1,0\n")


def with_a_plain_table(folder: Path) -> None:
    """Leave the table uncompressed."""
    (folder / "compact" / "CVE-2000-1.csv.gz").write_text("part")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_meta, "there is no such file"),
        (without_table, "CVE-2000-9.csv.gz, which meta.json names; there is no such file"),
        (without_success, "container 1: expected whole numbers 'trigger' and 'success'"),
        (with_late_success, "expected 0 < trigger <= success < 100 test vectors; got 60 and 100"),
        (with_few_times, "'timing_test_index' for each of 3 containers"),
        (with_other_columns, "expected columns part, container, minute, ts_ms first; got time, read"),
        (with_a_bad_line, "line 1382: expected train or test, whole numbers from 0, and 7 columns"),
        (with_a_plain_table, "expected a compressed table with a header"),
    ],
)
def test_a_bad_shil_folder_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], said: str
) -> None:
    """The command says what was expected and what came, and ends with 1."""
    write_shil(tmp_path)
    spoil(tmp_path)

    assert cli.main(["evaluate", "shil", str(tmp_path)]) == 1

    error = capsys.readouterr().err.strip()
    assert error.startswith("nonself: ")
    assert said in error
    assert "\n" not in error


def write_sok(folder: Path, number: str = "2000-1") -> None:
    """Write 70 s of a loop of calls that crosses midnight, with a burst of unknown calls at 60 s."""
    names = ["futex", "read", "write", "switch", "close"]
    burst = ["socket", "connect", "dup2", "execve", "brk", "getuid"]
    with gzip.open(folder / f"cve_{number}_1_syscalls.txt.gz", "wt") as file:
        for place in range(700):
            called = [*burst, "futex"] if place == 600 else [names[place % len(names)]]
            second = (86_370 + place / 10) % 86_400
            clock = f"{int(second // 3600):02}:{int(second % 3600 // 60):02}:{second % 60:012.9f}"
            file.writelines(f"{clock} {name}\n" for name in called)
    (folder / f"CVE-{number}.timing.csv").write_text(f"CVE ID,c1_start,c1_end\nCVE-{number},600,603\n")


def test_sok_shows_the_burst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The window of the exploit is the strangest of the stream."""
    write_sok(tmp_path)
    out = tmp_path / "out.json"

    wanted = ["evaluate", "sok", str(tmp_path), "--window-s", "1", "--learn-s", "50", "--json", str(out)]
    assert cli.main(wanted) == 0

    (stream,) = json.loads(out.read_text())["figures"]["streams"]
    assert stream["windows_learned"] == 50
    assert stream["strongest"]["start_s"] == 60
    assert stream["strongest"]["bits"] > stream["highest_healthy_bits"]
    assert stream["leaves_a_trace"]
    assert "CVE-2000-1, 1" in capsys.readouterr().out


def test_sok_says_which_exploit_leaves_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A forged signature is a true negative of the method, and is called one."""
    write_sok(tmp_path, "2022-21449")

    assert cli.main(["evaluate", "sok", str(tmp_path), "--window-s", "1", "--learn-s", "50"]) == 0

    assert "a true negative of the method" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoiled", "text", "said"),
    [
        (
            "cve_2000-1_1_syscalls.txt.gz",
            "noon read",
            "line 1: expected 'HH:MM:SS.fraction name'; got 'noon read'",
        ),
        ("CVE-2000-1.timing.csv", "CVE ID,c2_start\nx,1\n", "whole numbers in c1_start and c1_end"),
    ],
)
def test_a_bad_sok_folder_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoiled: str, text: str, said: str
) -> None:
    """The command names the file and what was expected."""
    write_sok(tmp_path)
    path = tmp_path / spoiled
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())

    assert cli.main(["evaluate", "sok", str(tmp_path)]) == 1

    assert said in capsys.readouterr().err


def test_a_folder_without_streams_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So is a stream that ends before its exploit."""
    assert cli.main(["evaluate", "sok", str(tmp_path)]) == 1
    assert "found none" in capsys.readouterr().err

    write_sok(tmp_path)
    (tmp_path / "CVE-2000-1.timing.csv").write_text("CVE ID,c1_start,c1_end\nx,9000,9001\n")

    assert cli.main(["evaluate", "sok", str(tmp_path), "--learn-s", "50"]) == 1
    assert "expected windows of the exploit at 900.0 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wanted", [["shil", "x", "--rate", "1"], ["sok", "x", "--window-s", "0"], ["sok", "x", "--learn-s", "-1"]]
)
def test_a_setting_out_of_range_is_wrong_usage(wanted: list[str]) -> None:
    """Exit code 2, before any file is read."""
    assert cli.main(["evaluate", *wanted]) == 2

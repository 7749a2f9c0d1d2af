"""`nonself evaluate sok`: ordered streams of calls of containers, each with one exploit at a stated time.

The folder, or `ordered/` in it, holds `cve_<number>_<container>_syscalls.txt.gz`
(one call per line, `HH:MM:SS.fraction name`) and `CVE-<number>.timing.csv` (start
and end of the exploit per container, counted in tenths of a second).
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from api.errors import DataError
from api.evaluate.report import Curve, Grid, Plot, Report
from api.evaluate.settings import SokSettings
from model.evaluation.streams import Judgement, Moment, Replay, replay
from wire.syscalls import NATIVE_OTHER, load_table

_TENTH_S: Final = 0.1
_BEFORE_S: Final = 2.0
"""In some streams the burst of calls begins up to this long before the stated time."""
_AFTER_S: Final = 5.0
_DAY_S: Final = 86_400
_NOT_A_CALL: Final = "switch"
_STREAM: Final = re.compile(r"cve_(\d+-\d+)_(\d+)_syscalls\.txt\.gz")
_WITHOUT_TRACE: Final = {
    "CVE-2022-21449": "it forges a signature and makes no unusual call: a true negative of the method"
}


def evaluate(paths: Sequence[Path], settings: SokSettings, progress: Progress) -> Report:
    """Evaluate every stream of the folder; see docs/evaluation.md.

    Raises:
        DataError: The folder does not hold what its form says.
    """
    folder = paths[0] / "ordered" if (paths[0] / "ordered").is_dir() else paths[0]
    streams = [
        (path, match) for path in sorted(folder.glob("*.gz")) if (match := _STREAM.fullmatch(path.name))
    ]
    if not streams:
        msg = f"Expected files like cve_2022-0847_1_syscalls.txt.gz in {folder}; found none."
        raise DataError(msg)
    replays: list[tuple[str, int, Replay]] = []
    for path, match in progress.track(streams, description="streams"):
        name, container = f"CVE-{match[1]}", int(match[2])
        moment = _moment(folder / f"{name}.timing.csv", container)
        found = replay(_calls(path), window_s=settings.window_s, learn_s=settings.learn_s, exploit=moment)
        if not found.exploit or not found.healthy:
            msg = (
                f"{path}: expected windows of the exploit at {moment.start_s:.1f} s and healthy ones"
                f" after {settings.learn_s:g} s; got {len(found.exploit)} and {len(found.healthy)}."
            )
            raise DataError(msg)
        replays.append((name, container, found))
    known = [f"{name} leaves no trace in calls: {why}." for name, why in _WITHOUT_TRACE.items()]
    return Report(
        figures={"streams": [_figures(*each) for each in replays]},
        grids=[_grid(replays)],
        plots=[_timeline(*each) for each in replays],
        notes=[note for note in known if any(note.startswith(name) for name, _, _ in replays)],
    )


def _figures(name: str, container: int, found: Replay) -> dict[str, Any]:
    return {
        "vulnerability": name,
        "container": container,
        "leaves_a_trace": name not in _WITHOUT_TRACE,
        "windows_learned": len(found.learned),
        "calls_learned": found.calls_learned,
        "healthy_windows": len(found.healthy),
        "highest_healthy_bits": found.highest_healthy,
        "least_healthy_p_value": found.least_healthy_p,
        "strongest": None if found.strongest is None else asdict(found.strongest),
        "exploit": [asdict(each) for each in found.exploit],
    }


def _grid(replays: Sequence[tuple[str, int, Replay]]) -> Grid:
    return Grid(
        title="Streams: the first part learned, the rest only scored",
        headings=(
            "stream",
            "learned",
            "calls",
            "healthy after",
            "highest healthy",
            "least p, healthy",
            "exploit at",
            "exploit",
            "p",
            "leaves a trace",
        ),
        rows=[_row(*each) for each in replays],
    )


def _row(name: str, container: int, found: Replay) -> tuple[str, ...]:
    top = found.strongest
    return (
        f"{name}, {container}",
        str(len(found.learned)),
        f"{found.calls_learned:,}",
        str(len(found.healthy)),
        _bits(found.highest_healthy),
        _p(found.least_healthy_p),
        "-" if top is None else f"{top.start_s:g} s",
        _bits(None if top is None else top.bits),
        _p(None if top is None else top.p_value),
        "no" if name in _WITHOUT_TRACE else "yes",
    )


def _bits(bits: float | None) -> str:
    return "-" if bits is None else f"{bits:,.0f} bits"


def _p(p_value: float | None) -> str:
    return "-" if p_value is None else f"{p_value:.2g}"


def _timeline(name: str, container: int, found: Replay) -> Plot:
    def curve(label: str, judged: Sequence[Judgement]) -> Curve:
        return Curve(label=label, x=[each.start_s for each in judged], y=[each.bits for each in judged])

    return Plot(
        name=f"sok-{name}-{container}",
        title=f"{name}, container {container}",
        x_label="seconds",
        y_label="score, bits",
        curves=[
            curve("learned", found.learned),
            curve("scored only", found.healthy),
            curve("exploit", found.exploit),
        ],
        marks=[found.exploit[0].start_s],
        log_y=True,
    )


def _moment(path: Path, container: int) -> Moment:
    columns = f"c{container}_start", f"c{container}_end"
    try:
        with path.open(newline="") as lines:
            row = next(csv.DictReader(lines))
        start, end = (int(row[column]) * _TENTH_S for column in columns)
    except FileNotFoundError as error:
        msg = f"Expected {path}, which says when the exploit happens; there is no such file."
        raise DataError(msg) from error
    except (KeyError, StopIteration, TypeError, ValueError) as error:
        msg = f"{path}: expected one row with whole numbers in {' and '.join(columns)}."
        raise DataError(msg) from error
    return Moment(start_s=start, end_s=end, before_s=_BEFORE_S, after_s=_AFTER_S)


def _calls(path: Path) -> Iterator[tuple[float, int]]:
    """Yield seconds from the first call, and token, of each call of a stream."""
    token = {name: number + 1 for number, name in load_table("x86_64").native.items()}
    first: float | None = None
    try:
        with gzip.open(path, "rt") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    clock, name = line.split()
                    hours, minutes, seconds = clock.split(":")
                    at = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
                except ValueError as error:
                    msg = f"{path}, line {number}: expected 'HH:MM:SS.fraction name'; got {line[:60]!r}."
                    raise DataError(msg) from error
                if name != _NOT_A_CALL:
                    first = at if first is None else first
                    # A recording may run past midnight; calls of two processors may be slightly out of order.
                    passed = at - first + (_DAY_S if at - first < -_DAY_S / 2 else 0)
                    yield passed, token.get(name, NATIVE_OTHER)
    except (EOFError, UnicodeDecodeError, zlib.error, gzip.BadGzipFile) as error:
        msg = f"{path}: expected compressed text; {error}."
        raise DataError(msg) from error

"""`nonself evaluate recording` on recordings made by code: a server, its replicas, and shells in it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from api import cli
from api.evaluate.slots import Progressed, add, read
from tests.service import a_container, a_delta
from tests.unit.model.workloads import CAT, SERVER, SHELL, Server, sequence, together, tokens
from wire.ngram import pack
from wire.profile import AgentStatus, Batch, LossCause, Mark, ProfileDelta
from wire.recording import RecordingWriter

START = 1_790_000_000_000
SECOND = 1000
INTRUSION = sequence(tokens(SHELL + " " + CAT), injected=True)
PODS = ("web-0", "web-1")


def delta(second: int, pod: str, counts: Mapping[int, int], *, width_s: int = 1) -> ProfileDelta:
    """Return one window of one pod."""
    start = START + second * SECOND
    container = a_container(id=pod, pod=pod, pod_uid=f"uid-{pod}", name="web", namespace="shop")
    return a_delta(0, counts, container=container, start=start, end=start + width_s * SECOND)


def record(
    path: Path, windows: Sequence[Sequence[ProfileDelta]], *, width_s: int = 1, since: int = START
) -> Path:
    """Write a recording with one batch for each window."""
    path.parent.mkdir(exist_ok=True)
    writer = RecordingWriter(path)
    for number, deltas in enumerate(windows, 1):
        writer.write(
            Batch(
                node="node-a",
                boot_id="boot-1",
                sent_at=since + number * width_s * SECOND,
                agent=AgentStatus(version="0.1.0", window_s=width_s, started_at=since),
                deltas=tuple(deltas),
            )
        )
    writer.close()
    return path


def serve(
    seconds: int, seed: int = 1, *, intruded: Mapping[int, str] | None = None
) -> list[list[ProfileDelta]]:
    """Return the windows of two replicas; in some seconds there is a shell in one of them."""
    server = Server(seed, starts=0.3)
    return [
        [
            delta(
                second,
                pod,
                together(server.counts(40), INTRUSION)
                if (intruded or {}).get(second) == pod
                else server.counts(40),
            )
            for pod in PODS
        ]
        for second in range(seconds)
    ]


def write_events(folder: Path, *seconds: int, pod: str = "web-0", **changed: object) -> None:
    """Write events beside a recording."""
    lines = [
        {
            "start": START + second * SECOND + 300,
            "end": START + second * SECOND + 500,
            "kind": "intrusion",
            "name": "shell",
            "namespace": "shop",
            "pod": pod,
            "pod_uid": f"uid-{pod}",
            "delivery": "exec",
            **changed,
        }
        for second in seconds
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def evaluate(out: Path, *arguments: object) -> dict:
    """Run the command and return its figures."""
    assert cli.main(["evaluate", "recording", *map(str, arguments), "--json", str(out)]) == 0
    return json.loads(out.read_text())["figures"]


def test_one_recording_is_learned_in_part_and_judged_in_part(tmp_path, capsys):
    """Half is learned; a shell in one replica is raised in its window; healthy windows are counted apart."""
    path = record(tmp_path / "a" / "r", serve(600, intruded={500: "web-0"}))
    write_events(tmp_path / "a", 500)

    found = evaluate(
        tmp_path / "out.json",
        path,
        "--window-s",
        1,
        "--budget-per-week",
        "1000",
        "--plots",
        tmp_path / "plots",
    )

    (budget,) = found["budgets"]
    learned, judged = budget["learned"]["workloads"]["shop/web"], budget["judged"]
    # One of the first windows may be held out for good; the first 300 s have 600 windows of two replicas.
    assert 590 <= learned["windows"] + learned["held_out"] <= 600
    healthy = judged["workloads"]["shop/web"]
    assert healthy["windows"] == 2 * 300 - 3
    assert 0 <= learned["completeness"]["low"] <= learned["completeness"]["high"] <= 1
    assert healthy["unseen_covered"] is not None
    (shell,) = judged["intrusions"]["each"]
    assert shell["raised"]
    assert shell["seconds_to_finding"] == pytest.approx(0.7)
    assert shell["methods"]["allow-list of 6-grams"]
    assert all(each["injected"] for each in shell["contributions"])
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {
        "recording-0-shop-web.png",
        "recording-calibration.png",
    }
    printed = capsys.readouterr().out
    assert "Intrusions raised within two windows at 1000 a week" in printed
    assert "rates per week are extrapolated" in printed


def test_other_recordings_are_judged_as_if_they_followed_what_was_learned(tmp_path):
    """Even where one was made earlier: its windows and events are moved, and count as replicas always did."""
    first = record(tmp_path / "a" / "r", serve(400))
    earlier = serve(60, seed=2, intruded={30: "web-1"})
    back = 86_400 * SECOND
    moved = [
        [replace(each, start=each.start - back, end=each.end - back) for each in window] for window in earlier
    ]
    second = record(tmp_path / "b" / "r", moved, since=START - back)
    write_events(tmp_path / "b", 30, pod="web-1", start=START - back + 30_300, end=START - back + 30_500)

    found = evaluate(
        tmp_path / "out.json", first, second, "--window-s", 1, "--learn-share", 1, "--budget-per-week", 1000
    )

    (budget,) = found["budgets"]
    assert budget["judged"]["intrusions"]["all"]["raised"]["nonself"] == 1
    assert found["recordings"][1]["moved_by_ms"] == back + 400 * SECOND
    assert budget["judged"]["workloads"]["shop/web"]["windows"] == 2 * 60 - 3


def test_what_cannot_be_judged_is_not_counted_but_said(tmp_path, capsys):
    """An intrusion into a pod that was not recorded, and one that had no effect."""
    path = record(tmp_path / "a" / "r", serve(200))
    write_events(tmp_path / "a", 150, pod="db-0")
    lost = (tmp_path / "a" / "events.jsonl").read_text()
    write_events(tmp_path / "a", 160, ok=False)
    (tmp_path / "a" / "events.jsonl").write_text(lost + (tmp_path / "a" / "events.jsonl").read_text())

    found = evaluate(tmp_path / "out.json", path, "--window-s", 1, "--budget-per-week", 1)

    intrusions = found["budgets"][0]["judged"]["intrusions"]
    assert (intrusions["all"]["intrusions"], intrusions["not_recorded"], intrusions["without_effect"]) == (
        0,
        1,
        1,
    )
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 intrusions were into pods that were not recorded" in printed
    assert "1 intrusions had no effect" in printed


def test_without_events_everything_is_healthy(tmp_path, capsys):
    """No event file is needed; then nothing is said of intrusions."""
    path = record(tmp_path / "a" / "r", serve(200))

    found = evaluate(tmp_path / "out.json", path, "--window-s", 1)

    assert [each["per_week"] for each in found["budgets"]] == [7.0, 1.0]
    assert found["budgets"][0]["judged"]["intrusions"]["each"] == []
    assert "Intrusions" not in capsys.readouterr().out


def test_the_alerts_counted_are_those_of_the_service(tmp_path):
    """Findings of strangers that nobody announced are grouped as the service groups them."""
    strange = {400: "web-0", 401: "web-0", 450: "web-1"}
    path = record(tmp_path / "a" / "r", serve(600, intruded=strange))

    found = evaluate(tmp_path / "out.json", path, "--window-s", 1, "--budget-per-week", 1000)

    web = found["budgets"][0]["judged"]["workloads"]["shop/web"]
    ours = web["methods"]["nonself"]
    assert ours["findings"]["count"] == len(web["findings"]) >= 3
    assert ours["alerts"]["count"] == web["opened_by_service"] == 1


def test_a_release_that_changes_a_workload_is_drift_in_the_report(tmp_path, capsys):
    """Other paths than those learned, for minutes: said to drift, when it was reported, and that it lasts."""
    changed = Server(3, paths=SERVER[4:])
    windows = serve(200) + [[delta(second, "web-0", changed.counts(40))] for second in range(200, 400)]
    path = record(tmp_path / "a" / "r", windows)

    found = evaluate(tmp_path / "out.json", path, "--window-s", 1, "--budget-per-week", 1)

    (drift,) = found["budgets"][0]["judged"]["drifts"]
    assert drift["workload"] == "shop/web"
    # A low p-value just before may have begun it.
    assert START + 190 * SECOND <= drift["since"] <= START + 220 * SECOND
    assert drift["since"] < drift["reported"] <= START + 400 * SECOND
    assert drift["ended"] is None
    assert "to the end" in capsys.readouterr().out


def test_a_recording_cut_off_is_evaluated_and_named(tmp_path, capsys):
    """A torn end is said, not refused."""
    path = record(tmp_path / "a" / "r", serve(200))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 10)

    found = evaluate(tmp_path / "out.json", path, "--window-s", 1, "--budget-per-week", 1)

    assert found["recordings"][0]["cut_off"]
    assert "was cut off; it was read up to its last complete record" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--window-s", "0"], "window_s: expected a whole number from 1"),
        (["--learn-share", "0"], "learn_share: expected a share above 0"),
        (["--budget-per-week", "7,often"], "budget_per_week: expected numbers above 0, with commas"),
        (["--budget-per-week", "0"], "budget_per_week: expected numbers above 0"),
        (["--window-s", "3"], "expected --window-s to be a whole multiple of 2; got 3"),
        (["--events", "/nowhere"], "/nowhere"),
    ],
)
def test_a_wrong_option_is_one_sentence(tmp_path, options, said, capsys):
    """It names what was expected and what came."""
    windows = [[delta(2 * place, "web-0", {7: 1}, width_s=2)] for place in range(4)]
    path = record(tmp_path / "a" / "r", windows, width_s=2)

    assert cli.main(["evaluate", "recording", str(path), *options]) != 0
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "line", ["7", "{", '{"start": 1}', '{"start": "soon", "end": 1, "kind": "", "name": ""}']
)
def test_a_line_that_is_no_event_is_named(tmp_path, line, capsys):
    """File, line, what was expected and what came."""
    path = record(tmp_path / "a" / "r", [[delta(place, "web-0", {7: 1})] for place in range(20)])
    (tmp_path / "a" / "events.jsonl").write_text(line)

    assert cli.main(["evaluate", "recording", str(path)]) != 0
    assert "events.jsonl, line 1: expected an object with start, end, kind" in capsys.readouterr().err


@pytest.mark.parametrize("deltas", [[], [[], []]])
def test_a_recording_without_windows_is_refused(tmp_path, deltas, capsys):
    """Neither no batch nor batches without containers can be learned."""
    path = tmp_path / "a" / "r"
    record(path, deltas)
    if not deltas:
        assert not path.exists()
        RecordingWriter(path)._file.close()

    assert cli.main(["evaluate", "recording", str(path)]) != 0
    assert "xpected" in capsys.readouterr().err


def test_shorter_windows_are_summed_to_longer_ones(tmp_path):
    """A slot is one window for each container; the last, of which half was recorded, is partial."""
    windows = [[delta(second, pod, {7: 1, 9 + second: 2}) for pod in PODS] for second in range(25)]
    path = record(tmp_path / "r", windows)

    batches = list(read(path, 10_000, Progressed()))

    assert [len(batch.deltas) for batch in batches] == [2, 2, 2]
    first = batches[0].deltas[0]
    assert (first.start, first.end) == (START, START + 10_000)
    assert (first.ngrams, first.counts) == ((7, *range(9, 19)), (10, *[2] * 10))
    assert [Mark.PARTIAL in batch.deltas[0].marks for batch in batches] == [False, False, True]
    assert batches[1].sent_at == START + 20_000


def test_the_slot_in_which_an_agent_began_is_partial(tmp_path):
    """What came before it nobody saw."""
    windows = [[delta(second, "web-0", {7: 1})] for second in range(5, 25)]
    path = record(tmp_path / "r", windows, since=START + 5000)

    batches = list(read(path, 10_000, Progressed()))

    assert [Mark.PARTIAL in batch.deltas[0].marks for batch in batches] == [True, False, True]


counted = st.dictionaries(st.integers(1, 40), st.integers(1, 5), min_size=1, max_size=8)


@given(st.lists(counted, min_size=1, max_size=6), st.integers(0, 3))
@settings(max_examples=50)
def test_a_sum_of_windows_holds_every_call_once(parts, lost):
    """Counts and losses add up, n-grams are distinct and ascending, a late name wins, an end is kept."""
    deltas = [
        replace(delta(second, "web-0", counts), lost={LossCause.QUOTA: lost} if lost else {})
        for second, counts in enumerate(parts)
    ]
    deltas[0] = replace(deltas[0], marks=frozenset({Mark.UNIDENTIFIED}), ended=lost > 0)

    summed = add(deltas, START, 10_000)

    assert dict(zip(summed.ngrams, summed.counts, strict=True)) == together(*parts)
    assert list(summed.ngrams) == sorted(set(summed.ngrams))
    assert sum(summed.lost.values()) == lost * len(parts)
    assert summed.ended == (lost > 0)
    assert (Mark.UNIDENTIFIED in summed.marks) == (len(deltas) == 1)


def test_a_call_that_was_never_learned_is_refused_by_both_lists(tmp_path):
    """Whose child made it, the lists do not know."""
    calm = [[delta(second, "web-0", {pack([1]): 9, pack([1, 2]): 9})] for second in range(80)]
    calm[70] = [delta(70, "web-0", {pack([1]): 9, pack([1, 2]): 9, pack([1, 2, 43]): 1})]
    calm[75] = [delta(75, "web-0", {pack([1]): 9, pack([1], injected=True): 1})]
    path = record(tmp_path / "r", calm)

    found = evaluate(tmp_path / "out.json", path, "--window-s", 1, "--budget-per-week", 1)

    methods = found["budgets"][0]["judged"]["workloads"]["shop/web"]["methods"]
    assert methods["allow-list of calls"]["findings"]["count"] == 1
    assert methods["allow-list of 6-grams"]["findings"]["count"] == 1

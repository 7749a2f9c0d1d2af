"""What-if on recordings, and its grouping beside that of the worker."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from sqlalchemy import select

from api import cli
from api.db.store import Store
from api.db.tables import WorkloadRow
from api.tokens.service import Role
from api.what_if.grouping import Finding, group
from api.worker.grouping import AlertBook
from tests.databases import Database
from tests.rows import add_workloads
from tests.service import NOW_MS, FakeClock, Service, serving
from tests.unit.api.test_evaluate_recording import INTRUSION, START, delta, record, serve
from tests.unit.model.workloads import together
from wire.profile import ProfileDelta
from wire.recording import RecordingReader

GAP_S = 5
LEARNED, SECONDS = 200, 300
INTRUDED = {230: "web-0", 231: "web-0", 290: "web-1"}
GOLDEN = Path(__file__).parents[2] / "golden" / "learned"


@settings(max_examples=40)
@given(
    starts=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 10)), max_size=25),
    together_s=st.integers(1, 25),
)
def test_findings_are_grouped_as_the_worker_groups_them(
    database: Database, starts: list[tuple[int, int]], together_s: int
) -> None:
    """In whatever order windows came, and however many were handled in one transaction."""
    findings = [
        Finding(at, 1, NOW_MS + start * 1000, NOW_MS + (start + length) * 1000, 0.001, 9.0)
        for at, (start, length) in enumerate(starts)
    ]
    with tempfile.TemporaryDirectory() as folder, database.fresh(Path(folder)) as url:
        store = Store(url or f"sqlite:///{folder}/nonself.db")
        with store.write() as session:
            add_workloads(session, 1)
        alerts: dict[int, list[int]] = {}
        for first in range(0, len(findings), together_s):
            with store.write() as session, session.no_autoflush:
                book = AlertBook(session, gap_s=GAP_S, now_ms=NOW_MS)
                workload = session.scalars(select(WorkloadRow)).one()
                for each in findings[first : first + together_s]:
                    score = {
                        "start": each.start,
                        "end": each.end,
                        "p_value": each.p_value,
                        "score": each.score,
                        "contributions": [],
                    }
                    alerts.setdefault(book.enter(workload, score, "x86_64").id, []).append(each.id)
        store.close()

    groups = group(findings, gap_ms=GAP_S * 1000)

    assert [[each.id for each in found.findings] for found in groups] == [
        alerts[each] for each in sorted(alerts)
    ]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, database: Database):
    """A service that learned two replicas for 200 s and is enforced, with a coarse budget."""
    with serving(tmp_path_factory.mktemp("learned"), database, window_s=1, alert_gap_s=GAP_S) as service:
        clock = service.core.clock
        assert isinstance(clock, FakeClock)
        clock.at_ms = START + SECONDS * 1000
        windows = serve(LEARNED)
        for first in range(0, LEARNED, 20):
            send(service, [each for window in windows[first : first + 20] for each in window])
        service.put("/v1/workloads/1/budget", {"budget_per_week": 2000})
        service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert"})
        yield service


def send(service: Service, deltas: list[ProfileDelta]) -> None:
    """Send windows as an agent does, and score them."""
    answer = service.send(*deltas)
    assert answer.status_code == 200, answer.text
    service.worker.drain()


def since(second: int) -> int:
    """Return when a recording began that many seconds after what was learned."""
    return START + (LEARNED + second) * 1000


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What came after that: a shell in one replica, and later in the other."""
    windows = serve(SECONDS, intruded=INTRUDED)[LEARNED:]
    return record(tmp_path_factory.mktemp("recorded") / "later.jsonl.gz", windows, since=since(0))


@pytest.fixture
def options(learned: Service, tmp_path: Path) -> list[str]:
    """Where the service answers."""
    token = tmp_path / "my-token"
    token.write_text(learned.secrets[Role.READ])
    return [f"--url={learned.url}", f"--token-file={token}"]


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    """Return the answer of a command."""
    assert cli.main(["workload", "what-if", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_recording_raises_what_the_service_would_have_raised(
    learned: Service, recording: Path, options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The alerts of the answer are those that the same windows raise in the service, to the last digit."""
    answer = ask(capsys, "shop/web", "--recording", recording, *options)
    file = tmp_path / "web.json"
    assert cli.main(["workload", "snapshot", "shop/web", "--out", str(file), *options]) == 0
    assert str(file) in capsys.readouterr().out
    alone = ask(capsys, "web", "--baseline", file, "--recording", recording)
    finer = ask(capsys, "web", "--baseline", file, "--recording", recording, "--budget", "0.001")
    assert cli.main(["workload", "what-if", "web", "--recording", str(recording), *options]) == 0
    shown = capsys.readouterr().out
    before = len(learned.get("/v1/alerts").json()["items"])
    with RecordingReader(recording) as reader:
        send(learned, [each for batch in reader for each in batch.deltas])
    real = learned.get("/v1/alerts").json()["items"][before:]

    keys = ("start", "end", "findings", "p_value", "score")
    assert len(real) >= 2
    assert [[each[key] for key in keys] for each in answer["alerts"]] == [
        [each[key] for key in keys] for each in real
    ]
    assert answer["exact"]
    assert (answer["windows"], answer["budget_per_week"]) == (200, 2000)
    assert {name for each in answer["alerts"] for name in each["containers"]} == {"web-0", "web-1"}
    assert alone == answer
    assert finer["would_be"]["alerts"] < answer["would_be"]["alerts"]
    assert f"would have raised {len(real)} alerts" in shown


def test_several_recordings_follow_each_other(
    recording: Path, options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In whatever order they are named; those that overlap are refused."""
    windows = serve(SECONDS, intruded=INTRUDED)[LEARNED:]
    parts = [record(tmp_path / f"{at}.gz", windows[at : at + 50], since=since(at)) for at in (0, 50)]

    both = ask(capsys, "web", "--recording", parts[1], parts[0], *options)

    assert both == ask(capsys, "web", "--recording", recording, *options)
    assert (
        cli.main(["workload", "what-if", "web", "--recording", str(recording), str(parts[0]), *options]) == 1
    )
    assert "The recordings cannot be judged together" in capsys.readouterr().err


def test_windows_of_other_workloads_are_left_out(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A recording of a whole node is fine; under another name the workload is named with --recorded-as."""
    windows = [
        [*(delta(at, pod, together(INTRUSION)) for pod in ("db-0",)), *each]
        for at, each in enumerate(serve(SECONDS, intruded=INTRUDED)[LEARNED:], LEARNED)
    ]
    path = record(tmp_path / "node.gz", windows, since=since(0))

    answer = ask(capsys, "web", "--recording", path, *options)
    other = ask(capsys, "web", "--recording", path, "--recorded-as", "db", *options)

    assert answer["windows"] == 200
    assert (other["windows"], other["would_be"]["findings"]) == (100, 100)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--recorded-as", "till"], "Expected recorded windows of 'till'; the recordings hold shop/web."),
        (["--since", "1d"], "--since and --until: expected neither with --recording"),
        (["--baseline", "{recording}"], "expected a file of 'nonself workload snapshot'; got another"),
        (["--baseline", "/nowhere/at/all"], "The file /nowhere/at/all cannot be read"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    recording: Path,
    options: list[str],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
) -> None:
    """It names what was expected and what came."""
    given_ = [each.format(recording=recording) for each in arguments]

    assert cli.main(["workload", "what-if", "web", "--recording", str(recording), *given_, *options]) == 1
    assert expected in capsys.readouterr().err


def test_a_baseline_alone_judges_nothing(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Stored windows have the p-values of their own time."""
    assert cli.main(["workload", "what-if", "web", "--baseline", "x.json", *options]) == 1
    assert "--baseline: expected --recording with it" in capsys.readouterr().err


def test_a_snapshot_of_every_version_is_readable_for_ever(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stored file judges a recording without any service; its baseline learned the fixture's 200 s."""
    windows = serve(SECONDS, intruded=INTRUDED)[LEARNED:]
    path = record(tmp_path / "later.gz", windows, since=since(0))

    answer = ask(capsys, "web", "--baseline", GOLDEN / "learned-v1.json", "--recording", path)

    assert answer["windows"] == 200
    assert answer["would_be"]["alerts"] >= 2

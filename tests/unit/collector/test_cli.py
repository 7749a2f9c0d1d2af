"""nonself-agent: every wrong use and every lack is one sentence and an exit code."""

import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from collector import check, cli, options, stopping
from collector.check import Finding
from collector.errors import SettingsError
from collector.logs import configure
from collector.printer import Printer
from collector.profiles import to_delta
from collector.sensor import requirements
from collector.settings import AgentSettings
from collector.spool import Spool
from tests.receiver import TOKEN
from tests.unit.collector.fakes import container
from tests.unit.collector.test_profiles import ORIGIN, WHOLE, counts
from wire.ngram import INJECTED, pack
from wire.profile import AgentStatus, Batch, LossCause
from wire.syscalls import load_table


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """Undo what the command did to the log lines of this process."""
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": "ftp://host"}, "--url takes http"),
        ({"url": "nonsense"}, "--url takes http"),
        ({"window_s": 0.5}, "--window-s takes 1 to 3600 seconds; got 0.5"),
        ({"window_s": float("nan")}, "--window-s"),
        ({"spool_bytes": 10}, "--spool-bytes takes at least"),
        ({"ca_file": "/nowhere.pem"}, "--ca-file takes a file"),
        ({"log_format": "xml"}, "--log-format"),
        ({"log_level": "loud"}, "--log-level"),
    ],
)
def test_a_setting_that_means_nothing_is_named(wrong, said):
    """The message names the option, what it takes and what came."""
    with pytest.raises(SettingsError, match=said):
        AgentSettings(**wrong)


def test_wrong_use_ends_with_2(capsys):
    """A bad option and a bad variable each give one line on stderr."""
    assert cli.main(["run", "--window-s", "0"]) == cli.USAGE
    assert capsys.readouterr().err == "nonself-agent: --window-s takes 1 to 3600 seconds; got 0.0.\n"


def test_a_bad_variable_is_named(capsys, monkeypatch):
    """The environment is checked like the command line."""
    monkeypatch.setenv("NONSELF_AGENT_WINDOW_S", "soon")

    assert cli.main(["run"]) == cli.USAGE
    assert "NONSELF_AGENT_WINDOW_S: expected number; got 'soon'." in capsys.readouterr().err


def test_a_missing_token_is_one_sentence(capsys, tmp_path):
    """An agent without a token cannot run: exit code 1, and the option that helps."""
    code = cli.main(["run", "--token-file", str(tmp_path / "none"), "--state-dir", str(tmp_path)])

    assert code == cli.CANNOT_RUN
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--token-file" in error


def test_a_check_and_a_run_agree_on_the_token(capsys, monkeypatch, tmp_path):
    """Where `run` refuses for want of a token so does `check`, in the same words; a dry run needs none."""
    monkeypatch.setattr(requirements, "requirements", list)
    options = ["--token-file", str(tmp_path / "none"), "--state-dir", str(tmp_path)]
    refused = cli.main(["run", *options])
    said = capsys.readouterr().err.removeprefix("nonself-agent: ").strip()

    checked = cli.main(["check", "--json", *options])
    report = json.loads(capsys.readouterr().out)
    cli.main(["check", "--json", "--dry-run", *options])
    dry = json.loads(capsys.readouterr().out)

    assert refused == checked == cli.CANNOT_RUN
    (token,) = (each for each in report["requirements"] if each["name"] == "token")
    assert (token["ok"], token["required"], token["detail"]) == (False, True, said)
    assert not any(each["name"] == "token" for each in dry["requirements"])


def test_a_second_agent_is_told_of_the_first(capsys, tmp_path):
    """Two agents on one state folder: the second says so and ends."""
    (tmp_path / "token").write_text(TOKEN)
    first = Spool(tmp_path / "spool", 1 << 20)

    code = cli.main(["run", "--token-file", str(tmp_path / "token"), "--state-dir", str(tmp_path)])

    assert code == cli.CANNOT_RUN
    assert "Another agent uses the folder" in capsys.readouterr().err
    first.close()


def test_help_teaches_by_examples(capsys):
    """`--help` shows whole commands; `run --help` every setting once, those that two parts share included."""
    for arguments in (["--help"], ["run", "--help"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 0
        assert "nonself-agent run --dry-run" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    assert capsys.readouterr().out.count("  --host-services") == 1


def test_one_option_reaches_both_parts_that_share_it():
    """`--host-services` switches sensor and identity together."""
    given = options.parser().parse_args(["run", "--host-services", "--url", "http://service:1"])
    settings = cli._settings(given)

    assert settings.sensor.host_services
    assert settings.identity.host_services
    assert settings.agent.url == "http://service:1"


def test_version_is_printed(capsys):
    """`version` prints one word."""
    assert cli.main(["version"]) == 0
    assert len(capsys.readouterr().out.split()) == 1


def test_signals_stop_the_agent_and_leave_no_trace():
    """SIGTERM calls `stop` from a thread; afterwards the handlers are those from before."""
    before = signal.getsignal(signal.SIGTERM)
    stopped = threading.Event()

    with stopping.stopped_by_signals(stopped.set):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.wait(10)

    assert signal.getsignal(signal.SIGTERM) is before


def test_a_thread_that_fails_ends_the_agent():
    """An error in any thread stops the whole agent and is logged: a part of it would deceive."""
    stopped = threading.Event()
    before = threading.excepthook

    with structlog.testing.capture_logs() as logs, stopping.stopped_by_failures(stopped.set) as failed:
        failing = threading.Thread(target=lambda: 1 // 0, name="uplink")
        failing.start()
        failing.join(10)

    assert stopped.is_set()
    assert failed.is_set()
    assert (logs[0]["event"], logs[0]["thread"]) == ("thread_failed", "uplink")
    assert threading.excepthook is before


def test_the_reference_is_what_the_settings_declare(capsys):
    """`docs/agent-settings.md` is the output of `nonself-agent reference`."""
    assert cli.main(["reference"]) == 0

    written = (Path(__file__).parents[3] / "docs" / "agent-settings.md").read_text()
    assert capsys.readouterr().out == written, "run: nonself-agent reference > docs/agent-settings.md"


def test_a_check_names_each_lack_with_its_cure(tmp_path):
    """Token, state folder and runtime have a line each; only what is required decides."""
    settings = AgentSettings(token_file=tmp_path / "token", state_dir=tmp_path / "a" / "b")
    findings = [*check.check_delivery(settings), check.check_runtimes([str(tmp_path / "none.sock")])]

    assert [each.ok for each in findings] == [False, True, False]
    assert not check.can_run(findings)
    (tmp_path / "token").write_text(TOKEN)
    findings = [*check.check_delivery(settings), *findings[2:]]
    assert check.can_run(findings)
    assert not check.can_run([*findings, Finding("BTF", ok=False, detail="Boot another kernel.")])
    table = check.as_table([*findings, Finding("BTF", ok=False, detail="Boot another kernel.")])
    assert "BTF                MISSING  Boot another kernel." in table
    parsed = json.loads(check.as_json(findings))
    assert parsed["can_run"] is True
    assert parsed["requirements"][0]["name"] == "token"


def test_a_state_folder_that_cannot_be_is_told(tmp_path):
    """A folder that cannot be made is seen without writing to it, and the option that helps is named."""
    (tmp_path / "file").write_text("no folder")
    state = check.check_delivery(AgentSettings(state_dir=tmp_path / "file" / "state"))[1]

    assert not state.ok
    assert "--state-dir" in state.detail


def printed(as_json: bool) -> str:  # noqa: FBT001 - a test's parameter
    """Return what a dry run prints of one profile and of an empty window."""
    table = load_table("x86_64")
    ngram = pack([table.token("socket"), table.token("connect")])
    delta = to_delta(
        ORIGIN, WHOLE, container("web"), [counts(1, {ngram: 5, ngram | INJECTED: 1}, {LossCause.QUOTA: 2})]
    )
    out = io.StringIO()
    printer = Printer(out, as_json=as_json)
    for deltas in ((delta,), ()):
        batch = Batch(
            node="n", boot_id="b", sent_at=1, agent=AgentStatus(version="0", window_s=10), deltas=deltas
        )
        printer.put(batch)
    return out.getvalue()


def test_a_dry_run_shows_calls_by_name():
    """People read names, counts and losses; a window without calls says so."""
    text = printed(as_json=False)

    assert "6 calls, 2 n-grams, lost: 2 quota" in text
    assert "          5  socket connect\n" in text
    assert "          1  injected: socket connect\n" in text
    assert "no calls in this window" in text


def test_a_dry_run_prints_json_for_scripts():
    """One object for each profile, nothing for an empty window."""
    (line,) = printed(as_json=True).splitlines()

    assert json.loads(line)["ngrams"] == [
        {"calls": ["socket", "connect"], "count": 5, "injected": False},
        {"calls": ["socket", "connect"], "count": 1, "injected": True},
    ]


def test_log_lines_are_json_where_nobody_watches(capsys):
    """Events go to stderr as JSON with level and time; those below the level do not."""
    configure("json", "info")
    log = structlog.get_logger()
    log.debug("quiet")
    log.info("agent_started", node="a")

    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line) | {"timestamp": ""} == {
        "event": "agent_started",
        "node": "a",
        "level": "info",
        "timestamp": "",
    }

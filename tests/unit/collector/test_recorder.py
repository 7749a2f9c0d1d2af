"""`nonself-agent record`: which batches are kept, and every wrong use in one sentence."""

import pytest

from collector import cli
from collector.errors import RequirementError
from collector.profiles import to_delta
from collector.recorder import Recorder
from collector.status import Waiting
from tests.unit.collector.fakes import container
from tests.unit.collector.test_profiles import ORIGIN, WHOLE, counts
from wire.profile import AgentStatus, Batch
from wire.recording import RecordingReader, RecordingWriter


def batch(*apps: str) -> Batch:
    """Return a batch with one delta for each container of a name, which is its label `app` too."""
    deltas = tuple(
        to_delta(ORIGIN, WHOLE, container(app, labels={"app": app}), [counts(1, {7: 1})]) for app in apps
    )
    agent = AgentStatus(version="0", window_s=10)
    return Batch(node=ORIGIN.node, boot_id=ORIGIN.boot_id, sent_at=1, agent=agent, deltas=deltas)


@pytest.mark.parametrize(
    ("label", "kept"), [(None, ["a", "b"]), (("app", "b"), ["b"]), (("app", ""), []), (("tier", "b"), [])]
)
def test_a_label_chooses_containers(tmp_path, label, kept):
    """Those that carry it are kept; a batch in which nothing is left still says that the agent lives."""
    path = tmp_path / "r"
    recorder = Recorder(RecordingWriter(path), label)
    recorder.put(batch("a", "b"))
    recorder.put(batch())
    assert recorder.waiting() == Waiting()
    recorder.close()

    with RecordingReader(path) as reader:
        first, second = reader
    assert [delta.container.labels["app"] for delta in first.deltas] == kept
    assert second.deltas == ()


@pytest.mark.parametrize("label", ["app", "=web", ""])
def test_a_label_without_key_or_value_is_refused(tmp_path, label, capsys):
    """The message says what is taken and what came, and no file is made."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["record", "--out", str(tmp_path / "r"), "--label", label])
    assert ended.value.code == cli.USAGE
    assert f"expected KEY=VALUE; got {label}." in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_an_existing_file_is_left_alone(tmp_path, capsys):
    """One sentence with both ways out, exit code 2, and the file as it was."""
    path = tmp_path / "r"
    path.write_text("mine")

    assert cli.main(["record", "--out", str(path)]) == cli.USAGE
    assert "exists already; give another name, or --append" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_what_is_no_recording_is_not_appended_to(tmp_path, capsys):
    """One sentence, exit code 1, and the file as it was."""
    path = tmp_path / "r"
    path.write_text("mine")

    assert cli.main(["record", "--out", str(path), "--append"]) == cli.CANNOT_RUN
    assert "is not a recording" in capsys.readouterr().err
    assert path.read_text() == "mine"


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_a_length_that_means_nothing_is_refused(tmp_path, seconds, capsys):
    """Argparse names the option and ends with 2."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["record", "--out", str(tmp_path / "r"), "--seconds", seconds])
    assert ended.value.code == cli.USAGE
    assert "--seconds" in capsys.readouterr().err


def test_where_the_sensor_cannot_run_no_file_is_left(tmp_path, monkeypatch, capsys):
    """The lack is one sentence, and the same command works once it is cured."""

    def lacking(_settings: object) -> object:
        msg = "No root; run it as root."
        raise RequirementError(msg)

    monkeypatch.setattr("collector.assemble.open_sensor", lacking)
    monkeypatch.setattr("collector.sensor.requirements.requirements", list)
    path = tmp_path / "r"

    assert cli.main(["record", "--out", str(path), "--log-format", "json"]) == cli.CANNOT_RUN
    assert "No root; run it as root." in capsys.readouterr().err
    assert not path.exists()


def test_the_header_is_there_at_once(tmp_path):
    """A reader that comes before the first window finds a recording without batches."""
    recorder = Recorder(RecordingWriter(tmp_path / "r"))
    with RecordingReader(tmp_path / "r") as reader:
        assert list(reader) == []
    recorder.close()


def test_a_file_that_cannot_be_made_is_one_sentence(tmp_path, capsys):
    """It names the file, without Python's number of the error."""
    path = tmp_path / "none" / "r"

    assert cli.main(["record", "--out", str(path)]) == cli.CANNOT_RUN
    said = f"nonself-agent: The file {path} cannot be used: No such file or directory.\n"
    assert capsys.readouterr().err.endswith(said)

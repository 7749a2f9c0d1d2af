"""Recordings: what is written is read, however the writer ended, and nothing else is taken for one."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st

from tests.strategies import batches
from wire.errors import FieldError, MalformedError, VersionError
from wire.profile import AgentStatus, Batch
from wire.recording import FORMAT, RecordingReader, RecordingWriter, span

BATCH = Batch(node="a", boot_id="b", sent_at=5000, agent=AgentStatus(version="0", window_s=1))


def record(path: Path, *some: Batch, append: bool = False) -> None:
    """Write a recording of some batches."""
    writer = RecordingWriter(path, append=append)
    for batch in some:
        writer.write(batch)
    writer.close()


def read(path: Path) -> tuple[list[Batch], bool]:
    """Return the batches of a recording, and whether it was cut off."""
    with RecordingReader(path) as reader:
        return list(reader), reader.cut_off


@given(st.lists(batches(), min_size=1, max_size=3))
@settings(max_examples=25)
def test_what_is_written_is_read(some):
    """Every batch comes back, in order."""
    with TemporaryDirectory() as folder:
        record(Path(folder) / "r", *some)
        assert read(Path(folder) / "r") == (some, False)


@given(st.data())
@settings(max_examples=25)
def test_a_recording_cut_off_anywhere_reads_up_to_its_last_complete_batch(data):
    """As kill -9 or a full disk leaves it: a prefix of the batches, and the reader says there was more."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "r"
        some = [replace(BATCH, sent_at=number) for number in range(4)]
        ends = []
        writer = RecordingWriter(path)
        head = path.stat().st_size
        for batch in some:
            writer.write(batch)
            ends.append(path.stat().st_size)
        writer.close()
        size = data.draw(st.integers(head, ends[-1]))
        with path.open("r+b") as file:
            file.truncate(size)

        complete = sum(end <= size for end in ends)
        assert read(path) == (some[:complete], size not in {head, *ends})


def test_what_was_written_is_there_before_the_file_is_closed(tmp_path):
    """A writer that is never closed loses nothing."""
    writer = RecordingWriter(tmp_path / "r")
    writer.write(BATCH)

    assert read(tmp_path / "r") == ([BATCH], False)
    writer.close()


def test_a_cut_off_recording_is_gone_on_with(tmp_path):
    """The torn end is taken off, and what follows can be read."""
    path = tmp_path / "r"
    record(path, BATCH, BATCH)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 3)

    record(path, replace(BATCH, sent_at=9000), append=True)

    assert read(path) == ([BATCH, replace(BATCH, sent_at=9000)], False)
    assert span(path) == (4000, 9000)


def test_an_existing_recording_is_never_written_over(tmp_path):
    """Without `append` the file must be new; it stays as it was."""
    path = tmp_path / "r"
    record(path, BATCH)
    before = path.read_bytes()

    with pytest.raises(FileExistsError):
        RecordingWriter(path)
    assert path.read_bytes() == before


def test_a_new_recording_without_a_batch_leaves_no_file(tmp_path):
    """An agent that could not start can be started again under the same name; an older recording stays."""
    record(tmp_path / "new")
    record(tmp_path / "old", BATCH)
    record(tmp_path / "old", append=True)

    assert not (tmp_path / "new").exists()
    assert read(tmp_path / "old") == ([BATCH], False)


@pytest.mark.parametrize(
    "content",
    [b"", b"plain text", gzip.compress(b"{}\n"), gzip.compress(b"[1]\n"), gzip.compress(b"\xff\n")],
    ids=["nothing", "text", "object", "list", "bytes"],
)
def test_what_is_no_recording_is_refused_by_name(tmp_path, content):
    """Empty, plain and foreign files each give one sentence with the file in it."""
    path = tmp_path / "other.gz"
    path.write_bytes(content)

    with pytest.raises(MalformedError, match=r"other\.gz is not a recording"):
        RecordingReader(path)


def test_a_newer_version_is_refused(tmp_path):
    """The message names both versions."""
    path = tmp_path / "r"
    path.write_bytes(gzip.compress(json.dumps({"format": FORMAT, "version": 2}).encode()))

    with pytest.raises(VersionError, match="reads version 1 of recordings; got 2"):
        RecordingReader(path)


def test_damage_in_the_middle_is_named_with_its_place(tmp_path):
    """A record that is no batch, and bytes that are no gzip: what came before was read."""
    path = tmp_path / "r"
    record(path, BATCH)
    good = path.read_bytes()
    path.write_bytes(good + gzip.compress(b'{"schema_version": 1, "node": 7}\n'))
    with RecordingReader(path) as reader:
        batches = iter(reader)
        assert next(batches) == BATCH
        with pytest.raises(FieldError, match="the record that ends at byte"):
            next(batches)
    path.write_bytes(good + b"garbage, and more of it")
    with RecordingReader(path) as reader, pytest.raises(MalformedError, match=f"after byte {len(good)}"):
        list(reader)

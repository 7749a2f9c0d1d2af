"""Files written by others are read within bounds, whatever they hold."""

import os

import pytest
from hypothesis import given, strategies as st

from collector.identity.files import MAX_FILE_BYTES, MAX_LABELS, MAX_TEXT, labels, read_bytes, read_json, text


def test_a_pipe_does_not_hang_the_reader(tmp_path):
    """A named pipe where a file belongs reads as nothing, at once."""
    os.mkfifo(tmp_path / "config.json")

    assert read_bytes(str(tmp_path / "config.json")) is None


def test_a_link_is_not_followed(tmp_path):
    """A symbolic link in place of the file reads as nothing."""
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "config.json").symlink_to(tmp_path / "secret")

    assert read_json(tmp_path / "config.json") is None


def test_a_huge_file_is_not_read(tmp_path):
    """A file above the limit reads as nothing; one of exactly the limit is read."""
    file = tmp_path / "config.json"
    file.write_bytes(b" " * (MAX_FILE_BYTES + 1))

    assert read_bytes(str(file)) is None
    assert read_bytes(str(file), MAX_FILE_BYTES + 1) is not None


@pytest.mark.parametrize("content", ["", "{", "[1]", "7", "[" * 200_000, "{}x", "\x00"])
def test_what_is_no_object_reads_as_nothing(tmp_path, content):
    """Broken, foreign or endlessly nested JSON reads as nothing."""
    (tmp_path / "config.json").write_text(content)

    assert read_json(tmp_path / "config.json") is None


def test_a_half_written_file_gets_one_second_chance(tmp_path):
    """A file that its writer completes meanwhile is read whole; one that stays broken is read twice."""
    file = tmp_path / "config.json"
    file.write_text('{"linux": ')
    waits: list[float] = []

    def complete(seconds: float) -> None:
        waits.append(seconds)
        file.write_text('{"linux": {}}')

    assert read_json(file, complete) == {"linux": {}}
    assert len(waits) == 1
    file.write_text("{")
    assert read_json(file, waits.append) is None
    assert len(waits) == 2


def test_absent_files_read_as_nothing(tmp_path):
    """A file or folder that is gone, and a name no file can have, read as nothing."""
    assert read_json(tmp_path / "no" / "config.json") is None
    assert read_bytes(f"{tmp_path}/a\0b") is None
    assert read_bytes(str(tmp_path)) is None


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none()), max_size=200))
def test_labels_are_few_short_and_encodable(pairs):
    """At most 64 labels are kept, each text is cut and can be written as UTF-8, in a stable order."""
    kept = labels(pairs.items())

    assert len(kept) <= MAX_LABELS
    assert list(kept) == sorted(kept)
    assert all(len(each) <= MAX_TEXT for pair in kept.items() for each in pair)
    "".join(key + value for key, value in kept.items()).encode()


def test_a_lone_surrogate_is_replaced():
    """JSON can hold half a character; what is kept can be encoded."""
    assert text("a\ud800b") == "a?b"

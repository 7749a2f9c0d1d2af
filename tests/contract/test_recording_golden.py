"""Recordings of every version ever shipped still read as what they meant.

To add a version: raise `VERSION` in `wire.recording`, write its file with the last lines of this module,
and never change an older file.
"""

import gzip
import json
from pathlib import Path

from tests.contract.test_wire_golden import BATCH
from wire.recording import FORMAT, VERSION, RecordingReader, RecordingWriter

GOLDEN = Path(__file__).parent.parent / "golden" / "recording"


def test_version_1_is_readable_for_ever() -> None:
    """The stored file holds two batches, the second after the recording was gone on with."""
    with RecordingReader(GOLDEN / "recording-v1.jsonl.gz") as reader:
        assert list(reader) == [BATCH, BATCH]
    assert not reader.cut_off
    assert VERSION == 1


def test_a_recording_is_lines_of_json_to_everybody_else() -> None:
    """Any gzip reader shows a header, then a batch, a header again and a batch."""
    lines = gzip.decompress((GOLDEN / "recording-v1.jsonl.gz").read_bytes()).splitlines()
    first, batch, again, _ = map(json.loads, lines)

    assert first == again == {"format": FORMAT, "version": 1}
    assert batch["deltas"][0]["container"]["pod"] == "web-0"


if __name__ == "__main__":
    for append in (False, True):
        writer = RecordingWriter(GOLDEN / f"recording-v{VERSION}.jsonl.gz", append=append)
        writer.write(BATCH)
        writer.close()

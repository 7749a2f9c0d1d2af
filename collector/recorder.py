"""Batches into a file instead of on their way to a service: `nonself-agent record`."""

from dataclasses import replace

from collector.status import Waiting
from wire.profile import Batch, ProfileDelta
from wire.recording import RecordingWriter


class Recorder:
    """An outbox that keeps.

    Args:
        writer: Where to; the recorder closes it.
        label: Key and value that a container must carry to be recorded; None records all.
    """

    def __init__(self, writer: RecordingWriter, label: tuple[str, str] | None = None) -> None:
        self._writer = writer
        self._label = label

    def put(self, batch: Batch) -> None:
        self._writer.write(replace(batch, deltas=tuple(filter(self._wanted, batch.deltas))))

    def waiting(self) -> Waiting:
        return Waiting()

    def close(self) -> None:
        self._writer.close()

    def _wanted(self, delta: ProfileDelta) -> bool:
        if self._label is None:
            return True
        key, value = self._label
        return delta.container.labels.get(key) == value

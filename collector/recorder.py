"""Batches into a file instead of on their way to a service: `nonself-agent record`."""

from dataclasses import replace
from typing import Final

from collector.errors import SettingsError
from collector.status import Waiting
from wire.profile import Batch, ProfileDelta
from wire.recording import RecordingWriter

_EQUALS: Final = "="


class Recorder:
    """An outbox that keeps.

    Args:
        writer: Where to; the recorder closes it.
        label: `KEY=VALUE` that a container must carry to be recorded; empty records all.

    Raises:
        SettingsError: The label has no `=`.
    """

    def __init__(self, writer: RecordingWriter, label: str = "") -> None:
        self._writer = writer
        self._key, equals, self._value = label.partition(_EQUALS)
        if label and not (self._key and equals):
            msg = f"--label takes KEY=VALUE; got {label}."
            raise SettingsError(msg)

    def put(self, batch: Batch) -> None:
        self._writer.write(replace(batch, deltas=tuple(filter(self._wanted, batch.deltas))))

    def waiting(self) -> Waiting:
        return Waiting()

    def close(self) -> None:
        self._writer.close()

    def _wanted(self, delta: ProfileDelta) -> bool:
        return not self._key or delta.container.labels.get(self._key) == self._value

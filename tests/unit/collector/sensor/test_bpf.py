"""bpf: what the kernel refuses is one sentence, whatever was asked of it."""

from collections.abc import Callable

import pytest

from collector.errors import SensorError
from collector.sensor import SensorSettings, open_sensor, sensor
from collector.sensor.bpf import Map, missed_runs

NO_FD = (1 << 31) - 1
NO_MAP = Map(NO_FD, 4, 8)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: NO_MAP.lookup(bytes(4)),
        lambda: NO_MAP.update(bytes(4), bytes(8)),
        lambda: NO_MAP.delete(bytes(4)),
        NO_MAP.items,
        lambda: missed_runs(NO_FD),
    ],
    ids=["lookup", "update", "delete", "items", "missed_runs"],
)
def test_a_refusal_is_a_sensor_error(ask: Callable[[], object]) -> None:
    """The command turns these into a line and an exit code; any other error would be a traceback."""
    with pytest.raises(SensorError, match=r"^Cannot .*\.$"):
        ask()


def test_a_sensor_that_cannot_be_mapped_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Want of memory or descriptors while it is opened is told in the same way."""

    def load(_: SensorSettings) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(sensor, "load", load)

    with pytest.raises(SensorError, match=r"^The sensor cannot be opened: Too many open files\.$"):
        open_sensor(SensorSettings())

"""What can be set about the sensor."""

from dataclasses import dataclass
from typing import Final

from wire.settings import setting

LINE_BYTES: Final = 64
EPOCHS: Final = 2
"""Tables that take turns: one is filled while the other is read."""
MOST_LINES: Final = 1 << 16
"""Per CPU and epoch; a line number is 16 bits of the hash."""


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """Settings of the kernel sensor; all are fixed while it is loaded."""

    memory_bytes: int = setting(
        64 << 20, "most memory for the tables of n-grams, all CPUs together; at most 8 MiB per CPU are used"
    )
    quota: int = setting(
        16384, "n-grams that one container may claim per CPU and window; some it claims twice, a few per cent"
    )
    containers: int = setting(4096, "cgroups that can be followed at the same time")
    host_services: bool = setting(default=False, help="count host services (systemd units) too")
    seed: int = setting(0, "seed of the table's hash; 0 takes a random one")

    def lines(self, cpus: int) -> int:
        """Return the lines (of four n-grams each) per CPU and epoch: a power of two from 16 to 65,536.

        Examples:
            >>> SensorSettings().lines(cpus=2), SensorSettings().lines(cpus=64)
            (65536, 8192)
        """
        affordable = max(16, self.memory_bytes // (LINE_BYTES * EPOCHS * cpus))
        return min(MOST_LINES, 1 << (affordable.bit_length() - 1))

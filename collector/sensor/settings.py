"""What can be set about the sensor."""

from dataclasses import dataclass
from typing import Final

from collector.settings import require
from wire.settings import setting

LINE_BYTES: Final = 64
EPOCHS: Final = 2
"""Tables that take turns: one is filled while the other is read."""
MOST_LINES: Final = 1 << 16
"""Per CPU and epoch; a line number is 16 bits of the hash."""

MOST_CONTAINERS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """Settings of the kernel sensor; all are fixed while it is loaded.

    Raises:
        SettingsError: A value that cannot mean anything.
    """

    memory_bytes: int = setting(
        64 << 20, "Most memory for the tables of n-grams, all CPUs together; at most 8 MiB per CPU are used."
    )
    quota: int = setting(
        16384,
        "N-grams that one container may claim per CPU and window; some it claims twice, a few per cent.",
    )
    containers: int = setting(4096, "Cgroups that can be followed at the same time.")
    host_services: bool = setting(default=False, help="Count host services (systemd units) too.")
    seed: int = setting(0, "Seed of the table's hash; 0 takes a random one.")

    def __post_init__(self) -> None:
        require(self.memory_bytes >= 1, "memory_bytes", "at least 1", self.memory_bytes)
        require(self.quota >= 1, "quota", "at least 1", self.quota)
        require(
            1 <= self.containers <= MOST_CONTAINERS, "containers", f"1 to {MOST_CONTAINERS}", self.containers
        )
        require(0 <= self.seed < 1 << 63, "seed", "0 to 2**63 - 1", self.seed)

    def lines(self, cpus: int) -> int:
        """Return the lines (of four n-grams each) per CPU and epoch: a power of two from 16 to 65,536.

        Examples:
            >>> SensorSettings().lines(cpus=2), SensorSettings().lines(cpus=64)
            (65536, 8192)
        """
        affordable = max(16, self.memory_bytes // (LINE_BYTES * EPOCHS * cpus))
        return min(MOST_LINES, 1 << (affordable.bit_length() - 1))

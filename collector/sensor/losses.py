"""The sensor's records of its cgroups: what it could not count of each, per epoch, and their whole ids."""

import struct
from typing import Final

import numpy as np

from collector.sensor import layout
from collector.sensor.bpf import Map
from wire.profile import LossCause

_CAUSES: Final = {
    "table_full": LossCause.TABLE_FULL,
    "quota": LossCause.QUOTA,
    "untracked": LossCause.UNTRACKED,
}
_LOWER_HALF: Final = 0xFFFFFFFF


class LossBook:
    """Differences of the kernel's sums, which only grow and so are never cleared under a writer."""

    def __init__(self, losses: Map, cpus: int) -> None:
        self._map = losses
        self._cpus = cpus
        self._known: dict[tuple[int, int, LossCause], int] = {}
        self._names: dict[int, int] = {}
        self._forgotten: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def open(self, cgroup_id: int) -> None:
        """Give a cgroup its record, unless it has one.

        Raises:
            SensorError: The map is full.
        """
        key = struct.pack("=Q", cgroup_id)
        if self._map.lookup(key) is None:
            self._map.update(key, bytes(self._map.value_bytes))

    def take(self, parity: int) -> dict[int, dict[LossCause, int]]:
        """Return what each cgroup lost in the epoch of this parity that has just ended."""
        keys, values = self._map.items()
        cgroup_ids = np.frombuffer(keys, np.uint64)
        newer, older = self._forgotten
        self._names = older | newer | {int(each) & _LOWER_HALF: int(each) for each in cgroup_ids}
        # Kept for one more: it may have counted, and died, after this epoch's end.
        self._forgotten = ({}, newer)
        records = np.frombuffer(values, layout.LOSSES).reshape(-1, self._cpus)
        lost: dict[int, dict[LossCause, int]] = {}
        for field, cause in _CAUSES.items():
            sums = records[field][..., parity].sum(axis=1, dtype=np.uint64)
            for index in np.flatnonzero(sums):
                cgroup_id, total = int(cgroup_ids[index]), int(sums[index])
                key = (cgroup_id, parity, cause)
                grown = total - self._known.get(key, 0)
                self._known[key] = total
                if grown:
                    lost.setdefault(cgroup_id, {})[cause] = grown
        return lost

    def name(self, owner: int) -> int:
        """Return the cgroup id of this lower half, as of the latest `take`.

        The kernel gives no lower half to two living cgroups, nor again before 2^31 others; only then
        does an upper half differ from 0.
        """
        return self._names.get(owner, owner)

    def forget(self, cgroup_id: int) -> None:
        """Free the record of a cgroup that has died."""
        self._forgotten[0][cgroup_id & _LOWER_HALF] = cgroup_id
        self._map.delete(struct.pack("=Q", cgroup_id))
        self._known = {key: total for key, total in self._known.items() if key[0] != cgroup_id}

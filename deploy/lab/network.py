"""A bridge of the lab's own, so that pods have addresses and nothing is forwarded anywhere."""

import json
import subprocess
from pathlib import Path

from lab.errors import StartError
from lab.requirements import find

_BLOCK = "198.18.{number}.0/24"
"""From the range that RFC 2544 keeps for tests."""


class Network:
    """One bridge; its number is free, whatever other labs run at the same time."""

    def __init__(self, name: str, number: int) -> None:
        self.bridge = name
        self._number = number

    @classmethod
    def create(cls, folder: Path) -> "Network":
        """Make a bridge and the CNI configuration that puts pods on it.

        Raises:
            StartError: No bridge could be made.
        """
        said = ""
        for number in range(1, 250):
            network = cls(f"nslab{number}", number)
            made = _ip("link", "add", network.bridge, "type", "bridge")
            if made.returncode == 0:
                network._configure(folder)
                return network
            said = made.stderr.strip()
            if "exists" not in said:
                break
        msg = f"No network bridge could be made: {said}"
        raise StartError(msg)

    def remove(self) -> None:
        """Delete the bridge."""
        _ip("link", "del", self.bridge)

    def _configure(self, folder: Path) -> None:
        # The bridge's name is written first: a later lab can then remove what a killed one left.
        (folder / "bridge").write_text(self.bridge)
        subnet = _BLOCK.format(number=self._number)
        _ip("addr", "add", subnet.replace(".0/", ".1/"), "dev", self.bridge)
        _ip("link", "set", self.bridge, "up")
        # Without isGateway the plugin leaves net.ipv4.ip_forward alone; the host's address is ours to set.
        ipam = {
            "type": "host-local",
            "dataDir": str(folder / "ipam"),
            "ranges": [[{"subnet": subnet, "gateway": subnet.replace(".0/24", ".1")}]],
        }
        plugins = [
            {"type": "bridge", "bridge": self.bridge, "isGateway": False, "ipMasq": False, "ipam": ipam}
        ]
        config = {"cniVersion": "1.0.0", "name": self.bridge, "plugins": plugins}
        (folder / "cni" / "10-lab.conflist").write_text(json.dumps(config))


def remove_left_behind(folder: Path) -> None:
    """Delete the bridge of a lab whose owner was killed."""
    name = folder / "bridge"
    if name.exists():
        Network(name.read_text().strip(), 0).remove()


def _ip(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(find("ip")), *arguments], capture_output=True, text=True, check=False)

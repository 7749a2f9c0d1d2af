"""A real agent process whose kernel is a fake, started with URL, TOKEN_FILE, STATE and LEDGER.

Before each batch it writes to the ledger what it is about to spool, and after
it that it has: two lines by which a test knows what a killed agent had taken.
"""

import hashlib
import json
import os
import random
import sys
import threading
from pathlib import Path

from collector.assemble import assemble
from collector.logs import configure
from collector.outbox import SpoolingOutbox
from collector.probe import CgroupEventKind
from collector.profiles import Origin
from collector.sender import Sender
from collector.settings import AgentSettings
from collector.spool import Spool
from collector.stopping import stopped_by_signals
from collector.uplink import Uplink
from tests.fakes import FakeProbe
from tests.unit.collector.fakes import FakeIdentifier, container
from wire.codec import encode_delta
from wire.profile import Batch

WINDOW_S = 0.04


class LedgerOutbox(SpoolingOutbox):
    """Keeps a record of what was to be spooled and what was."""

    def __init__(self, spool: Spool, uplink: Uplink, ledger: Path) -> None:
        super().__init__(spool, uplink)
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def put(self, batch: Batch) -> None:
        lines = [
            [delta.container.id, delta.start, hashlib.sha256(encode_delta(delta)).hexdigest(), delta.calls]
            for delta in batch.deltas
        ]
        self._write("about", lines)
        super().put(batch)
        self._write("taken", lines)

    def _write(self, word: str, lines: list) -> None:
        os.write(self._ledger, "".join(json.dumps([word, *line]) + "\n" for line in lines).encode())


def main() -> None:
    """Run until SIGTERM."""
    url, token_file, state, ledger = sys.argv[1:]
    configure("json", "warning")
    chance = random.Random()
    probe, identifier = FakeProbe(), FakeIdentifier()
    for cgroup_id, name in enumerate(("web", "db", "job"), start=1):
        identifier.add(cgroup_id, f"/default/{name}", container(name))
        probe.happen(CgroupEventKind.BORN, cgroup_id, f"/default/{name}")

    def work() -> None:
        pause = threading.Event()
        while not pause.wait(0.003):
            probe.count(chance.randint(1, 3), {chance.randrange(1 << 60): chance.randint(1, 99)})

    threading.Thread(target=work, daemon=True).start()
    sender = Sender(url, Path(token_file))
    uplink = Uplink(Spool(Path(state), 64 << 20), sender.send, chance, backoff_cap_s=0.05)
    uplink.start()
    settings = AgentSettings(window_s=1)
    object.__setattr__(settings, "window_s", WINDOW_S)
    agent = assemble(
        settings,
        Origin("node-a", "boot-1", "x86_64"),
        probe=probe,
        identifier=identifier,
        path_of=identifier.path_of,
        outbox=LedgerOutbox(uplink._spool, uplink, Path(ledger)),
    )
    with stopped_by_signals(agent.stop):
        agent.run()


if __name__ == "__main__":
    main()

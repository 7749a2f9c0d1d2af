"""The agent under `kill -9`: what it has taken arrives, and arrives once."""

import hashlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.receiver import TOKEN, Receiver, problem
from wire.codec import encode_delta

ROOT = Path(__file__).parents[2]


def start(receiver: Receiver, folder: Path) -> subprocess.Popen:
    """Start an agent on the spool that the one before left."""
    arguments = [receiver.url, folder / "token", folder / "spool", folder / "ledger"]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.system.agent_process", *arguments], cwd=ROOT, stderr=subprocess.PIPE
    )


def ledger(folder: Path) -> tuple[dict, dict]:
    """Return what agents were about to spool and what they had spooled, as digests by identity."""
    about, taken = {}, {}
    for line in (folder / "ledger").read_text().splitlines():
        word, id_, start_, digest, _ = json.loads(line)
        (about if word == "about" else taken)[id_, start_] = digest
    return about, taken


@pytest.mark.slow
def test_fifty_kills_lose_no_taken_delta_and_count_none_twice(tmp_path):
    """Killed at random while the service drops answers, agents deliver every spooled delta exactly once."""
    chance = random.Random(5)
    (tmp_path / "token").write_text(TOKEN)
    with Receiver() as receiver:
        for _ in range(50):
            agent = start(receiver, tmp_path)
            seen = len(receiver.requests)
            # It has begun to send: from here on a kill may fall into anything.
            receiver.wait(lambda seen=seen: len(receiver.requests) > seen)
            with receiver.changed:
                receiver.script.extend(chance.choices([None, problem(503, "busy", "Later.")], k=2))
            time.sleep(chance.uniform(0, 0.3))
            agent.kill()
            agent.communicate()
        receiver.script.clear()
        seen = len(receiver.requests)
        last = start(receiver, tmp_path)
        assert receiver.wait(lambda: len(receiver.requests) > seen + 20)
        last.terminate()
        _, errors = last.communicate(timeout=20)
        assert last.returncode == 0, errors.decode()

    about, taken = ledger(tmp_path)
    kept = {(id_, start_): delta for (_, _, id_, start_), delta in receiver.deltas.items()}
    assert len(taken) > 300
    assert not receiver.conflicts
    assert not list((tmp_path / "spool").glob("*.batch"))
    assert sorted(set(taken) - set(kept)) == [], "spooled and never delivered"
    assert sorted(set(kept) - set(about)) == [], "delivered and never spooled"
    for identity, delta in kept.items():
        assert hashlib.sha256(encode_delta(delta)).hexdigest() == about[identity]

"""The service is killed while it posts alerts; none is lost."""

import signal
from collections.abc import Sequence
from pathlib import Path

import urllib3

from tests.service import a_match_batch
from tests.sidekick import Sidekick, numbered
from tests.system.test_service_crash import answers, free_port, start
from tests.waiting import until
from wire.codec import SIGNATURE_HEADER, sign, signing_key
from wire.match import MATCH_CONTENT_TYPE, SignatureMatch, encode_match_batch

BAD = (500, {}, b"broken")


def test_kill_9_loses_no_alert(tmp_path: Path) -> None:
    """A service killed between posts tells all of it after its restart, in order, at least once."""
    state_dir, port = tmp_path / "state", free_port()
    with Sidekick() as receiver:
        # The 21st is never answered for good before the kill.
        receiver.script += [(200, {}, b"")] * 20 + [BAD] * 3
        options = [f"--falco-output={receiver.url}"]
        service = start(state_dir, port, *options)
        try:
            assert until(lambda: answers(port), 30)
            matches = numbered(*range(100))
            assert send(state_dir, port, matches) == 200
            assert receiver.wait(lambda: len(receiver.requests) >= 21, 30)
            service.send_signal(signal.SIGKILL)
            service.wait()
            receiver.script.clear()
            service = start(state_dir, port, *options)
            assert receiver.wait(lambda: 99 in receiver.numbers, 30)
        finally:
            service.kill()
            service.wait()

        numbers = list(receiver.numbers)
    assert set(numbers) == set(range(100))
    again = numbers.index(99)
    first_seen = list(dict.fromkeys(numbers[: again + 1]))
    assert first_seen == list(range(100))


def send(state_dir: Path, port: int, matches: Sequence[SignatureMatch]) -> int:
    """Send matches as an agent does; return the status."""
    secret = (state_dir / "agent-token").read_text().strip()
    body = encode_match_batch(a_match_batch(*matches))
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": MATCH_CONTENT_TYPE,
        "Content-Encoding": "gzip",
        SIGNATURE_HEADER: sign(body, signing_key(secret)),
    }
    url = f"http://127.0.0.1:{port}/v1/ingest/matches"
    return urllib3.request("POST", url, body=body, headers=headers, retries=False).status

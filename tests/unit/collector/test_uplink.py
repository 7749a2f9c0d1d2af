"""Uplink: every answer of a service, over real sockets."""

import errno
import random
import shutil
import socket
import ssl
import subprocess
import threading

import pytest
import structlog

from collector.connection import Trust, read_token
from collector.errors import TokenError
from collector.outbox import SpoolingOutbox, split
from collector.sender import Sender, Verdict
from collector.spool import Spool
from collector.uplink import Uplink
from tests.receiver import TOKEN, Receiver, problem
from tests.unit.collector.test_spool import batch
from wire.codec import CONTENT_TYPE, SIGNATURE_HEADER, encode_batch, sign, signing_key


class Rig:
    """A spool and an uplink with short pauses, towards a receiver."""

    def __init__(self, tmp_path, url: str) -> None:
        self.token_file = tmp_path / "token"
        self.token_file.write_text(TOKEN + "\n")
        self.spool = Spool(tmp_path / "spool", 1 << 20)
        self.sender = Sender(url, self.token_file)
        self.attempts = threading.Semaphore(0)
        self.uplink = Uplink(self.spool, self._send, random.Random(1), backoff_cap_s=0.05)
        self.outbox = SpoolingOutbox(self.spool, self.uplink)

    def _send(self, body):
        answer = self.sender.send(body)
        self.attempts.release()
        return answer

    def attempted(self, times: int) -> None:
        """Wait for so many attempts."""
        for _ in range(times):
            assert self.attempts.acquire(timeout=10)


@pytest.fixture
def receiver():
    """A service on loopback."""
    with Receiver() as listening:
        yield listening


@pytest.fixture
def rig(tmp_path, receiver):
    """An uplink towards it."""
    made = Rig(tmp_path, receiver.url)
    yield made
    made.outbox.close()
    made.sender.close()


def events(logs) -> list[str]:
    """Return the names of the log lines, spool's ones left out."""
    return [line["event"] for line in logs if not line["event"].startswith("spool")]


def test_batches_arrive_signed_and_in_order(rig, receiver):
    """What was spooled before and after the start comes in order, authenticated, as the codec wrote it."""
    batches = [batch(window, {"web": 10}) for window in range(4)]
    for each in batches[:3]:
        rig.spool.append(each)
    rig.uplink.start()
    rig.attempted(3)

    rig.outbox.put(batches[3])
    rig.attempted(1)

    assert receiver.batches == batches
    headers, body = receiver.requests[0]
    assert body == encode_batch(batches[0])
    assert headers["Content-Type"] == CONTENT_TYPE
    assert headers["Content-Encoding"] == "gzip"
    assert headers[SIGNATURE_HEADER] == sign(body, signing_key(TOKEN))
    assert rig.outbox.close() is None
    assert rig.spool.batches == 0


def test_a_batch_that_the_service_knows_is_done(rig, receiver):
    """409 replayed means that an earlier attempt arrived: the batch is not sent again."""
    receiver.script.append(None)
    rig.uplink.start()
    rig.outbox.put(batch(0, {"web": 10}))
    rig.attempted(2)
    rig.outbox.close()

    assert rig.spool.batches == 0
    assert rig.spool.rejected_batches == 0
    assert receiver.requests[0][1] == receiver.requests[1][1]
    assert len(receiver.deltas) == 1


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_a_batch_that_the_service_never_takes_is_put_aside(rig, receiver, status):
    """It is sent once, told once with the service's own words, and does not hold up the next one."""
    receiver.script.append(problem(status, "no", "The window lies in the future."))
    with structlog.testing.capture_logs() as logs:
        rig.uplink.start()
        rig.outbox.put(batch(0, {"web": 10}))
        rig.outbox.put(batch(1, {"web": 10}))
        rig.attempted(2)
        rig.outbox.close()

    assert [each.sent_at for each in receiver.batches] == [10_000]
    assert rig.spool.rejected_batches == 1
    assert events(logs) == ["batch_refused"]
    assert "The window lies in the future." in logs[0]["reason"]


@pytest.mark.parametrize(
    "answer",
    [
        problem(401, "unauthenticated", "Who are you?"),
        problem(403, "forbidden", "Not with this role."),
        problem(404, "not-found", "No such thing."),
        problem(429, "slow-down", "Later."),
        problem(500, "broken", "Sorry."),
        problem(503, "busy", "Later.", **{"Retry-After": "0"}),
        (200, {"Content-Type": "text/html"}, b"<html>Please accept our terms."),
        (201, {}, b'{"accepted": 1}'),
        (202, {}, b"[]"),
        (204, {}, b""),
        (302, {"Location": "http://192.0.2.1/"}, b""),
        (502, {"Content-Type": "text/html"}, b"<html>bad gateway"),
    ],
    ids=lambda answer: str(answer[0]),
)
def test_a_batch_waits_while_the_service_cannot_take_it(rig, receiver, answer):
    """It is kept and tried again; the outage has one line at its start and one at its end."""
    receiver.script.extend([answer] * 3)
    with structlog.testing.capture_logs() as logs:
        rig.uplink.start()
        rig.outbox.put(batch(0, {"web": 10}))
        rig.attempted(4)
        rig.outbox.close()

    assert len(receiver.deltas) == 1
    assert rig.spool.batches == 0
    assert events(logs) == ["uplink_down", "uplink_up"]


def test_an_absent_service_is_waited_for(tmp_path):
    """Refused connections are one line; when the service comes all that waited arrives, oldest first."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    rig = Rig(tmp_path, f"http://127.0.0.1:{port}")
    with structlog.testing.capture_logs() as logs:
        rig.uplink.start()
        for window in range(3):
            rig.outbox.put(batch(window, {"web": 10}))
        rig.attempted(3)
        assert rig.spool.batches == 3
        with Receiver(port) as receiver:
            assert receiver.wait(lambda: len(receiver.batches) == 3)
            rig.outbox.close()

    assert [each.sent_at for each in receiver.batches] == [0, 10_000, 20_000]
    assert events(logs) == ["uplink_down", "uplink_up"]
    assert "cannot be reached" in logs[0]["reason"]
    rig.sender.close()


def test_a_token_changed_on_disk_is_taken_up(rig, receiver):
    """An agent whose token was replaced goes on without a restart."""
    rig.token_file.write_text("an-old-one")
    rig.sender._read_token_anew()
    rig.uplink.start()
    rig.outbox.put(batch(0, {"web": 10}))
    rig.attempted(1)
    rig.token_file.write_text(TOKEN)

    assert receiver.wait(lambda: receiver.deltas)


def test_a_heartbeat_is_sent_once_and_never_stored(rig, receiver):
    """A batch without deltas goes out when nothing waits; where the service is away it is dropped."""
    receiver.script.append(problem(503, "busy", "Later."))
    rig.uplink.start()
    rig.outbox.put(batch(0, {}))
    rig.attempted(1)
    assert rig.spool.batches == 0
    rig.outbox.put(batch(1, {}))
    rig.attempted(1)
    rig.outbox.close()

    assert [each.sent_at for each in receiver.batches] == [10_000]


def test_the_last_batch_before_a_stop_is_tried_once(rig, receiver):
    """A batch spooled just before the end arrives, without waiting out a pause."""
    receiver.script.extend([problem(503, "busy", "Later.", **{"Retry-After": "9"})])
    rig.uplink._cap = 30.0
    rig.uplink.start()
    rig.outbox.put(batch(0, {"web": 10}))
    rig.attempted(1)
    rig.outbox.put(batch(1, {"web": 10}))
    rig.outbox.close()

    assert [each.sent_at for each in receiver.batches] == [0, 10_000]


def test_a_file_that_vanished_does_not_stop_the_uplink(rig, receiver, tmp_path):
    """A batch that somebody deleted is passed over, and its deltas are counted as discarded."""
    rig.spool.append(batch(0, {"web": 10}))
    rig.spool.append(batch(1, {"web": 10}))
    next((tmp_path / "spool").glob("*1.batch")).unlink()
    rig.uplink.start()
    rig.attempted(1)
    rig.outbox.close()

    assert [each.sent_at for each in receiver.batches] == [10_000]
    assert rig.spool.discarded_deltas == 1


def test_a_file_that_cannot_be_read_now_is_sent_later(rig, receiver, monkeypatch):
    """A failing disk or too many open files cost no batch: it is kept, read again, and sent in its turn."""
    failures = [OSError(errno.EIO, "Input/output error"), OSError(errno.EMFILE, "Too many open files")]
    read = rig.spool.body
    monkeypatch.setattr(rig.spool, "body", lambda entry: _failing(failures) or read(entry))
    with structlog.testing.capture_logs() as logs:
        rig.uplink.start()
        rig.outbox.put(batch(0, {"web": 10}))
        rig.outbox.put(batch(1, {"web": 10}))
        rig.attempted(2)
        rig.outbox.close()

    assert [each.sent_at for each in receiver.batches] == [0, 10_000]
    assert rig.spool.discarded_deltas == 0
    assert events(logs) == ["uplink_down", "uplink_up"]


def _failing(failures: list[OSError]) -> None:
    if failures:
        raise failures.pop()


def test_the_token_never_follows_a_redirect(rig, receiver):
    """A redirect is an error: the token goes to the configured address only."""
    with Receiver() as elsewhere:
        receiver.script.append((307, {"Location": elsewhere.url}, b""))
        rig.uplink.start()
        rig.outbox.put(batch(0, {"web": 10}))
        rig.attempted(2)
        rig.outbox.close()

    assert not elsewhere.requests


def test_a_service_is_trusted_by_its_certificate_only(tmp_path):
    """Over https a batch goes to a service that the CA file vouches for, and to no other."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    certificate, key = tmp_path / "service.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", "/CN=service", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    (tmp_path / "token").write_text(TOKEN)
    with Receiver(tls=context) as receiver:
        trusting = Sender(receiver.url, tmp_path / "token", Trust(str(certificate)))
        strict = Sender(receiver.url, tmp_path / "token")
        refused = strict.send(encode_batch(batch(0, {"web": 1})))
        assert not receiver.requests
        taken = trusting.send(encode_batch(batch(0, {"web": 1})))

    assert taken.verdict is Verdict.KNOWN
    assert refused.verdict is Verdict.LATER
    assert "certificate" in refused.detail
    for sender in (trusting, strict):
        sender.close()


def test_a_large_window_is_sent_in_parts():
    """Parts keep order and size; a delta that is too large alone stays whole."""
    large = batch(0, {f"c{index}": 1_000 for index in range(10)}, ngrams=200)

    parts = list(split(large, 20_000))

    assert [delta for part in parts for delta in part.deltas] == list(large.deltas)
    assert len(parts) == 4
    assert len(list(split(large, 1))) == 10


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"\xff\xfe", "tökén".encode()])
def test_a_token_file_without_a_token_is_one_clear_sentence(tmp_path, content):
    """The message names the file."""
    path = tmp_path / "token"
    path.write_bytes(content)

    with pytest.raises(TokenError, match=str(path)):
        read_token(path)


def test_a_missing_token_file_names_the_option(tmp_path):
    """The message says what to do."""
    with pytest.raises(TokenError, match="--token-file"):
        read_token(tmp_path / "none")

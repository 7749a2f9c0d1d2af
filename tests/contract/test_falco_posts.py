"""Alerts posted in Falco's shape to a receiver that is there, gone, or of another opinion."""

import json
import random
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from api.core import Core
from api.db.falco_tables import FalcoQueueRow
from api.errors import StartError
from api.falco.output import FalcoOutput
from api.falco.poster import Poster, Verdict
from api.falco.sender import Sender
from api.metrics import Metrics
from tests.contract.test_rest_matches import accepted_by_falcosidekick, raise_matches
from tests.contract.test_rest_read import enforcing, intrude
from tests.service import Service
from tests.sidekick import Sidekick, numbered
from tests.system.test_service_crash import free_port
from tests.waiting import until


@pytest.fixture
def sidekick() -> Iterator[Sidekick]:
    """A receiver on loopback."""
    with Sidekick() as receiver:
        yield receiver


def posting(service: Service) -> AbstractContextManager[None]:
    """Post with short pauses."""
    return service.core.falco.posting(service.core.store, backoff_first_s=0.02)


def waiting(core: Core) -> int:
    """Return how many alerts wait."""
    with core.store.read() as session:
        return session.scalar(select(func.count()).select_from(FalcoQueueRow)) or 0


def test_every_match_is_posted_once_and_in_order(
    open_service: Callable[..., Service], sidekick: Sidekick, tmp_path: Path
) -> None:
    """A flood too, beyond the samples of its alert; the file beside it has the same alerts."""
    path = tmp_path / "falco.jsonl"
    service = open_service(falco_output=f"{path},{sidekick.url}/in?key=secret")
    with posting(service):
        raise_matches(service, *numbered(*range(60)))
        assert sidekick.wait(lambda: len(sidekick.requests) >= 60)

    assert sidekick.numbers == list(range(60))
    assert sidekick.requests[0][0]["Content-Type"] == "application/json"
    assert all(accepted_by_falcosidekick(alert) for alert in sidekick.alerts)
    assert [json.loads(line) for line in path.read_text().splitlines()] == sidekick.alerts
    assert waiting(service.core) == 0
    text = service.http.get("/metrics").text
    assert f'nonself_falco_posts_total{{outcome="sent",target="{sidekick.url}/in"}} 60.0' in text
    assert "secret" not in text


def test_an_anomaly_is_told_in_the_shape_of_falco(
    open_service: Callable[..., Service], sidekick: Sidekick, tmp_path: Path
) -> None:
    """Each window that opens an alert or joins one; what is learned or normal is not told."""
    path = tmp_path / "falco.jsonl"
    service = open_service(falco_output=f"{path},{sidekick.url}")
    enforcing(service)
    with posting(service):
        intrude(service, 60)
        intrude(service, 61)
        assert sidekick.wait(lambda: len(sidekick.requests) >= 2)

    (listed,) = service.get("/v1/alerts").json()["items"]
    (scored,) = service.get("/v1/scores", verdict="anomalous", limit=1).json()["items"]
    first, second = sidekick.alerts
    assert [json.loads(line) for line in path.read_text().splitlines()] == [first, second]
    assert accepted_by_falcosidekick(first)
    assert (first["rule"], first["source"], first["hostname"]) == ("nonself anomaly", "nonself", "node-a")
    assert first["tags"] == ["anomaly", "nonself"]
    assert first["priority"] in {"Warning", "Error", "Critical"}
    fields = first["output_fields"]
    assert fields["nonself.alert"] == second["output_fields"]["nonself.alert"] == listed["id"]
    assert fields["anomaly.p_value"] == scored["p_value"]
    assert fields["anomaly.score"] == scored["score"]
    assert (fields["k8s.ns.name"], fields["container.name"]) == ("shop", "web")
    assert fields["nonself.workload"] == "shop/cart/web"
    assert fields["evt.time"] == fields["nonself.window_end"] * 1_000_000
    assert second["output_fields"]["evt.time"] - fields["evt.time"] == 10_000_000_000


def test_a_finding_without_an_alert_is_not_told(open_service: Callable[..., Service], tmp_path: Path) -> None:
    """In learning an anomaly is a finding only, and so it stays."""
    path = tmp_path / "falco.jsonl"
    service = open_service(falco_output=f"{path},http://127.0.0.1:{free_port()}")
    service.learn(60)
    intrude(service, 60)

    assert len(service.get("/v1/scores", verdict="anomalous").json()["items"]) == 1
    assert not path.exists()
    assert waiting(service.core) == 0


def test_a_receiver_that_is_down_gets_all_of_it_later(open_service: Callable[..., Service]) -> None:
    """The worker goes on, trouble and what waits are visible, the service stays ready; then all comes."""
    port = free_port()
    service = open_service(falco_output=f"http://127.0.0.1:{port}/")
    service.worker.start()
    with posting(service):
        assert service.match(*numbered(*range(5))).status_code == 200
        assert until(lambda: "takes no alerts" in service.http.get("/readyz").json()["falco_output"])
        ready = service.http.get("/readyz")
        text = service.http.get("/metrics").text
        with Sidekick(port) as receiver:
            assert receiver.wait(lambda: len(receiver.requests) >= 5)
            assert until(lambda: waiting(service.core) == 0)
            numbers = receiver.numbers
        after = service.http.get("/readyz").json()
    service.worker.stop()

    assert ready.status_code == 200
    assert (
        ready.json()["falco_output"] == f"http://127.0.0.1:{port}/ takes no alerts: it takes no connection."
    )
    assert f'nonself_falco_waiting{{target="http://127.0.0.1:{port}/"}} 5.0' in text
    assert f'nonself_falco_up{{target="http://127.0.0.1:{port}/"}} 0.0' in text
    assert numbers == [0, 1, 2, 3, 4]
    assert after["falco_output"] == "ok"


@pytest.mark.parametrize("status", [500, 503, 401, 403, 408, 429, 307])
def test_an_alert_that_was_not_taken_comes_again_before_the_next(
    open_service: Callable[..., Service], sidekick: Sidekick, status: int
) -> None:
    """Order holds; a redirect is not followed, wherever it points."""
    service = open_service(falco_output=sidekick.url)
    sidekick.script += [(200, {}, b""), *[(status, {"Location": f"{sidekick.url}/x"}, b"no")] * 2]
    with posting(service):
        raise_matches(service, *numbered(1, 2, 3))
        assert sidekick.wait(lambda: len(sidekick.requests) >= 5)

    assert sidekick.numbers == [1, 2, 2, 2, 3]


def test_an_alert_that_is_refused_is_counted_and_passed_over(
    open_service: Callable[..., Service], sidekick: Sidekick
) -> None:
    """What would be refused again holds nothing up."""
    service = open_service(falco_output=sidekick.url)
    sidekick.script.append((400, {}, b"no"))
    with posting(service):
        raise_matches(service, *numbered(1, 2))
        assert sidekick.wait(lambda: len(sidekick.requests) >= 2)

    assert sidekick.numbers == [1, 2]
    text = service.http.get("/metrics").text
    assert f'nonself_falco_posts_total{{outcome="refused",target="{sidekick.url}"}} 1.0' in text


def test_what_waits_outlives_the_process(open_service: Callable[..., Service]) -> None:
    """Alerts raised before a restart are posted after it, ahead of newer ones."""
    port = free_port()
    service = open_service(falco_output=f"http://127.0.0.1:{port}")
    with posting(service):
        raise_matches(service, *numbered(1, 2))
        assert until(lambda: service.core.falco.trouble() is not None)
    restarted = FalcoOutput(service.core.settings, Metrics())
    service.core.falco = restarted
    raise_matches(service, *numbered(3))
    with Sidekick(port) as receiver, posting(service):
        assert receiver.wait(lambda: len(receiver.requests) >= 3)
        assert receiver.numbers == [1, 2, 3]


def test_alerts_beyond_the_limit_go_oldest_first(open_service: Callable[..., Service]) -> None:
    """A receiver that never comes back does not fill the disk; what was dropped is counted."""
    target = f"http://127.0.0.1:{free_port()}"
    service = open_service(falco_output=target, falco_queue=3)
    raise_matches(service, *numbered(*range(8)))
    sender = Sender(
        service.core.store,
        target,
        Poster(target),
        limit=3,
        metrics=service.core.metrics,
        chance=random.Random(1),
    )

    pauses = [sender.work() for _ in range(9)]

    with service.core.store.read() as session:
        lines = session.scalars(select(FalcoQueueRow.line).order_by(FalcoQueueRow.id)).all()
    times = [json.loads(line)["output_fields"]["evt.time"] for line in lines]
    assert times == [each.time for each in numbered(5, 6, 7)]
    text = service.http.get("/metrics").text
    assert f'nonself_falco_posts_total{{outcome="dropped",target="{target}"}} 5.0' in text
    assert all(min(60, 2.0**index) / 2 <= pause <= min(60, 2.0**index) for index, pause in enumerate(pauses))


def test_alerts_of_a_target_that_is_no_longer_named_are_dropped(
    open_service: Callable[..., Service], sidekick: Sidekick
) -> None:
    """Nobody would ever post them; those of the others stay."""
    service = open_service(falco_output=f"http://127.0.0.1:{free_port()},{sidekick.url}")
    raise_matches(service, *numbered(1))
    only = FalcoOutput(service.core.settings.__class__(falco_output=sidekick.url), Metrics())
    with only.posting(service.core.store):
        assert sidekick.wait(lambda: len(sidekick.requests) >= 1)

    assert waiting(service.core) == 0


def test_a_bearer_token_or_a_header_comes_from_a_file(sidekick: Sidekick, tmp_path: Path) -> None:
    """It is read for each alert: a new one is used at once, and one that is gone makes alerts wait."""
    auth = tmp_path / "auth"
    auth.write_text("first\n")
    poster = Poster(sidekick.url, auth_file=str(auth))
    poster.check()
    poster.post("{}")
    auth.write_text("X-Api-Key: second\n")
    poster.post("{}")
    auth.unlink()
    gone = poster.post("{}")

    (first, _), (second, _) = sidekick.requests
    assert first["Authorization"] == "Bearer first"
    assert second["X-Api-Key"] == "second"
    assert "Authorization" not in second
    assert gone.verdict is Verdict.LATER
    with pytest.raises(StartError, match=r"^falco_auth_file: .* cannot be read: No such file"):
        poster.check()


def test_tls_is_verified_against_the_given_authority(tmp_path: Path) -> None:
    """A certificate of nobody's is not accepted; with its file it is."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=sidekick"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Sidekick(tls=context) as receiver:
        unknown = Poster(receiver.url).post("{}")
        known = Poster(receiver.url, ca_file=str(certificate)).post("{}")

    assert unknown.verdict is Verdict.LATER
    assert "certificate" in unknown.detail
    assert known.verdict is Verdict.SENT
    Poster(receiver.url, ca_file=str(certificate)).check()
    with pytest.raises(StartError, match=r"^falco_ca_file: expected PEM certificates"):
        Poster(receiver.url, ca_file=str(key)).check()


def test_a_connection_is_used_again(sidekick: Sidekick) -> None:
    """Answers of any length are read or given up, and the next alert goes through."""
    sidekick.script += [(200, {}, b""), (200, {}, b"x" * 100_000), (200, {}, b"ok")]
    poster = Poster(sidekick.url)

    assert [poster.post("{}").verdict for _ in range(4)] == [Verdict.SENT] * 4

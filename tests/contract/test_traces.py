"""Traces of OpenTelemetry: what happened to a batch can be followed from its node to the alert's message."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import TracerProvider

from api.errors import StartError
from api.settings import ServiceSettings
from api.tokens.service import Role
from api.tracing.otel import OtelTracer, open_provider
from api.tracing.start import tracing
from api.tracing.tracer import Untraced
from collector.connection import NO_FILES
from collector.sender import Sender, Verdict
from tests.hooks import LOOPBACK, Hook, a_sender, add
from tests.service import Service, a_batch, a_delta, a_match, a_match_batch
from wire.codec import encode_batch
from wire.match import MATCH_CONTENT_TYPE, MATCH_PATH, encode_match_batch
from wire.trace import trace_id_of, traceparent_of


class Collector(Hook):
    """A receiver of OTLP over HTTP, which decodes by OpenTelemetry's own protobufs."""

    @property
    def spans(self) -> list[Span]:
        """What was exported."""
        requests = [ExportTraceServiceRequest.FromString(body) for _, body in self.requests]
        scopes = [scope for each in requests for one in each.resource_spans for scope in one.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    def of(self, trace_id: str) -> dict[str, Span]:
        """Return the spans of a trace, by name."""
        return {each.name: each for each in self.spans if each.trace_id.hex() == trace_id}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A receiver of spans."""
    with Collector() as made:
        yield made


@pytest.fixture
def service(open_service: Callable[..., Service]) -> Service:
    """A service whose channels may reach this host."""
    return open_service(**LOOPBACK)


@pytest.fixture
def provider(service: Service, collector: Collector, tmp_path: Path) -> Iterator[TracerProvider]:
    """What has the service write spans: of all that says so itself, and of nothing else."""
    settings = ServiceSettings(state_dir=tmp_path, traces_url=collector.url, traces_ratio=0.0, cluster="prod")
    made = open_provider(settings)
    service.core.tracer = OtelTracer(made)
    yield made
    made.shutdown()


def send(service: Service, tmp_path: Path, body: bytes, *, ratio: float, matches: bool = False) -> str:
    """Send a batch as the agent does; return its trace's id."""
    token = tmp_path / "token"
    token.write_text(service.secrets[Role.INGEST])
    way = {"path": MATCH_PATH, "content_type": MATCH_CONTENT_TYPE} if matches else {}
    sender = Sender(service.url, token, NO_FILES, traces_ratio=ratio, **way)
    try:
        assert sender.send(body).verdict is Verdict.KNOWN
    finally:
        sender.close()
    trace_id = trace_id_of(traceparent_of(body))
    assert trace_id
    return trace_id


def test_a_match_is_followed_from_its_node_to_the_message_of_its_alert(
    service: Service, collector: Collector, provider: TracerProvider, tmp_path: Path
) -> None:
    """One trace: the node's batch, the request, the inbox, the worker, and each attempt to push."""
    with Hook() as soc:
        soc.script += [(500, {}, b"broken")]
        add(service, soc.url)
        body = encode_match_batch(a_match_batch(a_match()))
        trace_id = send(service, tmp_path, body, ratio=1, matches=True)
        service.worker.drain()
        a_sender(service).step()
    provider.force_flush()

    spans = collector.of(trace_id)
    chain = ["POST /v1/ingest/matches", "ingest matches", "raise match", "push message"]
    assert sorted(spans) == sorted(chain)
    before = traceparent_of(body).split("-")[2]
    for name in chain:
        assert spans[name].parent_span_id.hex() == before, name
        before = spans[name].span_id.hex()
    assert spans["push message"].status.code == Status.STATUS_CODE_ERROR
    assert {each.key: each.value.string_value for each in spans["push message"].attributes}[
        "nonself.message.type"
    ] == "alert.opened"


def test_a_delta_is_followed_to_its_score(
    service: Service, collector: Collector, provider: TracerProvider, tmp_path: Path
) -> None:
    """Each delta of the batch has a span of its own in the batch's trace."""
    body = encode_batch(a_batch(a_delta(0), a_delta(1)))
    trace_id = send(service, tmp_path, body, ratio=1)
    service.worker.drain()
    provider.force_flush()

    names = Counter(each.name for each in collector.spans if each.trace_id.hex() == trace_id)
    assert names == {"POST /v1/ingest/profiles": 1, "ingest deltas": 1, "score delta": 2}
    (resource,) = {
        tuple((each.key, each.value.string_value) for each in one.resource.attributes)
        for _, body in collector.requests
        for one in ExportTraceServiceRequest.FromString(body).resource_spans
    }
    assert dict(resource)["service.name"] == "nonself"
    assert dict(resource)["k8s.cluster.name"] == "prod"


def test_who_does_not_ask_for_a_trace_causes_no_spans(
    service: Service, collector: Collector, provider: TracerProvider, tmp_path: Path
) -> None:
    """Neither a batch that is not sampled, nor a request without a trace at ratio 0; nothing is stored."""
    send(service, tmp_path, encode_batch(a_batch(a_delta())), ratio=0)
    service.worker.drain()
    service.get("/v1/alerts")
    provider.force_flush()

    assert collector.spans == []


def test_a_span_of_a_request_names_route_and_request_and_no_secret(
    service: Service, collector: Collector, provider: TracerProvider
) -> None:
    """Health is asked without a span; a refusal is a span that did not fail; its id is in the log."""
    header = {"traceparent": f"00-{'4b' * 16}-{'01' * 8}-01", "X-Request-Id": "mine"}
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        refused = service.http.get("/v1/alerts?cursor=hidden", headers=header)
        service.http.get("/readyz", headers=header)
    provider.force_flush()

    (span,) = collector.spans
    values = {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
    assert (span.name, refused.status_code) == ("GET /v1/alerts", 401)
    assert values == {
        "http.request.method": "GET",
        "url.path": "/v1/alerts",
        "http.route": "/v1/alerts",
        "http.response.status_code": 401,
        "nonself.request_id": "mine",
    }
    assert span.status.code == Status.STATUS_CODE_UNSET
    asked = [each for each in logged if each.get("path") == "/v1/alerts"]
    assert {(each["trace_id"], each["request_id"]) for each in asked} == {("4b" * 16, "mine")}


def test_a_receiver_that_is_down_stops_nothing(service: Service, tmp_path: Path) -> None:
    """Spans are dropped; what they are about goes on."""
    settings = ServiceSettings(state_dir=tmp_path, traces_url="http://127.0.0.1:9", traces_ratio=1.0)
    with tracing(settings) as tracer:
        service.core.tracer = tracer
        assert service.get("/v1/alerts").status_code == 200


def test_nothing_is_traced_unless_a_receiver_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that is named needs the libraries: the sentence says how to get them."""
    with tracing(ServiceSettings(state_dir=tmp_path)) as tracer:
        assert isinstance(tracer, Untraced)
        with tracer.span("anything", parent="nonsense") as span:
            assert span.traceparent is None
    monkeypatch.delitem(sys.modules, "api.tracing.otel")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    settings = ServiceSettings(state_dir=tmp_path, traces_url="http://127.0.0.1:4318")
    with pytest.raises(StartError, match=r"pip install 'nonself\[traces\]'"), tracing(settings):
        pass

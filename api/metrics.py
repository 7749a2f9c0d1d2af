"""Every metric of the service, declared once; what is not declared here cannot be emitted."""

from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the manifest."""

    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


MANIFEST: Final[dict[str, Metric]] = {
    "nonself_http_requests_total": Metric("counter", "Requests answered.", ("method", "route", "status")),
    "nonself_http_request_seconds": Metric("histogram", "Time to answer a request.", ("route",)),
    "nonself_auth_refused_total": Metric(
        "counter", "Requests that were let in by no token, or by one that may not.", ("reason",)
    ),
    "nonself_streams": Metric("gauge", "Live streams that are open."),
    "nonself_streams_refused_total": Metric(
        "counter",
        "Live streams that were refused: `token` has as many as it may, or the `service`.",
        ("limit",),
    ),
    "nonself_streams_ended_total": Metric(
        "counter",
        "Live streams that ended: left (by its reader), stalled (dropped, since its reader took nothing), "
        "token (expired or revoked), stopping, database.",
        ("reason",),
    ),
    "nonself_stream_events_total": Metric("counter", "Events sent on live streams.", ("topic",)),
    "nonself_stream_catch_ups_total": Metric(
        "counter", "Pages that live streams read from the database since they were behind what is in memory."
    ),
    "nonself_ingest_batches_total": Metric("counter", "Batches that were read, by outcome.", ("outcome",)),
    "nonself_ingest_deltas_total": Metric("counter", "Deltas accepted into the inbox."),
    "nonself_ingest_duplicates_total": Metric("counter", "Deltas known already."),
    "nonself_match_batches_total": Metric(
        "counter", "Batches of matches that were read, by outcome.", ("outcome",)
    ),
    "nonself_matches_total": Metric("counter", "Matches of signature rules accepted."),
    "nonself_match_duplicates_total": Metric("counter", "Matches known already."),
    "nonself_matches_handled_total": Metric(
        "counter", "Matches by what became of them; one that waits comes again.", ("outcome",)
    ),
    "nonself_matches_late_total": Metric(
        "counter", "Windows learned before a match in them came: unlearned then, or kept.", ("outcome",)
    ),
    "nonself_matches_pending": Metric("gauge", "Matches waiting for the worker."),
    "nonself_falco_lines_total": Metric("counter", "Lines written to the Falco output.", ("outcome",)),
    "nonself_falco_posts_total": Metric(
        "counter",
        "Posts to a URL of the Falco output, and alerts that waited too long.",
        ("outcome", "target"),
    ),
    "nonself_falco_waiting": Metric("gauge", "Alerts that wait to be posted.", ("target",)),
    "nonself_falco_up": Metric("gauge", "1 if the newest post was answered for good, else 0.", ("target",)),
    "nonself_push_attempts_total": Metric(
        "counter",
        "Messages tried on a channel: delivered, down (the receiver takes none), refused, gone (disabled).",
        ("channel", "outcome"),
    ),
    "nonself_push_deliveries": Metric(
        "gauge", "Messages that are pending, held for a digest, or dead (given up).", ("channel", "state")
    ),
    "nonself_push_oldest_seconds": Metric("gauge", "Age of the oldest pending message.", ("channel",)),
    "nonself_push_up": Metric(
        "gauge",
        "1 while a channel is enabled and its receiver takes messages, else 0.",
        ("channel",),
    ),
    "nonself_inbox_pending": Metric("gauge", "Deltas waiting for the worker."),
    "nonself_inbox_oldest_seconds": Metric(
        "gauge", "How long the oldest delta has waited for the worker; 0 where none waits."
    ),
    "nonself_inbox_limit": Metric("gauge", "Waiting deltas at which agents are asked to wait."),
    "nonself_worker_windows_total": Metric("counter", "Windows scored.", ("verdict",)),
    "nonself_worker_ngrams_total": Metric("counter", "N-gram counts scored."),
    "nonself_worker_batch_seconds": Metric("histogram", "Time of one transaction of the worker."),
    "nonself_worker_failures_total": Metric("counter", "Transactions of the worker that were rolled back."),
    "nonself_worker_rejected_total": Metric("counter", "Deltas set aside because they could not be scored."),
    "nonself_findings_total": Metric("counter", "Findings stored."),
    "nonself_findings_suppressed_total": Metric(
        "counter", "Findings that a suppression kept from raising an alert.", ("kind",)
    ),
    "nonself_alerts_total": Metric("counter", "Alerts opened."),
    "nonself_drifts_total": Metric("counter", "Drifts reported, by the kind first told.", ("kind",)),
    "nonself_rolled_up_total": Metric("counter", "Scores added to the history of their workloads."),
    "nonself_dropped_total": Metric(
        "counter", "What retention deleted, because of its age or of the database's size.", ("cause", "what")
    ),
    "nonself_retention_failures_total": Metric("counter", "Passes of retention that were broken off."),
    "nonself_database_bytes": Metric(
        "gauge", "Bytes of SQLite's database: in use, and free within its file.", ("part",)
    ),
    "nonself_database_limit_bytes": Metric(
        "gauge", "Bytes in use at which the oldest scores go before their time; 0 is no limit."
    ),
    "nonself_workloads": Metric("gauge", "Workloads known.", ("mode",)),
    "nonself_nodes": Metric("gauge", "Nodes known."),
    "nonself_node_silent_seconds": Metric("gauge", "Time since the node's newest batch.", ("node",)),
    "nonself_node_lost_calls": Metric(
        "gauge", "Calls known to be missing from the node's deltas, since it is known.", ("node", "cause")
    ),
    "nonself_node_discarded_deltas": Metric(
        "gauge", "Deltas that the agent threw away unsent, since its start.", ("node",)
    ),
    "nonself_alerts_open": Metric(
        "gauge", "Alerts of status open: of each cause the newest, unless a person closed it.", ("level",)
    ),
    "nonself_troubles": Metric(
        "gauge", "Troubles of nonself itself that go on (`GET /v1/troubles`).", ("kind",)
    ),
    "nonself_disk_bytes": Metric(
        "gauge", "Bytes of the file system of the state folder: free to the service, and used.", ("part",)
    ),
    "nonself_kubernetes_up": Metric(
        "gauge", "1 while the Kubernetes API answers; 0 also where none is asked."
    ),
    "nonself_kubernetes_pods": Metric("gauge", "Pods whose owner is known from the Kubernetes API."),
    "nonself_kubernetes_failures_total": Metric(
        "counter", "Questions that the Kubernetes API did not answer."
    ),
    "nonself_database_up": Metric("gauge", "1 if the database answered when this page was made, else 0."),
}


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for name, each in MANIFEST.items():
            match each.kind:
                case "counter":
                    self._counters[name] = Counter(name, each.help, each.labels, registry=self._registry)
                case "gauge":
                    self._gauges[name] = Gauge(name, each.help, each.labels, registry=self._registry)
                case "histogram":
                    self._histograms[name] = Histogram(name, each.help, each.labels, registry=self._registry)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter of the manifest."""
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc(amount)

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge of the manifest."""
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add one value to a histogram of the manifest."""
        histogram = self._histograms[name]
        (histogram.labels(**labels) if labels else histogram).observe(value)

    def render(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self._registry)


def reference() -> str:
    """Return the manifest as a Markdown table."""
    rows = ["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    for name, each in MANIFEST.items():
        labels = ", ".join(f"`{label}`" for label in each.labels)
        rows.append(f"| `{name}` | {each.kind} | {labels} | {each.help} |")
    return "\n".join(rows) + "\n"

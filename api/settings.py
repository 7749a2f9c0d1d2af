"""Every setting of the service: read once by the command line and passed down."""

import ipaddress
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.errors import SettingError
from api.guard import Guard
from api.targets import targets
from api.vocabulary import Mode
from wire.settings import setting

MOST_BATCH_DELTAS: Final = 5000
LEAST_DATABASE_MIB: Final = 16
MOST_HEARTBEAT_S: Final = 45
MIB: Final = 1 << 20
OFF: Final = "off"
_AUTO_PROMOTE: Final = (OFF, "complete", "day", "week")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """Settings of `nonself up` and `nonself serve`."""

    host: str = setting(
        "127.0.0.1", "Address to listen on; other nodes reach the service only if it is not loopback."
    )
    port: int = setting(8787, "TCP port to listen on; 0 takes any free one.")
    tls_cert: str = setting(
        "", "PEM file of the certificate to answer HTTPS with, its issuers after it; empty speaks plain HTTP."
    )
    tls_key: str = setting("", "PEM file of the certificate's private key; empty: it is in the same file.")
    tls_client_ca: str = setting(
        "", "PEM file of issuers: only clients with a certificate of one of them get as far as a token."
    )
    allow_plain_http: bool = setting(
        default=False,
        help="Speak plain HTTP on an address that is not loopback, where a TLS proxy stands before it.",
    )
    trusted_proxies: str = setting(
        "",
        "Addresses or networks of proxies, with commas, whose X-Forwarded-For and X-Forwarded-Proto are "
        "believed.",
    )
    oidc_issuer: str = setting(
        "", "Address of an OpenID Connect issuer whose tokens are let in beside our own; empty: of none."
    )
    oidc_audience: str = setting("", "Audience (`aud`) that tokens of the issuer must be for.")
    oidc_role_claim: str = setting(
        "roles", "Claim that lists a bearer's roles or groups; dots lead into objects."
    )
    oidc_roles: str = setting(
        "nonself-read=read,nonself-triage=triage,nonself-admin=admin",
        "What words of that claim let somebody do: WORD=ROLE with commas; the role that may most counts.",
    )
    oidc_name_claim: str = setting(
        "preferred_username", "Claim that names the bearer in the audit log; `sub` where it is missing."
    )
    oidc_namespace_claim: str = setting(
        "", "Claim that lists the namespaces a bearer may see, `*` for all; empty: everybody sees all."
    )
    oidc_ca_file: str = setting(
        "", "PEM file of the certificates trusted for the issuer; empty means the system's."
    )
    requests_per_minute: int = setting(
        12_000, "Requests that one token may make in a minute; 0 sets no limit."
    )
    streams: int = setting(
        256, "Live streams (`GET /v1/events`) that are open at once; whoever asks for more is answered 503."
    )
    streams_per_token: int = setting(
        32, "Live streams that one token has open at once; whoever asks for more is answered 429."
    )
    stream_heartbeat_s: int = setting(
        15, "Seconds of silence after which a live stream says that it is still there."
    )
    stream_stalled_s: int = setting(
        30, "Seconds after which a live stream ends whose reader takes nothing of what is sent."
    )
    state_dir: Path = setting(Path("var"), "Folder of the database, the first tokens and the lock.")
    database_url: str = setting(
        "",
        "URL of another database, as in postgresql://nonself@db.example/nonself?sslmode=verify-full; empty "
        "means SQLite in the state folder. Everybody on the machine can read a password in an option.",
    )
    database_url_file: str = setting(
        "", "File whose only line is that URL; with a password in it, only the service should read it."
    )
    cluster: str = setting("", "Name of the cluster, part of every workload's identity.")
    kubernetes: str = setting(
        "auto",
        "Where pods' owners are asked: auto is the cluster that the service runs in, off asks nobody, "
        "else the path of a kubeconfig.",
    )
    default_mode: str = setting(Mode.LEARNING.value, "Mode of a workload seen for the first time.")
    window_s: int = setting(10, "Seconds in one window; the agent that `nonself up` starts uses the same.")
    budget_per_week: float = setting(
        1.0, "False anomaly alerts accepted per workload and week, where a workload has no budget of its own."
    )
    alert_gap_s: int = setting(
        900, "A finding joins an alert of its cause that nobody has closed, within this many seconds of it."
    )
    max_clock_skew_s: int = setting(300, "How far ahead of this machine's clock a delta's window may end.")
    inbox_limit: int = setting(100_000, "Deltas waiting for the worker at which ingest asks agents to wait.")
    batch_deltas: int = setting(256, "Most deltas that the worker handles in one transaction.")
    anomaly_wait_s: int = setting(
        120, "How long a match whose rule asks for the score of its window waits for that score."
    )
    falco_output: str = setting(
        "",
        "Where alerts go in Falco's shape, with commas between several: a file to which lines are appended, "
        "'-' for standard output, or an http(s) URL to which each is posted.",
    )
    falco_auth_file: str = setting(
        "",
        "File that authenticates posts of alerts: a token, sent as bearer, or a header as in "
        "'X-Api-Key: secret'.",
    )
    falco_ca_file: str = setting(
        "", "PEM file of the certificates trusted for posts of alerts; empty means the system's."
    )
    falco_queue: int = setting(
        100_000, "Alerts that wait for each URL that takes none; beyond them the oldest are dropped."
    )
    push_allow: str = setting(
        "",
        "Networks and names of hosts, with commas between them, that channels may reach although their "
        "addresses are not public: '10.0.0.0/8, alertmanager.monitoring.svc'.",
    )
    push_ca_file: str = setting(
        "", "PEM file of the certificates that channels trust; empty means the system's."
    )
    push_give_up_hours: int = setting(
        72,
        "Hours for which a message is tried again before it is given up, and left for a person to redeliver.",
    )
    push_kept_days: int = setting(
        30, "Days for which messages that were delivered or given up are kept for redelivery."
    )
    retention_days: int = setting(
        30, "Days for which scores without a finding, and the identities of deltas, are kept."
    )
    finding_retention_days: int = setting(
        365,
        "Days for which findings, their windows and matches are kept; those of an alert that nobody has "
        "closed stay.",
    )
    change_retention_days: int = setting(
        30, "Days for which it is kept when alerts opened, grew and were superseded; what people did stays."
    )
    hourly_history_days: int = setting(
        30, "Days for which the history of a workload is kept by the hour; after that by the day."
    )
    history_days: int = setting(730, "Days for which the history of a workload is kept.")
    stale_version_days: int = setting(
        365, "Days after which a stale version of a baseline is retired: what it had learned is deleted."
    )
    stale_versions: int = setting(
        0, "Most stale versions of a workload that are kept; the oldest are retired. 0 is no limit."
    )
    rollback_versions: int = setting(
        1, "Newest stale versions of a workload that stay however old, so that a rollback finds them."
    )
    max_database_mib: int = setting(
        0, "MiB of SQLite's database in use at which the oldest scores go before their time; 0 is no limit."
    )
    learned_kept_hours: int = setting(
        24, "Hours for which a window that was learned can be unlearned: its counts are kept; 0 keeps none."
    )
    upgrade_windows: int = setting(
        360, "Windows of a new image after which what it does otherwise is learned no more, settled or not."
    )
    auto_promote: str = setting(
        OFF,
        "Whether a baseline is promoted by itself once its promotion report passes: off; complete; or day or "
        "week, which also ask that a whole day or week was learned.",
    )
    traces_url: str = setting(
        "",
        "Address of a receiver of OpenTelemetry's traces, OTLP over HTTP, as in http://collector:4318; "
        "empty: no spans are made.",
    )
    traces_ratio: float = setting(
        0.1,
        "Share of the traces that begin here which are kept, 0 to 1; whoever asks with a traceparent decides "
        "for his own.",
    )
    traces_ca_file: str = setting(
        "", "PEM file of the certificates trusted for traces_url; empty means the system's."
    )
    log_level: str = setting("info", "Least level that is logged: debug, info, warning or error.")

    def __post_init__(self) -> None:
        known = [mode.value for mode in Mode]
        if self.default_mode not in known:
            raise SettingError("default_mode", f"one of {', '.join(known)}", self.default_mode)
        for name, least in (
            ("window_s", 1),
            ("requests_per_minute", 0),
            ("streams", 0),
            ("streams_per_token", 0),
            ("stream_heartbeat_s", 1),
            ("stream_stalled_s", 1),
            ("alert_gap_s", 0),
            ("max_clock_skew_s", 0),
            ("anomaly_wait_s", 0),
            ("inbox_limit", 1),
            ("falco_queue", 1),
            ("push_give_up_hours", 1),
            ("push_kept_days", 1),
            ("batch_deltas", 1),
            ("retention_days", 1),
            ("finding_retention_days", 1),
            # What a channel has not passed on yet is still there.
            ("change_retention_days", math.ceil(self.push_give_up_hours / 24)),
            ("hourly_history_days", 1),
            ("history_days", self.hourly_history_days),
            ("stale_version_days", 1),
            ("rollback_versions", 0),
            ("stale_versions", max(self.rollback_versions, 1) if self.stale_versions else 0),
            ("max_database_mib", LEAST_DATABASE_MIB if self.max_database_mib else 0),
            ("learned_kept_hours", 0),
            ("upgrade_windows", 0),
        ):
            if getattr(self, name) < least:
                raise SettingError(name, f"at least {least}", getattr(self, name))
        # SQLite takes at most 32,766 values in one statement, and the worker names each delta of a batch.
        if self.batch_deltas > MOST_BATCH_DELTAS:
            raise SettingError("batch_deltas", f"at most {MOST_BATCH_DELTAS}", self.batch_deltas)
        self._check_database()
        self._check_targets()
        self._check_transport()
        self._check_push()
        self._check_traces()
        if not 0 <= self.port <= 65535:
            raise SettingError("port", "0 to 65535", self.port)
        if not 0 < self.budget_per_week < math.inf:
            raise SettingError("budget_per_week", "a number above 0", self.budget_per_week)
        if self.auto_promote not in _AUTO_PROMOTE:
            raise SettingError("auto_promote", f"one of {', '.join(_AUTO_PROMOTE)}", self.auto_promote)
        if self.kubernetes not in {"auto", "off"} and not Path(self.kubernetes).is_file():
            raise SettingError("kubernetes", "auto, off or the path of a kubeconfig", self.kubernetes)
        if self.log_level not in {"debug", "info", "warning", "error"}:
            raise SettingError("log_level", "debug, info, warning or error", self.log_level)

    def _check_transport(self) -> None:
        # Readers take a minute of silence for a lost connection.
        if self.stream_heartbeat_s > MOST_HEARTBEAT_S:
            raise SettingError("stream_heartbeat_s", f"at most {MOST_HEARTBEAT_S}", self.stream_heartbeat_s)
        for name in ("tls_key", "tls_client_ca"):
            if getattr(self, name) and not self.tls_cert:
                raise SettingError(name, "tls_cert beside it", getattr(self, name))
        for each in filter(None, (part.strip() for part in self.trusted_proxies.split(","))):
            try:
                ipaddress.ip_network(each, strict=False)
            except ValueError as error:
                raise SettingError("trusted_proxies", "addresses or networks, with commas", each) from error

    def _check_targets(self) -> None:
        try:
            targets(self.falco_output)
        except ValueError as error:
            raise SettingError("falco_output", str(error), self.falco_output) from error

    def _check_database(self) -> None:
        if self.database_url and self.database_url_file:
            raise SettingError("database_url_file", "nothing beside database_url", self.database_url_file)
        if self.max_database_mib and not self.url.startswith("sqlite"):
            raise SettingError("max_database_mib", "0 for any database but SQLite", self.max_database_mib)

    def _check_push(self) -> None:
        try:
            Guard.of(self.push_allow)
        except ValueError as error:
            raise SettingError("push_allow", str(error), self.push_allow) from error

    def _check_traces(self) -> None:
        if not 0 <= self.traces_ratio <= 1:
            raise SettingError("traces_ratio", "0 to 1", self.traces_ratio)
        if self.traces_url and not self.traces_url.startswith(("http://", "https://")):
            raise SettingError("traces_url", "http(s)://HOST:PORT", self.traces_url)

    @property
    def url(self) -> str:
        """Database URL in use, with its password."""
        if self.database_url_file:
            return self._url_of_file
        return self.database_url or f"sqlite:///{(self.state_dir / 'nonself.db').absolute()}"

    @property
    def is_postgresql(self) -> bool:
        """Whether the database is PostgreSQL."""
        return self.url.startswith("postgres")

    @property
    def _url_of_file(self) -> str:
        try:
            lines = Path(self.database_url_file).read_text("utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(
                "database_url_file", "a file that can be read", self.database_url_file
            ) from error
        if len(lines) != 1 or "://" not in lines[0]:
            raise SettingError("database_url_file", "a file of one line, the URL", self.database_url_file)
        return lines[0]

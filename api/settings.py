"""Every setting of the service: read once by the command line and passed down."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.errors import SettingError
from api.targets import targets
from api.vocabulary import Mode
from wire.settings import setting

MOST_BATCH_DELTAS: Final = 5000
LEAST_DATABASE_MIB: Final = 16
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
    state_dir: Path = setting(Path("var"), "Folder of the database, the first tokens and the lock.")
    database_url: str = setting(
        "", "SQLAlchemy URL of another database; empty means SQLite in the state folder."
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
        900, "A finding joins the workload's open alert if it comes within this many seconds."
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
    retention_days: int = setting(
        30, "Days for which scores without a finding, and the identities of deltas, are kept."
    )
    finding_retention_days: int = setting(
        365, "Days for which findings, their windows and matches are kept; those of an open alert stay."
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
    auto_promote: str = setting(
        OFF,
        "Whether a baseline is promoted by itself once its promotion report passes: off; complete; or day or "
        "week, which also ask that a whole day or week was learned.",
    )
    log_level: str = setting("info", "Least level that is logged: debug, info, warning or error.")

    def __post_init__(self) -> None:
        known = [mode.value for mode in Mode]
        if self.default_mode not in known:
            raise SettingError("default_mode", f"one of {', '.join(known)}", self.default_mode)
        for name, least in (
            ("window_s", 1),
            ("alert_gap_s", 0),
            ("max_clock_skew_s", 0),
            ("anomaly_wait_s", 0),
            ("inbox_limit", 1),
            ("falco_queue", 1),
            ("batch_deltas", 1),
            ("retention_days", 1),
            ("finding_retention_days", 1),
            ("hourly_history_days", 1),
            ("history_days", self.hourly_history_days),
            ("stale_version_days", 1),
            ("rollback_versions", 0),
            ("stale_versions", max(self.rollback_versions, 1) if self.stale_versions else 0),
            ("max_database_mib", LEAST_DATABASE_MIB if self.max_database_mib else 0),
            ("learned_kept_hours", 0),
        ):
            if getattr(self, name) < least:
                raise SettingError(name, f"at least {least}", getattr(self, name))
        # SQLite takes at most 32,766 values in one statement, and the worker names each delta of a batch.
        if self.batch_deltas > MOST_BATCH_DELTAS:
            raise SettingError("batch_deltas", f"at most {MOST_BATCH_DELTAS}", self.batch_deltas)
        self._check_limit()
        self._check_targets()
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

    def _check_targets(self) -> None:
        try:
            targets(self.falco_output)
        except ValueError as error:
            raise SettingError("falco_output", str(error), self.falco_output) from error

    def _check_limit(self) -> None:
        if self.max_database_mib and not self.url.startswith("sqlite"):
            raise SettingError("max_database_mib", "0 for any database but SQLite", self.max_database_mib)

    @property
    def url(self) -> str:
        """Database URL in use."""
        return self.database_url or f"sqlite:///{(self.state_dir / 'nonself.db').absolute()}"

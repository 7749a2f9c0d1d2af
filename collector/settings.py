"""Settings of the agent itself; those of sensor and identity stand beside them on the command line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from collector.connection import Trust
from collector.errors import SettingsError
from wire.settings import setting

ENVIRONMENT: Final = "NONSELF_AGENT"
MIN_SPOOL_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """How the agent logs.

    Raises:
        SettingsError: A value that cannot mean anything.
    """

    log_format: str = setting("auto", "json, console, or auto: console where stderr is a terminal.")
    log_level: str = setting("info", "Least level that is logged: debug, info, warning or error.")

    def __post_init__(self) -> None:
        formats = {"auto", "json", "console"}
        require(self.log_format in formats, "log_format", "json, console or auto", self.log_format)
        levels = {"debug", "info", "warning", "error"}
        require(self.log_level in levels, "log_level", "debug, info, warning or error", self.log_level)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """How the agent cuts windows, where it keeps them and where it sends them.

    Raises:
        SettingsError: A value that cannot mean anything.
    """

    url: str = setting("http://127.0.0.1:8787", "Address of the nonself service.")
    token_file: Path = setting(
        Path("/etc/nonself/agent-token"),
        "File that holds an API token of role ingest; read anew when refused.",
    )
    ca_file: str = setting("", "Certificates (PEM) to trust for an https URL; empty trusts the system's.")
    client_cert: str = setting(
        "", "Certificate (PEM) to show to a service that lets in only agents that have one."
    )
    client_key: str = setting("", "Private key (PEM) of it; empty: it is in the same file.")
    node: str = setting("", "Name of this node; empty takes the host's name.")
    window_s: float = setting(10.0, "Length of a window in seconds, 1 to 3600; the same for all agents.")
    state_dir: Path = setting(Path("/var/lib/nonself-agent"), "Folder for batches that wait for the service.")
    spool_bytes: int = setting(256 << 20, "Most bytes that may wait; the oldest are discarded and counted.")
    include_sandboxes: bool = setting(default=False, help="Also profile the pause containers of pods.")
    rules: bool = setting(
        default=True, help="Match the service's rules on this node's events, in a process of its own."
    )
    traces_ratio: float = setting(
        0.0, "Share of batches, 0 to 1, whose way through the service is traced, where that writes traces."
    )
    log_format: str = setting("auto", "json, console, or auto: console where stderr is a terminal.")
    log_level: str = setting("info", "Least level that is logged: debug, info, warning or error.")

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        require(
            parts.scheme in {"http", "https"} and bool(parts.hostname),
            "url",
            "http(s)://host[:port]",
            self.url,
        )
        require(1 <= self.window_s <= 3600, "window_s", "1 to 3600 seconds", self.window_s)
        require(0 <= self.traces_ratio <= 1, "traces_ratio", "0 to 1", self.traces_ratio)
        require(
            self.spool_bytes >= MIN_SPOOL_BYTES,
            "spool_bytes",
            f"at least {MIN_SPOOL_BYTES}",
            self.spool_bytes,
        )
        for name in ("ca_file", "client_cert", "client_key"):
            path = getattr(self, name)
            require(not path or Path(path).is_file(), name, "a file", path)
        require(
            not self.client_key or bool(self.client_cert), "client_key", "a --client-cert", self.client_key
        )
        require(
            self.log_format in {"auto", "json", "console"},
            "log_format",
            "json, console or auto",
            self.log_format,
        )
        levels = {"debug", "info", "warning", "error"}
        require(self.log_level in levels, "log_level", "debug, info, warning or error", self.log_level)

    @property
    def trust(self) -> Trust:
        """How agent and service know each other."""
        return Trust(self.ca_file, self.client_cert, self.client_key)


def require(holds: bool, name: str, expected: str, came: object) -> None:  # noqa: FBT001 - reads as a sentence
    """Refuse a setting that cannot mean anything.

    Raises:
        SettingsError: It does not hold; the message names the option, what it takes and what came.
    """
    if not holds:
        msg = f"--{name.replace('_', '-')} takes {expected}; got {came!s}."
        raise SettingsError(msg)

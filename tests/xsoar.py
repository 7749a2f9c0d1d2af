"""A small stand-in for Cortex XSOAR, after the published `demistomock` and `CommonServerPython`.

Only what our integration uses, with the names, arguments and answers that
https://xsoar.pan.dev/docs/reference/api/demisto-class and
https://xsoar.pan.dev/docs/reference/api/common-server-python give.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

_HTTP = httpx.Client(verify=False, timeout=60)
"""One for all runs: making one reads all certificates of the system."""


class DemistoException(Exception):  # noqa: N818 - the name that XSOAR gives it
    """What a failed request raises."""


class ReturnedError(Exception):
    """`return_error` ends a script; its message is what an analyst sees."""


class Died(BaseException):
    """The script is killed."""


class IncidentSeverity:
    """Severities of incidents."""

    UNKNOWN = 0
    INFO = 0.5
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class BaseClient:
    """Sends requests to one server."""

    def __init__(
        self,
        base_url: str,
        verify: bool = True,  # noqa: FBT001, FBT002 - as published
        proxy: bool = False,  # noqa: FBT001, FBT002 - as published
        headers: dict[str, str] | None = None,
    ) -> None:
        del proxy, verify
        self._base_url, self._headers = base_url, headers

    def _http_request(
        self,
        method: str,
        url_suffix: str = "",
        *,
        params: dict[str, Any] | None = None,
        json_data: Any = None,
        retries: int = 0,
        status_list_to_retry: list[int] | None = None,
    ) -> Any:
        del retries, status_list_to_retry
        try:
            answer = _HTTP.request(
                method,
                self._base_url.rstrip("/") + "/" + url_suffix.lstrip("/"),
                params=params,
                json=json_data,
                headers=self._headers,
            )
        except httpx.HTTPError as error:
            msg = f"Connection error: {error}"
            raise DemistoException(msg) from error
        if not answer.is_success:
            msg = f"Error in API call [{answer.status_code}]\n{answer.text}"
            raise DemistoException(msg)
        return answer.json()


@dataclass
class CommandResults:
    """What a command gives to the war room and the context."""

    outputs_prefix: str | None = None
    outputs_key_field: str | None = None
    outputs: Any = None
    readable_output: str | None = None
    raw_response: Any = None


def arg_to_number(arg: Any, arg_name: str | None = None, required: bool = False) -> int | None:  # noqa: FBT001, FBT002
    """Return a number."""
    if arg in (None, ""):
        if required:
            msg = f'Missing "{arg_name}"'
            raise ValueError(msg)
        return None
    if isinstance(arg, int):
        return arg
    try:
        return int(float(arg))
    except ValueError as error:
        msg = f'Invalid number: "{arg_name}"="{arg}"'
        raise ValueError(msg) from error


def arg_to_datetime(arg: Any, arg_name: str | None = None, required: bool = False) -> datetime | None:  # noqa: FBT001, FBT002
    """Return a time; of relative ones, days alone are understood."""
    del required
    days = re.fullmatch(r"(\d+) days?", arg)
    if days is None:
        msg = f'"{arg_name}"="{arg}" is not a valid date'
        raise ValueError(msg)
    return datetime.now(UTC) - timedelta(days=int(days[1]))


def tableToMarkdown(  # noqa: N802 - the name that XSOAR gives it
    name: str,
    t: list[dict[str, Any]],
    headers: list[str],
    *,
    removeNull: bool = False,  # noqa: N803
) -> str:
    """Return a table."""
    shown = [each for each in headers if not removeNull or any(row.get(each) for row in t)]
    lines = ["|".join(str(row.get(each, "")) for each in shown) for row in t]
    return "\n".join([f"### {name}", "|".join(shown), *lines])


@dataclass
class Platform:
    """XSOAR as a script sees it: its parameters, and what it keeps between runs."""

    params_: dict[str, Any]
    last_run: dict[str, Any] = field(default_factory=dict)
    incidents_: list[dict[str, Any]] = field(default_factory=list)
    dies_before_last_run: bool = False

    def run(self, script: str, command: str, **args: str) -> Any:
        """Run a script as XSOAR does; return what a command results in."""
        self._command, self._args, self._results = command, args, []
        self._next_run: dict[str, Any] | None = None
        given = {
            each.__name__: each
            for each in (
                BaseClient, CommandResults, DemistoException, IncidentSeverity,
                arg_to_datetime, arg_to_number, tableToMarkdown,
            )
        }  # fmt: skip
        names: dict[str, Any] = {
            "__name__": "__builtin__",
            "demisto": self,
            "json": json,
            "return_results": self._results.append,
            "return_error": _return_error,
        }
        exec(compile(script, "integration", "exec"), names | given)
        if self._next_run is not None:
            self.last_run = json.loads(json.dumps(self._next_run))
        return self._results[-1] if self._results else None

    def params(self) -> dict[str, Any]:
        return self.params_

    def command(self) -> str:
        return self._command

    def args(self) -> dict[str, str]:
        return self._args

    def getLastRun(self) -> dict[str, Any]:  # noqa: N802
        return dict(self.last_run)

    def setLastRun(self, value: dict[str, Any]) -> None:  # noqa: N802
        if self.dies_before_last_run:
            raise Died
        self._next_run = value

    def incidents(self, found: list[dict[str, Any]]) -> None:
        self.incidents_ += json.loads(json.dumps(found))


def _return_error(message: str) -> None:
    raise ReturnedError(message)

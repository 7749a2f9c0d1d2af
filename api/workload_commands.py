"""`nonself workload`: what each of its commands leads to."""

import argparse
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from api.client import Client
from api.clock import Clock, SystemClock, to_datetime
from api.retention.remote import history, show_history
from api.seccomp.commands import run_seccomp
from api.what_if.remote import show_snapshot, show_what_if, take_snapshot, what_if


def run(connect: Callable[[], Client], options: argparse.Namespace, clock: Clock | None = None) -> None:
    """Do what was asked; `connect` is called only where a service is needed.

    Raises:
        ClientError: There is no such workload, or the service refuses.
        DataError: A file cannot be used.
    """
    if options.workload_command == "seccomp":
        run_seccomp(connect(), options)
        return
    now = to_datetime((clock or SystemClock()).now_ms())
    answer = _ASK[options.workload_command](connect, options, now)
    if options.json:
        print(json.dumps(answer, indent=2))  # noqa: T201 - made for scripts
    else:
        _SHOW[options.workload_command](answer)


_ASK: Final[Mapping[str, Callable[[Callable[[], Client], argparse.Namespace, datetime], Any]]] = {
    "history": history,
    "what-if": what_if,
    "snapshot": take_snapshot,
}
_SHOW: Final[Mapping[str, Callable[[Any], None]]] = {
    "history": show_history,
    "what-if": show_what_if,
    "snapshot": show_snapshot,
}

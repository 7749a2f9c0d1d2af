"""`nonself workload what-if` and `snapshot`: what they ask, and what they show."""

import argparse
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from api.connection import Connection, build, to_json
from api.console import console, moment, new_table, plain
from api.errors import ClientError
from api.figures import count, figure
from api.files import write
from api.what_if.client import WhatIf
from api.what_if.schemas import WhatIfIn
from api.workloads.remote import find_workload, name_of, times


def what_if(connect: Callable[[], Connection], options: argparse.Namespace, now: datetime) -> Any:  # noqa: ANN401 - JSON
    """Return what a budget would have raised, of stored or of recorded windows.

    Raises:
        ClientError: Options do not fit together, or the service refuses.
        DataError: A file cannot be used.
    """
    if options.recording:
        if options.since or options.until:
            msg = "--since and --until: expected neither with --recording; all that was recorded is judged."
            raise ClientError(msg)
        return _of_recordings(connect, options)
    if options.baseline:
        msg = "--baseline: expected --recording with it; stored windows have the p-values of their own time."
        raise ClientError(msg)
    connection = connect()
    wish: dict[str, Any] = dict(times(options, now))
    if options.budget is not None:
        wish["budget_per_week"] = options.budget
    workload = find_workload(connection, options.workload)
    return to_json(WhatIf(connection).budget(workload["id"], build(WhatIfIn, **wish)))


def take_snapshot(connect: Callable[[], Connection], options: argparse.Namespace, _now: datetime) -> Any:  # noqa: ANN401
    """Write a workload's baseline to a file, and return what it is.

    Raises:
        ClientError: The service refuses, or the file cannot be written.
    """
    connection = connect()
    workload = find_workload(connection, options.workload)
    carried = WhatIf(connection).snapshot(workload["id"])
    write(options.out, f"{carried.model_dump_json(indent=1)}\n".encode())
    return {
        "workload": name_of(workload),
        "file": str(options.out),
        "windows_learned": carried.windows_learned,
    }


def show_snapshot(answer: Mapping[str, Any]) -> None:
    """Say what was written."""
    said = f"{answer['workload']}, {answer['windows_learned']} windows learned: {answer['file']}"
    console().print(said, highlight=False, markup=False)


def show_what_if(answer: Mapping[str, Any]) -> None:
    """Show the alerts as a table, and what the numbers are worth."""
    numbers = ("windows", "p", "bits")
    headings = ("from (UTC)", "to", *numbers, "then", "where", "why")
    table = new_table(*headings, numbers=numbers, wrap=("where", "why"))
    for each in answer["alerts"]:
        table.add_row(
            moment(each["start"]),
            moment(each["end"]),
            str(each["findings"]),
            f"{each['p_value']:.2g}",
            f"{each['score']:.1f}",
            "found" if each["raised"] else "not found",
            plain(", ".join(each["containers"][:3]) + (" …" if len(each["containers"]) > 3 else "")),
            Text(" → ".join(each["contributions"][0]["syscalls"]) if each["contributions"] else ""),
        )
    out = console()
    if answer["alerts"]:
        out.print(table)
    for line in _sentences(answer):
        out.print(line, highlight=False, markup=False)


def _sentences(answer: Mapping[str, Any]) -> list[str]:
    would, was = answer["would_be"], answer["as_it_was"]
    raised = f"{count(would['alerts'], 'alert')} of {count(would['findings'], 'window')}"
    then = f"{count(was['alerts'], 'alert')} of {count(was['findings'], 'window')}"
    said = [
        f"From {moment(answer['since'])} to {moment(answer['until'])}, {answer['budget_per_week']:g} a week:",
        f"would have raised {raised}; with the thresholds of that time it was {then}.",
        f"{answer['windows']} windows, {answer['ranked']} of them with a p-value.",
    ]
    if answer["per_week"] is not None:
        said[-1] += (
            f" That is {figure(answer['per_week'])} alerts a week of the workload "
            f"(95 %: {figure(answer['low'])} to {figure(answer['high'])})."
        )
    if answer["budget_per_week"] < answer["finest_per_week"] * (1 - 1e-9):
        said.append(f"The finest budget that can be promised is {figure(answer['finest_per_week'])} a week.")
    said.append("Exact." if answer["exact"] else "Approximated:")
    for each in answer["approximations"]:
        about = [] if each["windows"] is None else [f"{count(each['windows'], 'window')}"]
        about += [] if each["since"] is None else [f"exact before {moment(each['since'])}"]
        said.append(f"- {each['text']}" + (f" ({', '.join(about)})" if about else ""))
    return said


def _of_recordings(connect: Callable[[], Connection], options: argparse.Namespace) -> dict[str, Any]:
    # Imported late: the other commands start without the learner.
    from api.what_if.recordings import read_carried, replay  # noqa: PLC0415

    recorded_as = options.recorded_as
    if options.baseline:
        carried = read_carried(options.baseline)
        wanted = recorded_as or options.workload
    else:
        connection = connect()
        workload = find_workload(connection, options.workload)
        carried = WhatIf(connection).snapshot(workload["id"])
        wanted = recorded_as or name_of(workload)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        answer = replay(
            options.recording,
            carried,
            wanted=wanted,
            budget_per_week=options.budget,
            progress=progress,
        )
    return answer.model_dump(mode="json")

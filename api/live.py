"""What `nonself up` shows while it runs: a table on a terminal, a line for each change elsewhere."""

import sys
from typing import Final, Protocol

from rich.live import Live
from rich.table import Table
from rich.text import Text

from api.console import console, full_name
from api.core import Core
from api.vocabulary import Verdict
from api.workloads import service
from api.workloads.schemas import WorkloadOut, WorkloadQuery

_MOST_ROWS: Final = 1000
_VERDICTS: Final = {
    Verdict.NORMAL: "normal",
    Verdict.ANOMALOUS: "[red]anomalous[/]",
    Verdict.INSUFFICIENT: "not enough evidence",
}


class View(Protocol):
    """Shows the workloads, again and again."""

    def show(self, workloads: list[WorkloadOut]) -> None:
        """Show them as they are now."""
        ...

    def close(self) -> None:
        """Leave the screen in order."""
        ...


def open_view() -> View:
    """Return the view that fits where standard output goes."""
    return TableView() if sys.stdout.isatty() else LineView()


def workloads_of(core: Core) -> list[WorkloadOut]:
    """Return the workloads to show."""
    with core.store.read() as session:
        return service.list_page(session, WorkloadQuery(limit=_MOST_ROWS), core.settings)


def label(workload: WorkloadOut) -> str:
    """Return the name under which a person knows a workload."""
    return full_name(workload.namespace, workload.name, workload.container)


def table(workloads: list[WorkloadOut]) -> Table:
    """Return the workloads as a table."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "workload", "mode", "state", "learned", "last score", "p", "verdict", "alerts"):
        number = heading in {"id", "learned", "last score", "p"}
        made.add_column(heading, justify="right" if number else "left", no_wrap=heading in {"id", "workload"})
    for each in workloads:
        last = each.last_score
        made.add_row(
            str(each.id),
            Text(label(each)),
            each.mode.value,
            each.state.value,
            str(each.windows_learned),
            f"{last.score:.1f} bits" if last else "",
            f"{last.p_value:.2g}" if last and last.p_value is not None else "",
            _VERDICTS[last.verdict] if last else "",
            f"[bold red]{each.open_alerts}[/]" if each.open_alerts else "",
        )
    return made


class TableView:
    """A table that is drawn anew."""

    def __init__(self) -> None:
        self._live = Live(console=console(), auto_refresh=False)
        self._live.start()

    def show(self, workloads: list[WorkloadOut]) -> None:
        shown = table(workloads) if workloads else "Waiting for the first window of a container …"
        self._live.update(shown, refresh=True)

    def close(self) -> None:
        self._live.stop()


class LineView:
    """A line for each workload whenever something a person would act on has changed."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, str, int]] = {}

    def show(self, workloads: list[WorkloadOut]) -> None:
        for each in workloads:
            now = (each.mode.value, each.state.value, each.open_alerts)
            if self._known.get(each.id) != now:
                self._known[each.id] = now
                print(  # noqa: T201 - made for people
                    f"workload {each.id} {label(each)}: mode {now[0]}, baseline {now[1]}, "
                    f"{each.windows_learned} windows learned, {now[2]} open alerts",
                    flush=True,
                )

    def close(self) -> None:
        pass

"""What the demo found, as tables for people and as JSON for scripts."""

from typing import Any

from rich.console import Console
from rich.table import Table

from demo.story import Outcome, Raised
from demo.watch import Finding

_SHOWN = 2


def show(outcome: Outcome, console: Console) -> None:
    """Print the table of intrusions and the verdict."""
    table = Table(title="What was done, and what was raised", show_lines=True)
    for heading in ("intrusion", "on", "raised", "after", "why: the heaviest n-grams"):
        table.add_column(heading, overflow="fold")
    for each in outcome.raised:
        table.add_row(
            f"[bold]{each.intrusion.name}[/]\n{each.intrusion.how}", each.intrusion.workload, *_row(each)
        )
    console.print(table)
    for title, found in (("benign load", outcome.benign_findings), ("nothing we did", outcome.unexplained)):
        for name, findings in found.items():
            for finding in findings:
                console.print(f"[red]false alarm[/] on {name}, from {title}: p = {finding.p_value:.1e}")
                console.print(f"   {_why(finding)}")
    for name, failures in outcome.load_failures.items():
        console.print(f"[yellow]load on {name} failed {len(failures)} times[/], last: {failures[-1]}")
    raised = sum(each.finding is not None for each in outcome.raised)
    slowest = max(
        (each.seen_after_s for each in outcome.raised if each.seen_after_s is not None), default=None
    )
    quiet = sum(outcome.benign_windows.values())
    console.print(
        f"{raised} of {len(outcome.raised)} intrusions raised on their own workload"
        + (f", the slowest after {slowest:.1f} s (windows of {outcome.window_s} s)" if slowest else "")
        + f"; {_count(outcome.benign_findings)} false alarms in {quiet} benign windows"
        + f", {_count(outcome.unexplained)} during the intrusions."
    )
    console.print("[bold green]ok[/]" if outcome.ok else "[bold red]not ok[/]")


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return everything found, ready for `json.dump`."""
    return {
        "ok": outcome.ok,
        "window_s": outcome.window_s,
        "learned": outcome.learned,
        "benign": {
            name: {"windows": outcome.benign_windows[name], "findings": [_plain(each) for each in found]}
            for name, found in outcome.benign_findings.items()
        },
        "intrusions": [
            {
                "name": each.intrusion.name,
                "how": each.intrusion.how,
                "workload": each.intrusion.workload,
                "started_at": each.started_at.isoformat(),
                "seen_after_s": None if each.seen_after_s is None else round(each.seen_after_s, 3),
                "finding": None if each.finding is None else _plain(each.finding),
            }
            for each in outcome.raised
        ],
        "unexplained": {
            name: [_plain(each) for each in found] for name, found in outcome.unexplained.items()
        },
        "load_failures": outcome.load_failures,
    }


def _row(raised: Raised) -> tuple[str, str, str]:
    if raised.finding is None or raised.seen_after_s is None:
        return "[red]no[/]", "", ""
    at = raised.started_at.astimezone().strftime("%H:%M:%S")
    return f"[green]yes[/]\n{at}", f"{raised.seen_after_s:.1f} s", _why(raised.finding)


def _why(finding: Finding) -> str:
    lines = []
    for each in finding.why[:_SHOWN]:
        lineage = "exec'd: " if each["injected"] else ""
        lines.append(f"{lineage}{' ▸ '.join(each['syscalls'])} ({each['bits']:.0f} bits)")
    return "\n".join(lines)


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "alert_id": finding.alert_id,
        "start": finding.start.isoformat(),
        "end": finding.end.isoformat(),
        "score_bits": finding.score,
        "p_value": finding.p_value,
        "contributions": list(finding.why[:_SHOWN]),
    }


def _count(found: dict[str, list[Finding]]) -> int:
    return sum(len(each) for each in found.values())

"""A promotion report as a page for people: plain HTML, no script, nothing fetched from elsewhere."""

from collections.abc import Iterable
from html import escape
from string import Template
from typing import Final

from api.baselines.report_schemas import WEEKDAYS, CalendarOut, Outcome, ReportOut
from api.console import full_name
from api.figures import figure
from api.lifecycle.provenance import HOURS

_PAGE: Final = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Promotion report: $title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
h1 { font-size: 1.5rem; margin-bottom: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; }
table { border-collapse: collapse; width: 100%; }
td { overflow-wrap: anywhere; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; }
th[scope=row] { font-weight: normal; color: #555; white-space: nowrap; }
.verdict { display: inline-block; margin: 1rem 0; padding: .4rem 1rem; font-weight: bold; color: #fff; }
.pass { color: #11662f; } .warn { color: #8a5a00; } .fail { color: #a11; }
p.verdict { color: #fff; } .verdict.pass { background: #11662f; } .verdict.fail { background: #a11; }
.week { width: auto; } .week td, .week th { border: 1px solid #fff; padding: 0 .15rem; font-size: .75rem;
  text-align: center; min-width: 1.2rem; }
.scroll { overflow-x: auto; }
.week th { text-align: right; padding-right: .5rem; color: #555; font-weight: normal; }
.week td { background: #eee; } .week td.seen { background: #2f6fab; color: #fff; }
small { color: #555; }
</style>
</head>
<body>
<h1>$title</h1>
<p>Version $number, $state, $windows windows learned. <small>Made $made.</small></p>
<p class="verdict $verdict">$sentence</p>
<h2>Checks</h2>
<table>$checks</table>
<h2>Hours of the week that were learned <small>(UTC)</small></h2>
<p>$calendar</p>
<div class="scroll"><table class="week">$week</table></div>
<h2>Evidence</h2>
<table>$facts</table>
</body>
</html>
""")
_SENTENCES: Final = {
    Outcome.PASS: "It can be promoted.",
    Outcome.FAIL: "It should not be promoted yet.",
    Outcome.WARN: "",
}


def render(report: ReportOut) -> str:
    """Return the page; whatever a workload, image or reason is called, it stays text."""
    workload, baseline = report.baseline.workload, report.baseline
    return _PAGE.substitute(
        title=escape(full_name(workload.namespace, workload.name, workload.container)),
        number=baseline.number,
        state=baseline.state.value,
        windows=f"{baseline.windows_learned:,}",
        made=f"{report.made_at:%Y-%m-%d %H:%M:%S} UTC",
        verdict=report.verdict.value,
        sentence=_SENTENCES[report.verdict],
        checks="".join(
            f'<tr><th scope="row">{escape(each.name.replace("_", " "))}</th>'
            f'<td class="{each.outcome.value}">{each.outcome.value}</td><td>{escape(each.text)}</td></tr>'
            for each in report.checks
        ),
        calendar=escape(report.calendar.text),
        week=_week(report.calendar),
        facts="".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
            for name, value in _facts(report)
        ),
    )


def _week(calendar: CalendarOut) -> str:
    head = "".join(f"<td>{hour}</td>" for hour in range(24))
    rows = [f"<tr><th></th>{head}</tr>"]
    for day, name in enumerate(WEEKDAYS):
        counts = calendar.hours_of_week[24 * day : 24 * day + 24]
        cells = "".join(
            f'<td class="seen" title="{count} windows">●</td>' if count else "<td></td>" for count in counts
        )
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return "".join(rows)


def _facts(report: ReportOut) -> Iterable[tuple[str, str]]:
    unseen, starts, phases = report.completeness, report.completeness.starts, report.phases
    yield (
        "unseen mass",
        f"{unseen.unseen:.2%} ({unseen.low:.2%} to {unseen.high:.2%}), {unseen.verdict.value}",
    )
    yield "starts", f"{starts.learned} learned, {starts.judged} judged, {starts.novel} of them brought news"
    yield "stops", f"{phases.stops_learned} learned"
    yield "phases seen", ", ".join(phases.seen) or "none"
    yield "phases not seen", ", ".join(phases.not_seen) or "none"
    yield "calls of its own", f"{phases.own_calls:,}"
    yield "calls of execs", f"{phases.exec_calls:,}" if phases.exec_calls else "none were learned"
    promise = report.promise
    rate = f"{figure(promise.promised_per_week)} ({figure(promise.low)} to {figure(promise.high)})"
    yield "promised alerts a week", f"{rate}, asked {figure(promise.asked_per_week)}"
    if report.realised is not None and report.realised.per_week is not None:
        low, high = report.realised.low or 0.0, report.realised.high or 0.0
        weeks = report.realised.weeks
        time = f"{figure(weeks)} weeks" if weeks >= 1 else f"{figure(weeks * HOURS)} hours"
        a_week = f"{figure(low)} to {figure(high)} a week"
        yield "alerts so far", f"{report.realised.alerts} in {time}, {a_week}; all counted as false"
    yield "replicas", str(report.replicas.learned_from)
    yield "quarantined windows", f"{report.quarantined}, none of which is part of it"
    days = report.calendar
    yield "days", f"{days.first_day} to {days.last_day}, {days.days_learned} with learned windows"
    yield "images", _counted(report.images)
    yield "kernels", _counted(report.kernels)


def _counted(counts: dict[str, int]) -> str:
    return (
        ", ".join(f"{name or 'unknown'} ({count:,} windows)" for name, count in sorted(counts.items()))
        or "unknown"
    )

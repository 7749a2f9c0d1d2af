"""Writes measured tables into a Markdown page, between marks that name the section."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench import report

_PLACE = re.compile(r"(<!-- bench: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_Sections = Mapping[str, Mapping[str, Any]]


def publish(stored: Mapping[str, Any], page: Path) -> None:
    """Replace what stands between `<!-- bench: SECTION -->` and `<!-- end -->`.

    Besides the sections there are `short`, the figures that have a bar, and `machine`.
    """

    def fill(match: re.Match[str]) -> str:
        begin, name, end = match.groups()
        return f"{begin}\n{_text(name, stored)}\n{end}"

    page.write_text(_PLACE.sub(fill, page.read_text()))


def _text(name: str, stored: Mapping[str, Any]) -> str:
    sections = stored["sections"]
    if name == "machine":
        return _machine(stored["machine"])
    if name == "short":
        return report.table(["what", "bar", "measured"], list(_short(sections)))
    if name not in sections:
        return "not measured\n"
    section = sections[name]
    load = ", ".join(f"{each:.0f}" for each in section["load_average"])
    discarded = section["disturbed_slices_discarded"]
    return (
        f"{report.section(section)}\n"
        f"Measured {section['started_at']} at commit {section.get('revision') or 'unknown'}, "
        f"load average before {load}, disturbed slices thrown away: {discarded}.\n"
    )


def _machine(machine: Mapping[str, Any]) -> str:
    flaws = "; ".join(f"{name}: {value}" for name, value in machine["mitigations"].items())
    return (
        f"{machine['cpus']} CPUs of {machine['cpu']} (family/model {machine['cpu_family_model']}"
        f"{', virtual' if machine['virtual'] else ''}), {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"Linux {machine['kernel']}, {machine['system']}, Python {machine['python']}. {flaws}.\n"
    )


def _short(sections: _Sections) -> Iterator[tuple[str, str, str]]:
    found = {name: each["figures"] for name, each in sections.items() if "figures" in each}
    for name, bar in (("sensor", "1.6"), ("ten", "1.6"), ("many", "2.2")):
        for column, cells in found.get(name, {}).items():
            if column != "exactness":
                where = column if name != "sensor" or "," in column else f"{column}, one container"
                cell = cells["ours"]
                yield (
                    f"added to a call: {where}",
                    f"≤ {bar} x floor",
                    f"{cell['x_floor']:.2f} ({cell['added_ns']:.0f} ns)",
                )
    if "flood" in found:
        flood = found["flood"]
        yield "flood: the neighbour's counts kept", "100 %", f"{flood['neighbour_kept_percent']:g} %"
        yield "flood: cost to its author", "≤ 2 x floor", f"{flood['offender_x_floor']:.2f}"
    for what, row in found.get("drain", {}).items():
        yield f"drain: {what}", "≥ 20 M slots/s", f"{row['million_slots_per_s']:.0f} M slots/s"
    for what, row in found.get("agent", {}).items():
        bar = "≤ 2 % of a core" if what == "10 containers" else "published"
        yield (
            f"agent: {what}",
            bar,
            f"{row['cpu_percent_of_a_core']:.2f} % of a core, {row['rss_mib']:.0f} MiB",
        )
    if "ingest" in found:
        row = found["ingest"]
        figures = (
            f"{row['deltas_scored_per_s']:,} deltas/s, {row['ngram_counts_scored_per_s']:,} n-gram counts/s"
        )
        yield "ingest, stored and scored", "published", figures
    yield from _short_rules(found)
    if "detector" in found:
        figure = f"{found['detector']['windows_scored_and_learned_per_core_s']:,} windows/s"
        yield "learner, scored and learned on one core", "published", figure


def _short_rules(found: _Sections) -> Iterator[tuple[str, str, str]]:
    for what, row in found.get("latency", {}).items():
        bar = "median ≤ 20 ms" if "verdict" in what else "median ≤ 300 ms, p99 ≤ 1.5 s"
        yield what, bar, f"{row['median_ms']:g} ms, p99 {row['p99_ms']:g} ms"
    for what, row in found.get("overload", {}).items():
        kept = f"{row['calls_counted']:,} of {row['calls_made_beside']:,} calls beside counted"
        yield (
            f"overload: {row['rule_events_per_s']:,} {what}/s",
            "memory bounded, counting unharmed",
            f"{row['engine_peak_rss_mib']:.0f} MiB; {kept}",
        )

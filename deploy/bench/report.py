"""Tables for people, made from the same data that `--json` writes."""

from collections.abc import Mapping, Sequence
from typing import Any

LABELS = {
    "none": "nothing attached (control)",
    "floor": "empty program, same hook (floor)",
    "ours": "**nonself**",
    "hash": "per-CPU hash, 20 B key, task storage",
    "thread_hash": "per-CPU hash, 20 B key, hash by thread",
    "ring": "ring buffer of events + counting reader",
    "bpftrace": "bpftrace `@[cgroup] = count()`",
    "strace": "`strace -f -c`",
}


def render(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one Markdown text with a table for each section."""
    return "\n".join(f"## {name}\n\n{section(found)}" for name, found in sections.items())


def section(measured: Mapping[str, Any]) -> str:
    """Return the table of one section, in the shape that its figures have."""
    if "failed" in measured:
        return f"not measured: {measured['failed']}\n"
    found = measured["figures"]
    cells = [cell for row in found.values() if isinstance(row, Mapping) for cell in row.values()]
    if any(isinstance(cell, Mapping) and "added_ns" in cell for cell in cells):
        return _micro(found)
    if any(isinstance(cell, Mapping) and "cpu_percent" in cell for cell in cells):
        return _macro(found)
    if all(isinstance(value, Mapping) for value in found.values()):
        rows = list(found)
        keys = list(dict.fromkeys(key for row in found.values() for key in row))
        return table(["", *keys], [[row, *(_text(found[row].get(key, "")) for key in keys)] for row in rows])
    return table(["figure", "value"], [[key, _text(value)] for key, value in found.items()])


def _micro(found: Mapping[str, Any]) -> str:
    columns = [each for each in found if each != "exactness"]
    names = [name for name in LABELS if any(name in found[column] for column in columns)]
    rows = [[LABELS[name], *(_micro_cell(found[column].get(name)) for column in columns)] for name in names]
    bare = [f"{found[column]['none']['bare_ns']:.0f} ns" for column in columns]
    text = table(["added ns (IQR) x floor", *columns], [["a bare call", *bare], *rows])
    if "exactness" in found:
        text += "\n" + table(
            ["exactness of one slice", ""], [[k, _text(v)] for k, v in found["exactness"].items()]
        )
    return text


def _micro_cell(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return ""
    text = f"{cell['added_ns']:.1f} ({cell['iqr_ns']:.1f})"
    if "x_floor" in cell:
        text += f" {cell['x_floor']:.2f}"
    if "consumer_ns" in cell:
        text += f", reader +{cell['consumer_ns']:.0f}"
    return text


def _macro(found: Mapping[str, Any]) -> str:
    names = [name for name in LABELS if any(name in row for row in found.values())]
    rows = []
    for name in names:
        cells = [row.get(name) for row in found.values()]
        rows.append([LABELS[name], *(_macro_cell(cell) if cell else "" for cell in cells)])
    return table(["CPU / wall, % more", *found], rows)


def _macro_cell(cell: Mapping[str, Any]) -> str:
    low, high = cell["cpu_spread"]
    return f"{cell['cpu_percent']:+.1f} [{low:+.0f}…{high:+.0f}] / {cell['wall_percent']:+.0f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns line up."""
    lines = [list(head), ["---"] * len(head), *(list(row) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(head))]
    return (
        "\n".join(
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
            for line in lines
        )
        + "\n"
    )


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if value < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)

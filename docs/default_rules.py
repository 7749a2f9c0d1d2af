"""Writes the tables of `docs/default-rules.md` from the rules, and from the last run under benign load.

.venv/bin/python docs/default_rules.py          # writes them
.venv/bin/python docs/default_rules.py --check  # exit 1 where they are not what it would write
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collector.rules.supply import states_of, supply
from signatures.default_rules import rule_files
from signatures.loader import load
from signatures.ruleset import Rule, RuleSet

_PAGE = Path(__file__).with_name("default-rules.md")
_FIGURES = Path(__file__).parent / "bench" / "default-rules.json"
_IN_EVERY_RULE = frozenset(
    {"evt.type", "evt.res", "evt.rawres", "container.id", "container.image.repository", "proc.name"}
)
"""Not worth a word in a table: what kind of event, whether it worked, whose it was."""
_TIERS = (
    ("T4", r"proc\.(tty|exepath|is_exe_\w+|vpid|pvpid)"),
    ("T3", r"fd\.(type|l4proto|sip|sport|rip|rport|net|snet)"),
    ("T2", r"proc\.(pname|aname|exe|pexe|args|cmdline|cwd)|fd\.(name|directory|filename)|fs\.path\..*"),
    ("T1", r"proc\.name|container\.id|user\..*"),
)
"""Which tier a field is from, the farthest first; any other is T0."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or tell whether it is as it would be written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the page is stale")
    options = parser.parse_args(arguments)
    before = _PAGE.read_text()
    after = page(before)
    if options.check:
        if after != before:
            print(f"{_PAGE} is stale; write it with .venv/bin/python docs/default_rules.py.", file=sys.stderr)
        return int(after != before)
    _PAGE.write_text(after)
    return 0


def page(text: str) -> str:
    """Return the page with its tables written anew."""
    text = _between(text, "table", table(load(rule_files()).rules))
    if _FIGURES.exists():
        text = _between(text, "benign", benign(json.loads(_FIGURES.read_text())))
    return text


def table(rules: Sequence[Rule]) -> str:
    """Return one row for each rule, in the order in which they are tried."""
    rows = [_row(rule) for rule in rules]
    states = [each.state for each in states_of(RuleSet(rules), supply()).values()]
    counts = ", ".join(f"{states.count(state)} {state.replace('_', ' ')}" for state in dict.fromkeys(states))
    head = ("rule", "what it sees", "priority", "ATT&CK (v18)", "fields it needs", "tier")
    lines = (f"| {' | '.join(head)} |", "|" + " --- |" * len(head), *rows)
    return f"{len(rules)} rules on this sensor: {counts}.\n\n" + "\n".join(lines)


def benign(found: dict[str, Any]) -> str:
    """Return what the last run under benign load counted."""
    rows = [f"| {each['name']} | {each['bursts']} | {each['matches']} |" for each in found["services"]]
    losses = f"{found['dropped_events']} events were lost"
    total = (
        f"{found['matches']} matches in {found['minutes']:g} minutes, the services' start included; {losses}"
    )
    return (
        "| service | bursts of load | matches |\n| --- | --- | --- |\n"
        + "\n".join(rows)
        + f"\n\n{total} (kernel {found['kernel']}, {found['processors']} processors, "
        f"load average {found['load_average']:.0f} over the last 15 minutes).\n"
        "At the end `cat /etc/shadow` runs in each service and must be reported: a deaf agent cannot pass.\n"
        "Reproduce it with `PYTHONPATH=deploy .venv/bin/python -m benign --minutes 10` (root)."
    )


def _row(rule: Rule) -> str:
    techniques = [tag for tag in rule.tags if re.fullmatch(r"T\d{4}(\.\d{3})?", tag)]
    links = " ".join(
        f"[{each}](https://attack.mitre.org/techniques/{each.replace('.', '/')}/)" for each in techniques
    )
    keys = {key for key in rule.keys if key not in _IN_EVERY_RULE}
    fields = " ".join(f"`{key}`" for key in sorted(keys)) or "-"
    seen = rule.desc.split(". ")[0].split(".\n")[0].replace("\n", " ").replace("|", r"\|").rstrip(".")
    return f"| {rule.name} | {seen}. | {rule.priority.word} | {links} | {fields} | {_tier(keys)} |"


def _tier(keys: set[str]) -> str:
    for tier, pattern in _TIERS:
        if any(re.fullmatch(pattern, key.partition("[")[0]) for key in keys):
            return tier
    return "T1"  # The container's id is asked of every event.


def _between(text: str, name: str, content: str) -> str:
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    head, _, rest = text.partition(start)
    return f"{head}{start}\n{content}\n{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    sys.exit(main())

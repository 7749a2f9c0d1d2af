"""What `nonself workload` takes on the command line; apart from its actions: the parser starts fast."""

import argparse
from typing import Final

EXAMPLES: Final = """\
examples:
  nonself workload history shop/cart/web --since 90d
      windows, verdicts, p-values and losses by the day; they outlive the windows
"""
_WHEN: Final = "a time as 2026-11-24T08:00, or an age as 14d, 36h, 90m"


def add_workload(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add the commands of the group; return them."""
    actions = parser.add_subparsers(dest="workload_command", required=True, metavar="what")
    history = actions.add_parser("history", help="show sums over its windows by the hour or day")
    history.add_argument("--step", choices=("hour", "day"), default="day", help="(default: day)")
    for each in (history,):
        each.add_argument("workload", help="id, or name as 'nonself workloads' shows it")
        each.add_argument("--since", help=f"{_WHEN} (default: as far back as there is anything)")
        each.add_argument("--until", help=f"{_WHEN} (default: now)")
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    return [history]

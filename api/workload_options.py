"""What `nonself workload` takes on the command line; apart from its actions: the parser starts fast."""

import argparse
from pathlib import Path
from typing import Final

from api.seccomp.options import add_seccomp

EXAMPLES: Final = """\
examples:
  nonself workload history shop/cart/web --since 90d
      windows, verdicts, p-values and losses by the day; they outlive the windows
  nonself workload what-if shop/cart/web --budget 1 --since 14d
      which alerts a budget of one false alert a week would have raised of the stored windows
  nonself workload what-if shop/cart/web --recording monday.jsonl.gz tuesday.jsonl.gz
      which alerts what was learned would raise of what 'nonself-agent record' wrote
  nonself workload seccomp shop/cart/web > cart.json
      what was learned, as a seccomp profile
  nonself workload snapshot shop/cart/web --out cart.json
  nonself workload what-if cart --baseline cart.json --recording monday.jsonl.gz
      the same without a service, and with what had been learned then
"""
_WHAT_IF: Final = """\
Says which alerts there would have been: "over these 14 days this would have raised 3 alerts: these". Nothing
is changed. Stored windows have p-values, so another budget is judged by those, exactly where the baseline was
frozen; recorded windows are scored anew, by the code of the service. What is approximated is said.
"""
_WHEN: Final = "a time as 2026-11-24T08:00, or an age as 14d, 36h, 90m"


def add_workload(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add the commands of the group; return them."""
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="workload_command", required=True, metavar="what")
    history = actions.add_parser("history", help="show sums over its windows by the hour or day")
    history.add_argument("--step", choices=("hour", "day"), default="day", help="(default: day)")
    what_if = actions.add_parser(
        "what-if", help="tell which alerts another budget, or a recording, would raise", description=_WHAT_IF
    )
    what_if.add_argument("--budget", type=float, help="false alerts a week (default: the workload's own)")
    what_if.add_argument(
        "--recording", nargs="+", type=Path, default=[], metavar="FILE", help="judge recorded windows instead"
    )
    what_if.add_argument(
        "--baseline", type=Path, metavar="FILE", help="of 'snapshot' (default: what the service has learned)"
    )
    what_if.add_argument(
        "--recorded-as", metavar="NAME", help="the workload's name in the recordings (default: the same)"
    )
    snapshot = actions.add_parser("snapshot", help="write what was learned to a file, for what-if")
    snapshot.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write")
    for each, default in ((history, "as far back as there is anything"), (what_if, "14d")):
        each.add_argument("--since", help=f"{_WHEN} (default: {default})")
        each.add_argument("--until", help=f"{_WHEN} (default: now)")
    for each in (history, what_if, snapshot):
        each.add_argument("workload", help="id, or name as 'nonself workloads' shows it")
    return [history, what_if, snapshot, add_seccomp(actions)]

"""What `nonself scores` takes on the command line; apart from its actions, so that it starts fast."""

import argparse
from typing import Final

from api.alerts.options import add_tail
from api.vocabulary import Verdict

_EXAMPLES: Final = """\
examples:
  nonself scores tail --workload shop/cart/web
      each window of a workload, as it is scored
  nonself scores tail --verdict anomalous --since 1h --json
      what was anomalous in the last hour, and what will be, a line of JSON each
"""


def add_scores(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add what can be done with scores; return the parsers that ask a service."""
    actions = parser.add_subparsers(dest="scores_command", metavar="action", required=True)
    tail = actions.add_parser(
        "tail",
        help="follow windows as they are scored",
        description="Follow windows as they are scored, from now on, until Ctrl-C; restarts are bridged.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tail.add_argument("--workload", help="id, or name as 'nonself workloads' shows it")
    tail.add_argument("--namespace", help="of the workload")
    tail.add_argument(
        "--verdict", choices=[each.value for each in Verdict], help="only windows of this verdict"
    )
    add_tail(tail)
    return [tail]

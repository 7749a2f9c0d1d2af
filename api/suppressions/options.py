"""The command line of `nonself suppression`: argparse alone, so that the command starts fast."""

import argparse
from typing import Final

_EXAMPLES: Final = """\
examples:
  nonself suppression preview --alert 5 --by sequences
      what else would be silent, of what the store keeps; changes nothing
  nonself suppression create --alert 5 --by sequences --reason 'nightly backup' --owner storage --days 30
      alert 5 was benign: close it, and raise none for 30 days that nothing but its sequences carries
  nonself suppression create --rule 'Terminal shell in container' --workload shop/debug --by rule \\
      --reason 'this is what it is for' --owner platform --days 90
  nonself suppression list
  nonself suppression end 3 --reason 'the backup has moved'

Findings that are suppressed are stored and counted as before. An anomaly with a sequence that nobody has
seen or named is never silenced by sequences or calls.
"""
_BY: Final = (
    "workload: all anomalies; sequences, calls: anomalies that nothing else carries; rule: its matches"
)


def add_suppression(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add what can be done with suppressions; return the parsers that ask a service."""
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="suppression_command", required=True, metavar="action")
    listing = actions.add_parser("list", help="list suppressions")
    listing.add_argument("--all", action="store_true", help="also those that ended")
    create = actions.add_parser("create", help="mark an alert as benign, or silence a rule")
    preview = actions.add_parser("preview", help="show what else that would silence")
    for each in (create, preview):
        each.add_argument("--alert", type=int, help="id of the alert that was benign")
        each.add_argument("--by", choices=("workload", "sequences", "calls", "rule"), required=True, help=_BY)
        each.add_argument("--workload", default="", help="id, or name as 'nonself workloads' shows it")
        each.add_argument("--rule", default="", help="name of a rule")
        each.add_argument("--calls", default="", help="names of calls, with commas")
        each.add_argument("--everywhere", action="store_true", help="an alert's rule, in every workload")
    create.add_argument("--reason", required=True, help="why it is benign; kept in the audit record")
    create.add_argument("--owner", required=True, help="who answers for it")
    create.add_argument("--days", type=float, required=True, help="after so many days it ends by itself")
    end = actions.add_parser("end", help="end a suppression before its time")
    end.add_argument("suppression", type=int, help="its id")
    end.add_argument("--reason", required=True, help="kept in the audit record")
    return [listing, create, preview, end]

"""The command line of `nonself upgrade`: argparse alone, so that the command starts fast."""

import argparse
from typing import Final

_EXAMPLES: Final = """\
examples:
  nonself upgrade list
      workloads whose new image waits for a decision
  nonself upgrade show 2
      what the new image does otherwise, and how much of it is known
  nonself upgrade approve 2 --reason 'CHG-12: cart 1.5'
      its version becomes the live one; the earlier image keeps its own
  nonself upgrade reject 2 --reason 'nobody ordered this release'
      what it taught is dropped, and the live version raises alerts about it

A workload in mode enforcement-alert that runs an image with another digest opens an upgrade by itself
(docs/upgrades.md).
"""


def add_upgrade(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add what can be done with upgrades; return the parsers that ask a service."""
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="upgrade_command", required=True, metavar="action")
    listing = actions.add_parser("list", help="list upgrades that wait for a decision")
    listing.add_argument("--all", action="store_true", help="also those that were decided")
    listing.add_argument("--workload", default="", help="id, or name as 'nonself workloads' shows it")
    show = actions.add_parser("show", help="show what a new image does otherwise")
    approve = actions.add_parser("approve", help="make the new image's version the live one")
    reject = actions.add_parser("reject", help="drop what the new image taught")
    for each in (show, approve, reject):
        each.add_argument("upgrade", type=int, help="its id")
    for each in (approve, reject):
        each.add_argument("--reason", required=True, help="kept in the audit record")
    return [listing, show, approve, reject]

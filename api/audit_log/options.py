"""What `nonself audit` takes on the command line; apart from its actions: the parser starts fast."""

import argparse
from typing import Final

_EXAMPLES: Final = """\
examples:
  nonself audit list --since 7d
      who changed what in the last week
  nonself audit list --action token
      tokens that were made, rotated and revoked
  nonself audit list --actor soc --target 12 --json
      what the token 'soc' did to whatever has the id 12

Entries are never changed and never deleted: the database refuses it.
"""


def add_audit(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add what can be asked of the audit log; return the parsers that ask a service."""
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="audit_command", required=True, metavar="action")
    listed = actions.add_parser(
        "list",
        help="list who changed what, oldest first",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    listed.add_argument("--actor", help="name of a token, or 'command line' or 'nonself'")
    listed.add_argument("--action", help="such as token.revoke, or token for all of that kind")
    listed.add_argument("--target", help="id or name that the action was about")
    listed.add_argument("--since", help="a time, or an age such as 14d")
    listed.add_argument("--until", help="a time, or an age such as 14d")
    return [listed]

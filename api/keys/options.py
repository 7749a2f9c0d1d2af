"""What `nonself keys` takes on the command line; apart from its actions: the parser starts fast."""

import argparse
from typing import Final

_EXAMPLES: Final = """\
examples:
  nonself keys own
      the public key that this service signs with; give it to those who should trust it
  nonself keys trust staging 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= --expires 2027-11-23 --reason CHG-7
      take bundles of that key; the key may also be a file of base64 or PEM
  nonself keys revoke staging --reason 'the laptop was stolen'
      take no more of them; what was imported stays
"""


def add_keys(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add the commands of the group; return them."""
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="keys_command", required=True, metavar="what")
    listed = actions.add_parser("list", help="list the keys whose bundles may be imported")
    own = actions.add_parser("own", help="show the public key that this service signs with")
    trust = actions.add_parser("trust", help="take bundles of a key")
    trust.add_argument("name", help="under which it is listed")
    trust.add_argument("key", help="public key in base64, or a file that holds it in base64 or PEM")
    trust.add_argument("--expires", help="day or time from which it is not trusted (default: never)")
    revoke = actions.add_parser("revoke", help="take no more bundles of a key, for good")
    revoke.add_argument("name", help="under which it is listed")
    for each in (trust, revoke):
        each.add_argument("--reason", required=True, help="kept in the audit record")
    return [listed, own, trust, revoke]

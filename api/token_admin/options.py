"""What `nonself token` and `nonself tokens` take on the command line; apart from their actions: fast."""

import argparse
from typing import Final

ROLES: Final = ("admin", "triage", "read", "ingest", "enrol")
ACTIONS: Final = ("create", "list", "rotate", "revoke")
_EXAMPLES: Final = """\
examples:
  nonself token create soc --role triage --expires 90d
      reads everything, says what becomes of alerts, and ends after 90 days
  nonself token create shop-team --namespace shop --namespace shop-staging
      reads what concerns the workloads of two namespaces and nothing else
  nonself token create cart-board --workload shop/cart
      reads what concerns one workload
  nonself token create worker-1 --role ingest --node worker-1
      sends for that node and no other; 'nonself enrol' spares carrying it there
  nonself token rotate soc --overlap 1h
      another secret; the one it had is good for an hour longer
  nonself token revoke soc --reason 'CHG-12'
  nonself tokens
      all of them, with their ends and last uses
  nonself token list --url https://nonself.example:8787 --token-file admin-token
      ask a service elsewhere; without --url the database of the state folder is asked itself

Roles: read sees everything, triage also says what becomes of alerts, admin also changes everything;
ingest sends profiles and matches for nodes, enrol is exchanged once for such a token.
"""

_ENROL_EXAMPLES: Final = """\
examples:
  nonself enrol --node worker-1
      prints a token; on worker-1, within the hour:
      nonself-agent enrol --url https://nonself.example:8787 --enrol-token-file -
  nonself enrol --expires 10m --json
      for any node that is not enrolled yet
"""


def add_token(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nonself token`."""
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("name", nargs="?", default="", help="name of the token")
    made = parser.add_argument_group("of a new token")
    made.add_argument("--role", choices=ROLES, default="read", help="(default: read)")
    made.add_argument(
        "--expires", metavar="WHEN", help="time from which it is refused, or how long it lasts, such as 90d"
    )
    made.add_argument(
        "--namespace", action="append", default=[], help="it sees this namespace's workloads; can be repeated"
    )
    made.add_argument(
        "--workload", action="append", default=[], help="it sees this workload (id or name); can be repeated"
    )
    made.add_argument("--node", help="it sends for this node alone; of role ingest or enrol")
    changed = parser.add_argument_group("of one that exists")
    changed.add_argument(
        "--overlap",
        default="10m",
        metavar="AGE",
        help="how long the secret that it had is good as well, at most 24h (default: 10m)",
    )
    changed.add_argument("--reason", default="", help="of a revocation; kept in the audit record")


def add_enrol(parser: argparse.ArgumentParser) -> None:
    """Set what `nonself enrol` takes."""
    parser.description = (
        "Make a token that `nonself-agent enrol` exchanges, once, for a token of its node: with that a node "
        "sends its own profiles and matches and nothing else."
    )
    parser.epilog, parser.formatter_class = _ENROL_EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--node", help="it enrols this node alone, also where that is enrolled already")
    parser.add_argument(
        "--expires", default="1h", metavar="WHEN", help="how long it can be used, or until when (default: 1h)"
    )
    parser.set_defaults(action="create", name="", role="enrol", namespace=[], workload=[])


def add_tokens(parser: argparse.ArgumentParser) -> None:
    """Set what `nonself tokens` does."""
    parser.description = "List all tokens with their roles, limits, ends and last uses."
    parser.set_defaults(action="list", name="", role="read")

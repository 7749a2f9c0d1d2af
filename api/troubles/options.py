"""What `nonself troubles` takes on the command line; apart from its actions: the parser starts fast."""

import argparse
from typing import Final

from api.troubles.kinds import TroubleKind

_EXAMPLES: Final = """\
examples:
  nonself troubles
      what is wrong with nonself itself now; the exit code is 1 if anything is
  nonself troubles --all --kind node_silent
      when nodes were silent, and for how long
"""


def add_troubles(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add which troubles are wanted; return the parser, which asks a service."""
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--all", action="store_true", help="also those that are over")
    parser.add_argument("--kind", choices=[each.value for each in TroubleKind], help="of one kind")
    parser.add_argument("--subject", help="of one node, channel or token")
    return [parser]

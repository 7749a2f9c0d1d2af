"""What `nonself alerts` takes on the command line; apart from its actions, so that the parser starts fast."""

import argparse
from typing import Final

from api.vocabulary import AlertKind, AlertStatus, Level

_EXAMPLES: Final = """\
examples:
  nonself alerts --status open --level critical
      what rules of priority Critical and above raised and what goes on
  nonself alerts --workload shop/cart/web --kind anomaly
      what one workload did that it never does
  nonself alerts 5
      one alert: which calls carried it, or what its rule saw, and where
"""


def add_alerts(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add what can be asked; return the parser."""
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("alert", nargs="?", type=int, help="id of the one to show (default: list them)")
    parser.add_argument("--workload", help="id, or name as 'nonself workloads' shows it")
    for name, words in (("status", AlertStatus), ("kind", AlertKind), ("level", Level)):
        parser.add_argument(f"--{name}", choices=[each.value for each in words], help="only these")
    parser.add_argument("--rule", help="only those of the rule of this name")
    return parser

"""The command group `nonself rules`: its options, and what each leads to."""

import argparse
from pathlib import Path
from typing import Final

from api.rules.options import EXAMPLES, add_actions

_CHECK = """\
Loads rule files in Falco's format in the order given, later ones over earlier ones, and prints every error
and warning with its code, its place and the text that it is about. Exits with 1 where there is an error.
"""
_CONFORMANCE = """\
Runs Falco's own test cases, given as JSON files in a folder, and prints what became of each list. Exits with
1 where a case failed. Cases that need a live kernel are named and not counted; make rules-e2e runs those.
"""


LOCAL: Final = ("check", "conformance")
"""Commands that need no service."""


def add_rules(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add the commands of the group; return those that ask a service."""
    commands = parser.add_subparsers(dest="rules_command", required=True, metavar="what")
    check = commands.add_parser("check", help="load rule files and say what is wrong", description=_CHECK)
    check.add_argument("paths", nargs="*", type=Path, metavar="FILE", help="a rule file, or a folder of them")
    check.add_argument(
        "--default", action="store_true", help="the rules that come with nonself, before all others"
    )
    check.add_argument("--json", action="store_true", help="for scripts")
    vectors = commands.add_parser("conformance", help="run Falco's test cases", description=_CONFORMANCE)
    vectors.add_argument("folder", type=Path, metavar="DIR", help="folder of JSON files of cases")
    vectors.add_argument(
        "--show", type=int, default=0, metavar="N", help="print the first N failing cases in full"
    )
    vectors.add_argument("--json", type=Path, metavar="OUT", help="file to write every result to")
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    return add_actions(commands)


def run_rules(options: argparse.Namespace) -> bool:
    """Run the command that was asked for; return whether all is well."""
    if options.rules_command == "check":
        from api.rules.check import check  # noqa: PLC0415 - the other commands start without re2 and yaml

        return check(options.paths, default=options.default, as_json=options.json)
    from api.rules.conformance.command import conformance  # noqa: PLC0415

    return conformance(options.folder, show=options.show, out=options.json)

"""What `nonself alerts` takes on the command line; apart from its actions, so that the parser starts fast."""

import argparse
from collections.abc import Sequence
from typing import Final

from api.vocabulary import AlertChange, AlertKind, AlertStatus, AlertVerdict, Level, Triage

_EXAMPLES: Final = """\
examples:
  nonself alerts
      all of them, oldest first
  nonself alerts list --triage new --min-level high --newest
      what nobody has looked at yet, the worst of it
  nonself alerts list --workload shop/cart/web --kind anomaly
      what one workload did that it never does
  nonself alerts show 5
      one alert: which calls carried it, or what its rule saw, where, and who did what about it
  nonself alerts ack 5 --comment 'I am on it'
  nonself alerts close 5 6 --verdict false_positive --comment 'backup job, CHG-7'
  nonself alerts close --all --rule 'Terminal shell in container' --namespace debug --verdict benign --dry-run
      how many alerts these filters name, and which; without --dry-run they are closed
  nonself alerts close 5 --verdict benign --comment 'nightly backup' --suppress 30 --owner storage --dry-run
      what else would raise no alert for 30 days; without --dry-run it is closed and its like silenced
  nonself alerts tail --min-level high --since 1h
      what happened to alerts for an hour, and what happens from now on, until Ctrl-C
"""
FILTERS: Final = (
    "status",
    "kind",
    "level",
    "min_level",
    "triage",
    "verdict",
    "assignee",
    "rule",
    "namespace",
    "cluster",
    "node",
    "technique",
    "text",
    "happened_since",
    "happened_until",
)
"""Options that are query parameters of the same name."""
TAIL_FILTERS: Final = tuple(
    name for name in FILTERS if name not in {"node", "happened_since", "happened_until"}
)
"""Those that a stream tells from an alert alone."""
_CHOICES: Final = {
    "status": AlertStatus,
    "kind": AlertKind,
    "level": Level,
    "min_level": Level,
    "triage": Triage,
    "verdict": AlertVerdict,
}
_HELP: Final = {
    "status": "open: the newest of its cause; superseded by a later one; closed by a person",
    "min_level": "of this level and worse",
    "triage": "how far a person has come with it",
    "assignee": "whose it is",
    "rule": "name of a rule",
    "node": "where it was seen",
    "technique": "id of ATT&CK, such as T1059",
    "text": "what its message contains",
    "happened_since": "whose last window or match is not older, as 2026-11-01T00:00Z",
    "happened_until": "whose first window or match is older, as 2026-11-01T00:00Z",
}


def add_alerts(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add what can be done with alerts; return the parsers that ask a service."""
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.set_defaults(newest=False, workload=None, **dict.fromkeys(FILTERS))
    actions = parser.add_subparsers(dest="alerts_command", metavar="action")
    listing = actions.add_parser("list", help="list alerts (the default)")
    listing.add_argument("--newest", action="store_true", help="the newest first")
    counts = actions.add_parser("counts", help="count alerts by one of their properties")
    counts.add_argument(
        "--by",
        default="triage",
        choices=("status", "kind", "level", "rule", "triage", "verdict", "assignee", "namespace", "workload"),
        help="(default: triage)",
    )
    show = actions.add_parser("show", help="show one alert and what was done about it")
    show.add_argument("alert", type=int, help="its id")
    steps = [
        actions.add_parser("ack", help="say that somebody looks at it"),
        actions.add_parser("assign", help="say whose it is"),
        actions.add_parser("comment", help="write something down"),
        actions.add_parser("close", help="say what it was; nothing joins it any more"),
        actions.add_parser("reopen", help="take a close back"),
    ]
    for each in (listing, counts):
        _add_filters(each)
    for each in steps:
        name = each.prog.split()[-1]
        each.add_argument("alerts", nargs="*", type=int, metavar="ALERT", help="ids")
        each.add_argument("--all", action="store_true", help="all that the filters name, instead of ids")
        each.add_argument("--dry-run", action="store_true", help="tell what would change; change nothing")
        each.add_argument("--comment", required=name == "comment", help="kept with it")
        if name == "assign":
            each.add_argument("--to", help="a person or team (default: nobody)")
        if name == "close":
            words = [word.value for word in AlertVerdict]
            each.add_argument("--verdict", dest="judged", choices=words, required=True, help="what it was")
            _add_suppression(each)
        _add_filters(each)
    tail = actions.add_parser(
        "tail",
        help="follow what happens to alerts",
        description="Follow what happens to alerts, from now on, until Ctrl-C; restarts are bridged.",
    )
    tail.add_argument(
        "--change",
        action="append",
        choices=[each.value for each in AlertChange],
        help="only if this happens; may be given again",
    )
    _add_filters(tail, TAIL_FILTERS)
    add_tail(tail)
    return [parser, listing, counts, show, *steps, tail]


def _add_suppression(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("silencing its like, with --verdict benign")
    group.add_argument(
        "--suppress", type=float, metavar="DAYS", help="raise no alert of the same for so many days"
    )
    group.add_argument("--owner", help="who answers for that; with --suppress it is required")
    group.add_argument(
        "--by",
        choices=("workload", "sequences", "calls", "rule"),
        help="by what (default: the rule of a signature, the sequences of an anomaly)",
    )
    group.add_argument("--calls", default="", help="with --by calls: names of calls, with commas")
    group.add_argument("--everywhere", action="store_true", help="a rule, in every workload")


def add_tail(parser: argparse.ArgumentParser) -> None:
    """Add where a tail begins and ends."""
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument(
        "--since", metavar="WHEN", help="begin with what was recorded then: a time, or an age such as 2h"
    )
    begin.add_argument(
        "--after", metavar="ID", help="go on after an event: its 'id' of --json, such as a812 (default: now)"
    )
    parser.add_argument("--limit", type=_count, metavar="N", help="end after so many (default: at Ctrl-C)")


def _count(text: str) -> int:
    """Return a number of events.

    Raises:
        ArgumentTypeError: It is not one, or less than one.
    """
    if not text.isdecimal() or int(text) < 1:
        msg = f"expected a number of at least 1; got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _add_filters(parser: argparse.ArgumentParser, names: Sequence[str] = FILTERS) -> None:
    group = parser.add_argument_group("filters")
    group.add_argument("--workload", help="id, or name as 'nonself workloads' shows it")
    for name in names:
        option = f"--{name.replace('_', '-')}"
        if name == "verdict":
            option = "--has-verdict"
        words = [each.value for each in _CHOICES[name]] if name in _CHOICES else None
        group.add_argument(option, dest=name, choices=words, help=_HELP.get(name))

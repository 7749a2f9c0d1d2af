"""The command line of `nonself channels`: argparse alone, so that the command starts fast."""

import argparse
from pathlib import Path
from typing import Final

from api.troubles.kinds import TroubleKind
from api.vocabulary import AlertChange, AlertKind, Level

_EXAMPLES: Final = """\
examples:
  nonself channels add soc https://soc.example/hooks/nonself
      a signed webhook; its secret is printed this once
  nonself channels add am http://alertmanager:9093 --kind alertmanager
      needs --push-allow alertmanager where its address is not public
  nonself channels add oncall --kind apprise --address-file slack-url --least-level high \\
      --quiet 22:00-07:00 --zone Europe/Berlin --limit 20
      a chat, by a URL of Apprise that no history of a shell holds
  nonself channels add siem tls://rsyslog.example:6514 --kind syslog --namespace 'shop-*'
  nonself channels add platform https://ops.example/hooks/nonself --only-troubles
      those who run nonself: silent nodes, lost calls, a full disk, receivers that are down
  nonself channels route soc --least-level medium
      from now on; what is not given is no filter
  nonself channels test soc
  nonself channels deliveries soc --state dead
  nonself channels redeliver soc
      all that was given up, once the receiver is well
  nonself channels rotate soc --overlap-hours 48
      a new secret; for two days both sign

docs/push.md says how often a message is tried, what a receiver has to answer, and what each kind expects.

"""
KINDS: Final = ("webhook", "alertmanager", "syslog", "apprise", "otlp", "kafka", "nats")


def add_channels(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add what can be done with channels; return the parsers that ask a service."""
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="channels_command", required=True, metavar="action")
    asking = [_add(actions.add_parser("add", help="tell a receiver of alerts"))]
    asking.append(actions.add_parser("list", help="list channels and how they fare"))
    route = actions.add_parser("route", help="replace what a channel is told, in which format and when")
    route.add_argument("channel", help="its name or id")
    asking.append(_route(route))
    for name, words in (
        ("show", "show one channel"),
        ("test", "send a test message now"),
        ("enable", "enable a channel; it is told what it missed"),
        ("disable", "disable a channel; what waits stays"),
        ("remove", "delete a channel, its secrets and its deliveries"),
        ("rotate", "give a webhook a new secret"),
        ("deliveries", "list what was and is to be delivered"),
        ("redeliver", "deliver again what was given up, or one delivery"),
    ):
        each = actions.add_parser(name, help=words)
        each.add_argument("channel", help="its name or id")
        asking.append(each)
    more = {each.prog.rpartition(" ")[2]: each for each in asking}
    more["disable"].add_argument("--reason", default="by hand", help="kept in the audit record")
    more["rotate"].add_argument("--secret-file", type=Path, help="holds the new secret (default: it is made)")
    more["rotate"].add_argument(
        "--overlap-hours", type=float, default=24, help="so long both secrets sign (default: 24)"
    )
    states = ("pending", "held", "digested", "delivered", "dead")
    more["deliveries"].add_argument("--state", choices=states, help="only these")
    more["deliveries"].add_argument("--alert", type=int, help="only those of this alert")
    more["deliveries"].add_argument("--trouble", type=int, help="only those of this trouble")
    more["redeliver"].add_argument("--delivery", type=int, help="this one (default: all that are dead)")
    return asking


def _add(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("name", help="of the channel: a-z, 0-9, '.', '_' and '-'")
    parser.add_argument("address", nargs="?", help="where it is; see --address-file where it is a secret")
    parser.add_argument("--kind", choices=KINDS, default="webhook", help="(default: webhook)")
    parser.add_argument("--address-file", type=Path, help="holds the address, in place of an argument")
    parser.add_argument("--secret-file", type=Path, help="holds a webhook's secret (default: it is made)")
    parser.add_argument("--bearer-file", type=Path, help="holds a token that authenticates to the receiver")
    return _route(parser)


def _route(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--format",
        default="nonself",
        help="of the alerts: nonself, ocsf, ecs, or of syslog cef (default: nonself)",
    )
    parser.add_argument("--namespace", action="append", default=[], help="only these; a pattern, repeatable")
    parser.add_argument("--workload", action="append", default=[], help="only these; id or name, repeatable")
    parser.add_argument("--rule", action="append", default=[], help="only these; a pattern, repeatable")
    parser.add_argument("--technique", action="append", default=[], help="of ATT&CK, as in T1059; repeatable")
    parser.add_argument(
        "--alert-kind", action="append", default=[], choices=[each.value for each in AlertKind]
    )
    parser.add_argument(
        "--change",
        action="append",
        default=[],
        choices=[each.value for each in AlertChange],
        help="only when this happens to an alert; repeatable",
    )
    parser.add_argument("--least-level", choices=[each.value for each in Level])
    parser.add_argument(
        "--troubles", action="store_true", help="tell it of troubles of nonself itself, too, of all kinds"
    )
    parser.add_argument(
        "--trouble",
        action="append",
        default=[],
        choices=[each.value for each in TroubleKind],
        help="tell it of troubles of this kind; repeatable",
    )
    parser.add_argument("--only-troubles", action="store_true", help="tell it of troubles, and of no alerts")
    parser.add_argument("--quiet", metavar="HH:MM-HH:MM", help="hours without messages; a digest follows")
    parser.add_argument("--zone", default="UTC", help="of the quiet hours (default: UTC)")
    parser.add_argument("--digest-s", type=int, help="one message for all of so many seconds")
    parser.add_argument("--limit", type=int, help="most messages an hour; one more says what was held back")
    return parser

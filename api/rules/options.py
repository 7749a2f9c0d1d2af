"""What `nonself rules` takes on the command line; apart from its actions, so that the parser starts fast."""

import argparse
from pathlib import Path
from typing import Final

EXAMPLES: Final = """\
examples:
  nonself rules list --state not_evaluable
      the rules that cannot fire on any node, and why: 'nonself rules show NAME'
  nonself rules upload falco_rules.yaml --dry-run
      check a file against the active rules; change nothing
  nonself rules disable 'Terminal *' --namespace shop --reason CHG-7
      switch rules off by name or wildcard; by tag with --tag
  nonself rules test events.jsonl --rules new.yaml
      what a file would say of recorded events, before it is uploaded
  nonself rules what-if --disable 'Terminal *' --since 14d
      what that would have raised of the matches that are stored
  nonself rules rollback 3 --reason 'version 4 is noisy'
      make an earlier version the active one
"""

_TEST: Final = """\
Says which rules hold for each event. An event is an object of fields and values, such as
{"evt.type": "execve", "proc.name": "sh"}; of an alert in Falco's JSON its output_fields are taken.
"""


def add_actions(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> list[argparse.ArgumentParser]:
    """Add the actions that ask a service; return their parsers."""
    listed = actions.add_parser("list", help="list the active rules and whether nodes can evaluate them")
    listed.add_argument("--state", help="evaluable, partly, not_evaluable, disabled or unreported")
    listed.add_argument("--tag", help="only rules with this tag")
    listed.add_argument("--file", help="only rules of this file")
    listed.add_argument("--level", help="informational, low, medium, high or critical")
    show = actions.add_parser("show", help="show one rule, where it is on, and what nodes say of it")
    show.add_argument("name", help="name of the rule")
    upload = actions.add_parser("upload", help="put files among the rules: a new version, active at once")
    upload.add_argument("files", nargs="+", type=Path, metavar="FILE", help="YAML files in Falco's format")
    upload.add_argument("--position", type=int, help="place among the files, from 0 (one file only)")
    upload.add_argument("--comment", default="", help="kept with the version")
    upload.add_argument("--dry-run", action="store_true", help="check only; change nothing")
    switches = [
        actions.add_parser("enable", help="switch rules on, everywhere or in one place"),
        actions.add_parser("disable", help="switch rules off, everywhere or in one place"),
    ]
    for each in switches:
        each.add_argument("rule", nargs="?", help="name, in which * stands for any text")
        each.add_argument("--tag", help="instead of a name: all rules with this tag")
        each.add_argument("--namespace", help="only there")
        each.add_argument(
            "--workload", help="only for this workload: id, or name as 'nonself workloads' shows it"
        )
        each.add_argument("--reason", default="", help="kept in the audit record")
    selections = actions.add_parser("selections", help="list what was switched on and off, and where")
    tried = actions.add_parser(
        "test", help="try rules on recorded events; nothing is stored", description=_TEST
    )
    tried.add_argument("events", type=Path, metavar="EVENTS", help="JSON: a list, or one object a line")
    tried.add_argument("--rules", type=Path, metavar="FILE", help="this file instead of the active rules")
    what_if = actions.add_parser("what-if", help="tell what other rules would raise of stored matches")
    what_if.add_argument("file", nargs="?", type=Path, metavar="FILE", help="to put among the active rules")
    what_if.add_argument("--version", type=int, help="instead of a file: a stored version")
    for name in ("disable", "enable"):
        what_if.add_argument(f"--{name}", action="append", default=[], metavar="RULE", help="may have a *")
    for name, default in (("since", "14d"), ("until", "now")):
        what_if.add_argument(f"--{name}", help=f"a time, or an age as 14d, 36h, 90m (default: {default})")
    versions = actions.add_parser("versions", help="list the versions of the rules")
    rollback = actions.add_parser("rollback", help="make a version the active one again")
    rollback.add_argument("version", type=int)
    rollback.add_argument("--reason", default="", help="kept in the audit record")
    return [listed, show, upload, *switches, selections, tried, what_if, versions, rollback]

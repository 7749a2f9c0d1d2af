"""What `nonself baseline` takes on the command line; apart from its actions: the parser starts fast."""

import argparse
from pathlib import Path
from typing import Final

_WHEN: Final = "a time as 2026-11-24T08:00, or an age as 14d, 36h, 90m"
_EXAMPLES: Final = """\
A BASELINE is a workload as 'nonself workloads' shows it, which means its live version; with @N its version
of that number; or the id of a version.

examples:
  nonself baseline report shop/cart/web --gate
      is it good enough to be promoted? exits with 1 where it is not
  nonself baseline report shop/cart/web --max-unseen 0.05 --cycle week --html report.html
      ask other things of it, and write a page to read
  nonself baseline promote shop/cart/web --gate --reason CHG-7
      make it active, in mode enforcement-alert, if its report passes
  nonself baseline export shop/cart/web --out cart.baseline
  nonself baseline import cart.baseline --promote --reason CHG-7
      carry it from staging to production; 'nonself keys trust' comes first
  nonself baseline diff shop/cart/web@2 shop/cart/web@3
      what version 3 has learned that version 2 had not
  nonself baseline unlearn shop/cart/web --since 2026-11-24T14:00Z --until 2026-11-24T15:00Z --reason pentest
      what was learned in that hour was not normal
  nonself baseline release shop/cart/web --at 02:00 --reason 'the nightly backup'
      what its report calls a rhythm, and holds out of learning, is a job of its own
  nonself baseline relearn shop/cart/web --from 2026-11-24T15:00Z --dry-run --reason 'release 1.5'
      what a baseline would be that knows nothing older; without --dry-run it takes the place of the live one
  nonself baseline rollback shop/cart/web --reason 'release 1.5 was rolled back'
      return to the version that was active before; to another with @N
"""


def add_baseline(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Add the commands of the group; return them."""
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="baseline_command", required=True, metavar="what")
    listed = actions.add_parser("list", help="list versions, oldest first")
    listed.add_argument("workload", nargs="?", help="only those of this workload")
    listed.add_argument("--state", help="learning, ready, active, stale or retired")
    show = actions.add_parser("show", help="show one version")
    history = actions.add_parser("history", help="who moved it into which state, when and why")
    report = actions.add_parser("report", help="tell by evidence whether it can be promoted")
    report.add_argument("--gate", action="store_true", help="exit with 1 where the report does not pass")
    report.add_argument("--max-unseen", type=float, help="upper bound of the unseen mass (default: 0.01)")
    report.add_argument("--max-loss", type=float, help="share of lost calls (default: 0.01)")
    report.add_argument("--max-alerts-per-week", type=float, help="promised false alerts (default: any)")
    report.add_argument("--cycle", choices=("none", "day", "week"), help="must be learned (default: none)")
    report.add_argument("--html", type=Path, metavar="FILE", help="also write a page for people")
    promote = actions.add_parser("promote", help="make it active, in mode enforcement-alert")
    promote.add_argument("--gate", action="store_true", help="only if its report passes")
    retire = actions.add_parser("retire", help="give it up for good: what it learned is deleted")
    rollback = actions.add_parser("rollback", help="make an earlier version active again")
    export = actions.add_parser("export", help="write it as one signed file")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write")
    taken = actions.add_parser("import", help="take a signed file of a trusted key as a new version")
    taken.add_argument("file", type=Path, metavar="FILE", help="what 'export' wrote")
    taken.add_argument("--promote", action="store_true", help="make it active at once")
    taken.add_argument("--namespace", help="of the workload here (default: as exported)")
    taken.add_argument("--name", help="of the workload here (default: as exported)")
    unlearn = actions.add_parser("unlearn", help="take back what the live version learned within a time")
    unlearn.add_argument("--since", required=True, help=f"windows that began at or after {_WHEN}")
    unlearn.add_argument("--until", help=f"windows that began before {_WHEN} (default: now)", default="0m")
    unlearn.add_argument("--container", help="only those of the container of this runtime id")
    release = actions.add_parser("release", help="learn what is quarantined of a time, as a nightly job")
    release.add_argument(
        "--since", help=f"windows that began at or after {_WHEN} (default: 30d)", default="30d"
    )
    release.add_argument("--until", help=f"windows that began before {_WHEN} (default: now)", default="0m")
    release.add_argument(
        "--at", metavar="HH:MM", help="only those within an hour of this time of each day, UTC"
    )
    release.add_argument("--container", help="only those of the container of this runtime id")
    relearn = actions.add_parser("relearn", help="learn a new version from the windows kept since a time")
    relearn.add_argument(
        "--from", dest="since", required=True, help=f"windows that began at or after {_WHEN}", metavar="DATE"
    )
    relearn.add_argument("--dry-run", action="store_true", help="only say what would change")
    for each in (show, history, report, promote, retire, rollback, export, unlearn, release, relearn):
        each.add_argument("baseline", metavar="BASELINE", help="a workload, WORKLOAD@N, or an id")
    for each in (promote, retire, rollback, taken, unlearn, release, relearn):
        each.add_argument("--reason", required=True, help="kept in the audit record")
    diff = actions.add_parser("diff", help="show what one version has learned that another has not")
    diff.add_argument("before", metavar="BEFORE", help="a version, as above")
    diff.add_argument("after", metavar="AFTER", help="another one")
    return [
        listed,
        show,
        history,
        report,
        promote,
        retire,
        rollback,
        export,
        taken,
        diff,
        unlearn,
        release,
        relearn,
    ]

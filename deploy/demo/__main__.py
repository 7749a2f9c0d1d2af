"""`python -m demo`: exit code 0 only if every intrusion, and nothing else, raised an alert."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence

from lab import Lab, LabError
from lab.requirements import PACKAGES, require
from rich.console import Console

from demo import report
from demo.errors import DemoError
from demo.product import Product
from demo.story import Plan, Story

NOT_RAISED, CANNOT_RUN = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story and return the exit code: 1 where detection failed, 2 where the demo could not run."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--window-s", type=int, default=1, help="length of a window in seconds (default: 1)")
    parser.add_argument(
        "--budget-per-week",
        type=float,
        default=10.0,
        help="false alerts accepted per workload and week (default: 10; of each window of 1 s that asks "
        "what 1 asks of windows of 10 s)",
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON on standard output")
    parser.add_argument(
        "--keep", action="store_true", help="leave the state folder with the database and log"
    )
    options = parser.parse_args(arguments)
    console = Console(stderr=options.json, highlight=False)
    # A plain kill cleans up as Ctrl-C does, which a shell's background job would otherwise ignore.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(CANNOT_RUN))
    try:
        require(PACKAGES)
        with _product(options) as product, Lab() as lab:
            console.print(f"nonself runs at {product.url}, state in {product.state}")
            outcome = Story(product, lab, Plan(), console.print).tell()
            console.print("Cleaning up")
    except (DemoError, LabError) as error:
        console.print(f"demo: {error}", style="red", markup=False)
        return CANNOT_RUN
    except KeyboardInterrupt:
        return CANNOT_RUN
    if options.json:
        print(json.dumps(report.as_json(outcome), indent=2))
    report.show(outcome, console)
    return 0 if outcome.ok else NOT_RAISED


def _product(options: argparse.Namespace) -> Product:
    return Product(window_s=options.window_s, budget_per_week=options.budget_per_week, keep=options.keep)


if __name__ == "__main__":
    sys.exit(main())

"""`make rules-e2e SUITE=FILE`: run a suite in the form of eventgen_suite.json on the agent's rule engine."""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from lab.lab import Lab

from rules_e2e.judge import Alerts
from rules_e2e.play import SuiteError, make_play
from rules_e2e.stage import Addresses, Host, InContainer, compile_actor

_EPILOG = """\
A test passes when an alert of its rule arrives that carries its marker in proc.env, with every expected key
equal. The rules are those that the suite was written for, for example upstream's falco_rules.yaml; they are
read in place.
"""
_ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass
class Result:
    """How one test ended."""

    name: str
    rule: str
    outcome: str
    reason: str = ""
    seconds: float = 0.0


class Locks:
    """Lets only one test at a time use a path or an address."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def holding(self, names: set[str]) -> Iterator[None]:
        """Wait until nobody uses any of these."""
        with self._changed:
            self._changed.wait_for(lambda: not names & self._held)
            self._held |= names
        try:
            yield
        finally:
            with self._changed:
                self._held -= names
                self._changed.notify_all()


class Runner:
    """Runs tests on two stages, and waits for their alerts."""

    def __init__(
        self,
        alerts: Alerts,
        host: Host,
        container: InContainer | None,
        addresses: Addresses,
        patience_s: float,
    ) -> None:
        self._alerts = alerts
        self._host = host
        self._container = container
        self._addresses = addresses
        self._patience_s = patience_s
        self._locks = Locks()

    def run(self, test: dict[str, Any]) -> Result:
        """Run one test."""
        started = time.monotonic()
        result = Result(test["name"], test["rule"], "passed")
        if not _applies(test.get("runIf")):
            result.outcome, result.reason = "skipped", f"not for {platform.machine()}"
            return result
        inside = (test.get("context") or {}).get("container") is not None
        stage = self._container if inside else self._host
        assert stage is not None
        try:
            play = make_play(test, stage.user_of)
            for address in play.addresses:
                self._addresses.ensure(address)
            with self._locks.holding({f"{inside} {name}" for name in play.exclusive}):
                said = stage.run(play, timeout_s=120)
            passed, reason = self._alerts.await_match(test, play.marker, self._patience_s)
        except (SuiteError, OSError, KeyError, ValueError) as error:
            passed, reason, said = False, f"{type(error).__name__}: {error}", ""
        if not passed:
            result.outcome = "failed"
            result.reason = "; ".join(filter(None, [reason, said[-300:]]))
        result.seconds = round(time.monotonic() - started, 2)
        return result


def _applies(condition: Any) -> bool:
    for key, check in (condition or {}).items():
        if key == "arch":
            same = _ARCHES.get(platform.machine(), platform.machine()) == check["val"]
            if same != (check["op"] in {"eq", "=="}):
                return False
    return True


def main() -> int:
    """Run the suite; exit code 1 where a test failed."""
    options = _options()
    suite = json.loads(options.suite.read_text())
    tests = [
        test
        for test in suite["tests"]
        if not options.only or any(fnmatchcase(test["name"], each) for each in options.only)
    ]
    if not tests:
        print(f"no test of {options.suite} is called {', '.join(options.only)}", file=sys.stderr)
        return 2
    if os.geteuid():
        print(
            "an end-to-end suite needs root: it loads BPF programs and becomes other users", file=sys.stderr
        )
        return 2
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rules-e2e-")))
        folder.chmod(0o755)
        actor = compile_actor(folder)
        addresses = Addresses()
        stack.callback(addresses.remove)
        host = Host(actor)
        stack.callback(host.close)
        sockets = []
        container = None
        if any((test.get("context") or {}).get("container") is not None for test in tests):
            print("starting a container", file=sys.stderr)
            lab = stack.enter_context(Lab())
            pod = lab.pod(
                "e2e",
                "e2e-0",
                container="event-generator",
                image="busybox",
                host_network=True,
                privileged=True,
                command=["/bin/sleep", "100000"],
            )
            container = InContainer(pod, actor)
            stack.callback(container.close)
            sockets = [
                "--cri-sockets",
                str(lab.socket),
                "--bundle-roots",
                f"{lab.state}/io.containerd.runtime.v2.task",
            ]
        command = [
            sys.executable,
            "-m",
            "collector.cli",
            "rules",
            "run",
            "--json",
            "--rules",
            *map(str, options.rules),
        ]
        command += ["--extra-fields", "proc.env", "--env-bytes", "4096", "--log-format", "json", *sockets]
        if suite.get("hosts"):
            command = [*_with_hosts(suite["hosts"], folder), *command]
        log = options.log or folder / "agent.log"
        alerts = Alerts(command, log)
        stack.callback(alerts.stop)
        if not alerts.ready.wait(120) or alerts.ended.is_set():
            print(f"the agent did not start: {log.read_text()}", file=sys.stderr)
            return 2
        runner = Runner(alerts, host, container, addresses, options.patience)
        results = []
        with ThreadPoolExecutor(options.jobs) as pool:
            for result in pool.map(runner.run, tests):
                results.append(result)
                line = f"{result.outcome:7} {result.name}"
                print(line + (f": {result.reason}" if result.reason else ""), flush=True)
        dropped = alerts.dropped
    return _report(results, dropped, options.json)


def _with_hosts(hosts: dict[str, str], folder: Path) -> list[str]:
    """Return what to put before a command, so that names have these addresses for it and nobody else."""
    file = folder / "hosts"
    lines = [f"{address} {name}" for name, address in hosts.items()]
    file.write_text("\n".join([Path("/etc/hosts").read_text(), *lines, ""]))
    script = f'mount --bind {file} /etc/hosts && exec "$@"'
    return ["unshare", "--mount", "--propagation", "slave", "sh", "-c", script, "sh"]


def _report(results: list[Result], dropped: int, to: Path | None) -> int:
    counts = Counter(result.outcome for result in results)
    if to:
        document = {
            "counts": dict(counts),
            "dropped_events": dropped,
            "tests": [asdict(result) for result in results],
        }
        to.write_text(json.dumps(document, indent=1) + "\n")
    by_rule = Counter((result.rule, result.outcome) for result in results)
    print()
    for rule in sorted({result.rule for result in results}):
        print(f"{rule}: {by_rule[rule, 'passed']} passed, {by_rule[rule, 'failed']} failed")
    if dropped:
        print(f"{dropped} events were dropped")
    if counts["skipped"]:
        print(f"{counts['skipped']} skipped")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make rules-e2e SUITE=FILE", description=__doc__, epilog=_EPILOG)
    parser.add_argument("suite", type=Path, help="the suite, as JSON")
    parser.add_argument("--rules", type=Path, nargs="+", required=True, help="rule files")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="only tests of this name; * stands for any text",
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write results there too")
    parser.add_argument("--jobs", type=int, default=8, help="tests at a time (default: 8)")
    parser.add_argument(
        "--patience", type=float, default=30.0, metavar="S", help="seconds to wait for an alert (default: 30)"
    )
    parser.add_argument("--log", type=Path, help="keep what the agent says there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

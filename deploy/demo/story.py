"""The four chapters: start, learn, stay quiet under changing load, raise each intrusion."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lab import Lab

from demo import workloads
from demo.errors import TooLongError
from demo.intrusions import INTRUSIONS, Intrusion
from demo.product import Product
from demo.watch import Finding, Watch, window_of
from demo.workloads import NAMES, Workload

_LEARN_S = 900.0
_PATIENCE_S = 30.0
_POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long each chapter lasts, counted in windows that the service has scored, never by the clock."""

    learn_windows: int = 300
    """Windows that a workload has learned before it is trusted, at least."""
    sharp_bits: float = 48.0
    """Learning goes on while the tail of the healthy scores has a larger scale: their record is too rough."""
    most_windows: int = 600
    """Windows after which a workload is trusted however rough its record is."""
    quiet_windows: int = 30
    """Windows without a finding, the last ones of learning, that say it has seen what there is to see."""
    benign_windows: int = 40
    """Windows of changed load in which nothing may be raised."""
    workloads: Sequence[str] = NAMES
    prefix: str = ""
    """Before the namespaces, so that two runs on one node are not taken for one workload."""
    intrusions: Sequence[Intrusion] = INTRUSIONS


@dataclass
class Raised:
    """One intrusion and what became of it."""

    intrusion: Intrusion
    started_at: datetime
    ended_at: datetime
    finding: Finding | None
    seen_after_s: float | None
    """From the intruding call to the moment its alert could be read over REST."""


@dataclass
class Outcome:
    """What the demo found."""

    window_s: int
    learned: dict[str, dict[str, object]] = field(default_factory=dict)
    benign_windows: dict[str, int] = field(default_factory=dict)
    benign_findings: dict[str, list[Finding]] = field(default_factory=dict)
    raised: list[Raised] = field(default_factory=list)
    unexplained: dict[str, list[Finding]] = field(default_factory=dict)
    """Findings in the last chapter that no intrusion on their workload explains."""
    load_failures: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Every intrusion raised on its own workload, and not one alert that nobody caused."""
        false = [*self.benign_findings.values(), *self.unexplained.values()]
        return bool(self.raised) and all(each.finding for each in self.raised) and not any(false)


class Story:
    """Tells it once.

    Args:
        product: A running nonself.
        lab: Where the containers run.
        plan: What to do, and how long.
        say: Takes one line for the person who watches.
    """

    def __init__(self, product: Product, lab: Lab, plan: Plan, say: Callable[[str], None]) -> None:
        self._product = product
        self._lab = lab
        self._plan = plan
        self._say = say
        self._watches: dict[str, Watch] = {}
        self.outcome = Outcome(product.window_s)

    def tell(self) -> Outcome:
        """Run all chapters and return what was found.

        Raises:
            DemoError: Something else than detection went wrong.
            LabError: A container or its load did not start.
        """
        self._say("[bold]1. Start[/] the workloads, as pods with the labels and cgroups of Kubernetes")
        started = workloads.start(
            self._lab, self._plan.workloads, lambda line: self._say(f"   {line}"), prefix=self._plan.prefix
        )
        with _load_on(started):
            self._learn(started)
            self._stay_quiet(started)
            self._intrude(started)
        self.outcome.load_failures = {each.name: each.failures for each in started if each.failures}
        return self.outcome

    def _learn(self, started: Sequence[Workload]) -> None:
        self._say("[bold]2. Learn[/] under load; each workload is trusted once its baseline says so")
        waiting = {each.name: each for each in started}
        deadline = time.monotonic() + _LEARN_S
        while waiting:
            for name, workload in sorted(waiting.items()):
                watch = self._watches.get(name) or self._find(workload)
                if watch is None:
                    continue
                self._watches[name] = watch
                if self._trusted(watch):
                    self._enforce(name, watch)
                    del waiting[name]
            if time.monotonic() > deadline:
                states = {name: self._watches[name].state() for name in waiting if name in self._watches}
                msg = f"After {_LEARN_S:.0f} s these have not learned enough: {sorted(waiting)}; {states}"
                raise TooLongError(msg)
            time.sleep(self._product.window_s / 2)

    def _find(self, workload: Workload) -> Watch | None:
        pod, name = workload.pod, workload.name.split("/")[1]
        return Watch.find(self._product, pod.namespace, name, pod.container.name)

    def _trusted(self, watch: Watch) -> bool:
        state = watch.state()
        learned = state["windows_learned"]
        if state["state"] != "ready" or learned < self._plan.learn_windows:
            return False
        rough = watch.baseline()["calibration"]["tail_scale"] > self._plan.sharp_bits
        if rough and learned < self._plan.most_windows:
            return False
        last = watch.scores()[-self._plan.quiet_windows :]
        return all(score["verdict"] == "normal" for score in last)

    def _enforce(self, name: str, watch: Watch) -> None:
        watch.enforce("the demo has seen it long enough")
        baseline = watch.baseline()
        self.outcome.learned[name] = {
            "windows": baseline["windows_learned"],
            "calls": baseline["calls_learned"],
            "distinct_ngrams": baseline["distinct_ngrams"],
            "completeness": baseline["completeness"],
        }
        most = " ▸ ".join(baseline["top"][0]["syscalls"]) if baseline["top"] else ""
        self._say(
            f"   {name}: {baseline['windows_learned']} windows, {baseline['calls_learned']:,} calls, "
            f"{baseline['distinct_ngrams']} distinct 6-grams; most often {most} → enforcement-alert"
        )

    def _stay_quiet(self, started: Sequence[Workload]) -> None:
        self._say("[bold]3. Stay quiet[/] while the load goes down to a tenth and up to four times")
        since = datetime.now(UTC)
        for each in started:
            each.change_load()
        for name, watch in self._watches.items():
            self._wait_for_windows(watch, since, self._plan.benign_windows)
            self.outcome.benign_windows[name] = self._windows_since(watch, since)
        for name, watch in self._watches.items():
            self.outcome.benign_findings[name] = found = watch.findings()
            self._say(f"   {name}: {self.outcome.benign_windows[name]} windows, {_alerts(found)}")

    def _windows_since(self, watch: Watch, since: datetime) -> int:
        return sum(window_of(score)[0] >= since for score in watch.scores())

    def _intrude(self, started: Sequence[Workload]) -> None:
        self._say("[bold]4. Intrude[/], one at a time, while the load goes on")
        since = datetime.now(UTC)
        by_name = {each.name: each for each in started}
        for intrusion in self._plan.intrusions:
            raised = self._raise(intrusion, by_name[intrusion.workload])
            self.outcome.raised.append(raised)
            after = (
                "NOT RAISED" if raised.seen_after_s is None else f"raised after {raised.seen_after_s:.1f} s"
            )
            self._say(f"   {intrusion.name} on {intrusion.workload}: {after}")
        for name, watch in self._watches.items():
            found = [each for each in watch.findings(since=since) if not self._explained(name, each)]
            self.outcome.unexplained[name] = found

    def _raise(self, intrusion: Intrusion, workload: Workload) -> Raised:
        watch = self._watches[intrusion.workload]
        errors: list[Exception] = []

        def act() -> None:
            try:
                intrusion.run(self._lab, workload)
            except Exception as error:  # noqa: BLE001 - handed to the caller's thread below
                errors.append(error)

        actor = threading.Thread(target=act, name="intruder")
        started_at, clock = datetime.now(UTC), time.monotonic()
        actor.start()
        finding, seen_after_s, ended = None, None, None
        while finding is None and (ended is None or time.monotonic() - ended < _PATIENCE_S):
            time.sleep(_POLL_S)
            finding = next(iter(watch.findings(since=started_at)), None)
            if finding is not None:
                seen_after_s = time.monotonic() - clock
            if ended is None and not actor.is_alive():
                ended = time.monotonic()
        actor.join()
        if errors:
            raise errors[0]
        ended_at = datetime.now(UTC)
        self._calm_down(watch, ended_at)
        return Raised(intrusion, started_at, ended_at, finding, seen_after_s)

    def _calm_down(self, watch: Watch, since: datetime) -> None:
        """Wait for a window that began after the intrusion, so that the next one cannot borrow its alert."""
        self._wait_for_windows(watch, since, 1)

    def _explained(self, name: str, finding: Finding) -> bool:
        # A process that was killed with its connection may still be closing files in the next window.
        after = timedelta(seconds=self._product.window_s)
        own = (each for each in self.outcome.raised if each.intrusion.workload == name)
        return any(finding.overlaps(each.started_at, each.ended_at + after) for each in own)

    def _wait_for_windows(self, watch: Watch, since: datetime, count: int) -> None:
        deadline = time.monotonic() + count * self._product.window_s + _PATIENCE_S
        while self._windows_since(watch, since) < count:
            if time.monotonic() > deadline:
                msg = f"The service scored fewer than {count} windows after {since}. {self._product.log()}"
                raise TooLongError(msg)
            time.sleep(self._product.window_s / 4)


@contextmanager
def _load_on(started: Sequence[Workload]) -> Iterator[None]:
    for each in started:
        each.start_load()
    try:
        yield
    finally:
        for each in started:
            each.stop_load()


def _alerts(found: Sequence[Finding]) -> str:
    return "no alert" if not found else f"[red]{len(found)} findings that nobody caused[/]"

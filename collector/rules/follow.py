"""An engine that takes its rules from the service and brings its matches there."""

import fcntl
import os
import platform
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from collector.errors import RulesError
from collector.identity.settings import IdentitySettings
from collector.rules.bundles import report_on, to_rules
from collector.rules.command import build, extra_output
from collector.rules.feed import BundleClient, RuleFeed
from collector.rules.outlet import MatchOutlet
from collector.rules.settings import RuleSettings
from collector.rules.supply import supply
from collector.sender import Sender
from collector.settings import AgentSettings
from collector.status import rss_bytes
from signatures.ruleset import RuleSet
from wire.bundle import RuleBundle
from wire.match import MATCH_CONTENT_TYPE, MATCH_PATH, EngineReport, SignatureMatch

_STOP_S: Final = 5.0


class Following:
    """Runs after `start` in the thread that calls `run`, until `stop`; `close` frees everything.

    Args:
        agent: Where the service is, and where things are kept.
        settings: Of the engine.
        identity: Of containers.
        silent: Processes whose calls are not reported.

    Raises:
        CollectorError: Something is missing; the message says the cure.
    """

    def __init__(
        self,
        agent: AgentSettings,
        settings: RuleSettings,
        identity: IdentitySettings,
        silent: Sequence[int] = (),
    ) -> None:
        self._extras = [extra_output(settings)]
        self._rules = RuleSet(())
        self._supply = supply(environment=settings.env_bytes > 0)
        self._trouble = ""
        rules_dir, matches_dir = _folder(agent.state_dir / "rules"), _folder(agent.state_dir / "matches")
        node = agent.node or platform.node()
        chance = random.Random()  # noqa: S311 - spreads retries, keeps no secret
        with ExitStack() as undo:
            undo.callback(os.close, _claim(matches_dir))
            client = BundleClient(agent.url, agent.token_file, agent.trust)
            undo.callback(client.close)
            sender = Sender(
                agent.url,
                agent.token_file,
                agent.trust,
                path=MATCH_PATH,
                content_type=MATCH_CONTENT_TYPE,
                traces_ratio=agent.traces_ratio,
            )
            undo.callback(sender.close)
            self._running = build(
                settings, identity, self._rules, self._deliver, hostname=node, silent=silent
            )
            undo.callback(self._running.close)
            self._outlet = MatchOutlet(
                matches_dir,
                sender.send,
                self._report,
                node=node,
                boot_id=self._running.maker.boot_id,
                now_ms=lambda: time.time_ns() // 1_000_000,
                chance=chance,
            )
            self._feed = RuleFeed(client.ask, rules_dir, self._take, self._refuse, chance=chance)
            self._stack = undo.pop_all()

    def start(self) -> None:
        """Take up the last good rules and those of the service, and send what waits."""
        self._outlet.start()
        self._stack.callback(self._outlet.stop, _STOP_S)
        self._feed.start()
        self._stack.callback(self._feed.stop)

    def run(self) -> None:
        """Match until `stop`."""
        self._running.run()

    def stop(self) -> None:
        """Let `run` return."""
        self._running.stop()

    def close(self) -> None:
        """Send what waits, once, and free everything."""
        self._stack.close()

    def _deliver(self, match: SignatureMatch) -> None:
        self._outlet.deliver(match)

    def _take(self, bundle: RuleBundle) -> None:
        rules = to_rules(bundle, self._extras)
        self._running.replace(rules, bundle.digest)
        self._rules = rules

    def _refuse(self, trouble: str) -> None:
        self._trouble = trouble
        self._outlet.report()

    def _report(self) -> EngineReport:
        engine = self._running.engine
        sums = engine.sums()
        counters = {
            "events": engine.events,
            "matches": engine.matches,
            "failures": engine.failures,
            "sent_events": sums.sent,
            "dropped_events": sums.dropped,
            "filtered_events": sums.filtered,
            "discarded_matches": self._outlet.discarded,
            "cpu_ms": round(time.process_time() * 1000),
            "rss_bytes": rss_bytes(),
        }
        ruleset = self._running.maker.ruleset
        return report_on(self._rules, self._supply, ruleset=ruleset, error=self._trouble, counters=counters)


def _claim(folder: Path) -> int:
    """Return a descriptor that keeps other engines off a folder for as long as it is open."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        msg = f"Another rule engine uses the folder {folder}; it has to end first."
        raise RulesError(msg) from error
    return descriptor


def _folder(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        msg = f"The folder {path} cannot be made ({reason}); choose another with --state-dir."
        raise RulesError(msg) from error
    return path

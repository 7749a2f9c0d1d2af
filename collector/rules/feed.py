"""Keeps this node's rules those of the service; the last good ones survive a restart without it."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from urllib3.exceptions import HTTPError

from collector.connection import NO_FILES, Connection, Trust
from collector.disk import Disk
from collector.errors import RulesError, SensorError
from wire.bundle import BUNDLE_PATH, RuleBundle, decode_bundle, encode_bundle
from wire.errors import WireError
from wire.retry import backoff_s

WAIT_S: Final = 25.0
"""How long the service may hold an answer back while nothing changes."""
_MARGIN_S: Final = 10.0
_BACKOFF_FIRST_S: Final = 0.5
_BACKOFF_CAP_S: Final = 30.0
_MAX_BYTES: Final = 256 << 20
"""32 files of the most characters, each of them escaped."""
_FILE: Final = "rules.json"
_DRAFT: Final = "rules.json.new"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking for rules: a bundle, or none where nothing changed, or why there is no answer."""

    bundle: RuleBundle | None = None
    trouble: str = ""


class BundleClient(Connection):
    """Asks the service for its bundle.

    Raises:
        TokenError: The file cannot be read or holds no token.
    """

    def __init__(self, url: str, token_file: Path, trust: Trust = NO_FILES, wait_s: float = WAIT_S) -> None:
        self._url = f"{url.rstrip('/')}{BUNDLE_PATH}?wait_s={wait_s:g}"
        super().__init__(token_file, trust, read_s=wait_s + _MARGIN_S)

    def ask(self, digest: str) -> Asked:
        """Return the bundle if it is not the one of this digest; never raises for what a network does."""
        headers = {"Authorization": f"Bearer {self._token}", "If-None-Match": f'"{digest}"'}
        try:
            response = self._pool.request(
                "GET", self._url, headers=headers, redirect=False, preload_content=False
            )
            body = response.read(_MAX_BYTES, decode_content=True)
            response.release_conn()
        except HTTPError as error:
            return Asked(trouble=f"The service cannot be reached ({error}).")
        if response.status == 304:
            return Asked()
        if response.status in {401, 403}:
            self._read_token_anew()
        if response.status != 200:
            return Asked(trouble=f"The service gives no rules ({response.status}).")
        try:
            return Asked(bundle=decode_bundle(body))
        except WireError as error:
            return Asked(trouble=f"The service gives rules that cannot be read ({error}).")


class RuleFeed:
    """Takes new rules as soon as there are any, and hands them to the engine.

    Args:
        ask: Asks for a bundle other than the one of a digest, as `BundleClient.ask` does.
        folder: Where the last good bundle is kept; it exists.
        take: Makes a bundle the rules of this node; raises RulesError or SensorError where it cannot,
            and the old ones stay.
        refused: Told in one sentence why a bundle was not taken; with "" once one was.
        chance: Spreads the pauses of agents that lost their service together.
    """

    def __init__(
        self,
        ask: Callable[[str], Asked],
        folder: Path,
        take: Callable[[RuleBundle], None],
        refused: Callable[[str], None],
        *,
        chance: random.Random,
        disk: Disk | None = None,
    ) -> None:
        self._ask = ask
        self._folder = folder
        self._take = take
        self._refused = refused
        self._chance = chance
        self._disk = disk or Disk()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)
        self._seen = ""
        self._failures = 0

    def start(self) -> None:
        """Take up the last good rules, then those of the service, from a thread."""
        self.restore()
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; a request on its way is not waited for."""
        self._stopping.set()

    def restore(self) -> None:
        """Take up the bundle that was kept; one that cannot be read or taken is told and left."""
        path = self._folder / _FILE
        if not path.exists():
            return
        try:
            self._apply(decode_bundle(path.read_bytes()))
        except (OSError, WireError) as error:
            log.warning("kept_rules_unreadable", path=str(path), reason=str(error))

    def step(self) -> float:
        """Ask once; return how long to pause before the next time."""
        asked = self._ask(self._seen)
        if asked.trouble:
            if not self._failures:
                log.warning("rules_not_fetched", reason=asked.trouble)
            self._failures += 1
            return backoff_s(
                self._failures, first_s=_BACKOFF_FIRST_S, cap_s=_BACKOFF_CAP_S, chance=self._chance
            )
        self._failures = 0
        if asked.bundle is not None and self._apply(asked.bundle):
            self._keep(asked.bundle)
        return 0.0

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(self.step())

    def _apply(self, bundle: RuleBundle) -> bool:
        # What was refused is not asked for again: the same bundle would be refused again.
        self._seen = bundle.digest
        try:
            self._take(bundle)
        except (RulesError, SensorError) as error:
            log.warning("rules_refused", version=bundle.version, digest=bundle.digest, reason=str(error))
            self._refused(f"Version {bundle.version} was not taken: {error}")
            return False
        log.info("rules_taken", version=bundle.version, digest=bundle.digest)
        self._refused("")
        return True

    def _keep(self, bundle: RuleBundle) -> None:
        try:
            self._disk.write(self._folder / _DRAFT, encode_bundle(bundle))
            self._disk.rename(self._folder / _DRAFT, self._folder / _FILE)
            self._disk.sync(self._folder)
        except OSError as error:
            log.warning("rules_not_kept", reason=error.strerror or str(error))

"""Brings matches and the engine's reports to the service: on disk first, until the service has them."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from collector.disk import Disk
from collector.sender import Answer, Verdict
from wire.match import MAX_MATCHES, EngineReport, MatchBatch, SignatureMatch, encode_match_batch
from wire.retry import backoff_s

MOST_WAITING: Final = 50_000
"""Matches in memory; what comes while it is full is discarded and counted."""
MOST_FILES: Final = 2_000
"""Batches on disk; while there are so many, matches wait in memory."""
REPORT_S: Final = 20.0
_GATHER_S: Final = 0.02
"""Between two batches: a match that comes alone waits for nothing, of many each batch takes what came."""
_BACKOFF_FIRST_S: Final = 0.5
_BACKOFF_CAP_S: Final = 30.0
_SUFFIX: Final = ".matches"
_REFUSED: Final = ".refused"

log = structlog.get_logger()


class MatchOutlet:
    """Sends what `deliver` is given, each match at least once, also over a restart.

    Args:
        folder: Where batches wait; it exists and is nobody else's.
        send: Sends one body, as `Sender.send` does.
        report: What the engine says of itself now; asked for from the outlet's thread.
        node: Name of this node.
        boot_id: Of this boot.
        now_ms: The wall clock.
        chance: Spreads pauses.
    """

    def __init__(
        self,
        folder: Path,
        send: Callable[[bytes], Answer],
        report: Callable[[], EngineReport],
        *,
        node: str,
        boot_id: str,
        now_ms: Callable[[], int],
        chance: random.Random,
        disk: Disk | None = None,
    ) -> None:
        self._folder = folder
        self._send = send
        self._describe = report
        self._node, self._boot_id = node, boot_id
        self._now_ms = now_ms
        self._chance = chance
        self._disk = disk or Disk()
        self._waiting: deque[SignatureMatch] = deque()
        self._changed = threading.Condition()
        self._report_due = True
        self._reported_s = time.monotonic()
        self._stopping = False
        self._failures = 0
        self._files: deque[Path] = deque(sorted(folder.glob(f"*{_SUFFIX}")))
        self._next = int(self._files[-1].stem) + 1 if self._files else 1
        self._thread = threading.Thread(target=self._run, name="matches", daemon=True)
        self.discarded = 0
        """Matches that found no room; counted since the start."""

    def deliver(self, match: SignatureMatch) -> None:
        """Take a match; any thread may call it, and it never waits for disk or network."""
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                self.discarded += 1
                return
            self._waiting.append(match)
            self._changed.notify_all()

    def report(self) -> None:
        """Send the engine's report soon: something of it changed."""
        with self._changed:
            self._report_due = True
            self._changed.notify_all()

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Write what waits to disk and try once to send it; the rest stays there."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def step(self) -> float:
        """Write and send what waits; return how long to pause where the service did not answer."""
        self._write()
        while True:
            # How the engine is doing does not queue behind what it found: in a flood that takes minutes.
            answer = self._send_report()
            if answer.verdict is Verdict.LATER:
                return self._failed(answer)
            if not self._files:
                return 0.0
            answer = self._send_file(self._files[0])
            if answer.verdict is Verdict.LATER:
                return self._failed(answer)
            self._failures = 0
            self._done(self._files.popleft(), answer)
            self._write()

    def _run(self) -> None:
        pause_s = 0.0
        while True:
            with self._changed:
                if pause_s:
                    self._changed.wait_for(lambda: self._stopping, pause_s)
                else:
                    self._changed.wait_for(self._anything, max(0.0, self._report_in_s()))
                last = self._stopping
            begun = time.monotonic()
            pause_s = self.step()
            if last:
                return
            if not pause_s:
                time.sleep(max(0.0, begun + _GATHER_S - time.monotonic()))

    def _report_in_s(self) -> float:
        return self._reported_s + REPORT_S - time.monotonic()

    def _anything(self) -> bool:
        return self._stopping or self._report_due or bool(self._waiting)

    def _write(self) -> None:
        """Turn what waits in memory into batches on disk."""
        while self._waiting and len(self._files) < MOST_FILES:
            with self._changed:
                taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_MATCHES))]
            path = self._folder / f"{self._next:016d}{_SUFFIX}"
            draft = path.with_suffix(".new")
            try:
                self._disk.write(draft, self._encoded(None, taken))
                self._disk.rename(draft, path)
                self._disk.sync(self._folder)
            except OSError as error:
                log.warning("matches_not_kept", reason=error.strerror or str(error), matches=len(taken))
                with self._changed:
                    self._waiting.extendleft(reversed(taken))
                return
            self._next += 1
            self._files.append(path)

    def _encoded(self, engine: EngineReport | None, matches: Sequence[SignatureMatch]) -> bytes:
        return encode_match_batch(
            MatchBatch(
                node=self._node,
                boot_id=self._boot_id,
                sent_at=self._now_ms(),
                engine=engine,
                matches=tuple(matches),
            )
        )

    def _send_report(self) -> Answer:
        """Send what the engine says of itself, where that is due; it is never kept, since it grows old."""
        with self._changed:
            due, self._report_due = self._report_due or self._report_in_s() <= 0, False
        if not due:
            return Answer(Verdict.KNOWN)
        answer = self._send(self._encoded(self._describe(), ()))
        if answer.verdict is Verdict.LATER:
            with self._changed:
                self._report_due = True
        else:
            self._reported_s, self._failures = time.monotonic(), 0
        if answer.verdict is Verdict.REFUSED:
            log.error("rule_report_refused", reason=answer.detail)
        return answer

    def _send_file(self, path: Path) -> Answer:
        try:
            body = path.read_bytes()
        except OSError as error:
            return Answer(Verdict.REFUSED, f"The file cannot be read ({error.strerror or error}).")
        return self._send(body)

    def _done(self, path: Path, answer: Answer) -> None:
        if answer.verdict is Verdict.REFUSED:
            log.error("matches_refused", file=path.name, reason=answer.detail)
        try:
            if answer.verdict is Verdict.REFUSED and path.exists():
                self._disk.rename(path, path.with_suffix(_REFUSED))
            else:
                self._disk.unlink(path)
        except OSError as error:
            # Sent again after a restart, it is recognised.
            log.warning("matches_left_over", file=path.name, reason=error.strerror or str(error))

    def _failed(self, answer: Answer) -> float:
        if not self._failures:
            log.warning("matches_wait", reason=answer.detail, batches=len(self._files))
        self._failures += 1
        wait_s = backoff_s(
            self._failures, first_s=_BACKOFF_FIRST_S, cap_s=_BACKOFF_CAP_S, chance=self._chance
        )
        return max(wait_s, answer.retry_after_s)

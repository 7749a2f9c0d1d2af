"""The threads of push: one for each channel that is enabled, so that no receiver keeps another waiting."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from api.core import Core
from api.errors import StoreError
from api.push import queue
from api.push.sender import Sender

_log = structlog.get_logger()

_LOOK_EVERY_S: Final = 1.0
_IDLE_S: Final = 60.0
"""A thread looks by itself so often; it is woken when something has happened."""
_TROUBLED_S: Final = 15.0
_STOP_S: Final = 5.0
_MOMENT_S: Final = 0.1
_FORGET_EVERY_S: Final = 3600.0
_DAY_MS: Final = 86_400_000


class _Served:
    """A channel and the thread that serves it."""

    def __init__(self, core: Core, channel_id: int, updated_at: int) -> None:
        self.updated_at = updated_at
        self._core = core
        self._channel_id = channel_id
        self._wake = threading.Event()
        chance = random.Random()  # noqa: S311 - no secret depends on it
        self._sender = Sender(core, channel_id, chance=chance)
        self._thread = threading.Thread(target=self._run, name=f"nonself-push-{channel_id}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Tell that there may be something to do."""
        self._wake.set()

    def alive(self) -> bool:
        """Tell whether the thread still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ask it to end after the attempt at hand."""
        self._sender.stopping.set()
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        """Wait until it has ended, but not for a receiver that does not answer."""
        self._thread.join(timeout_s)

    def abandon(self) -> None:
        """Have what is still under way come again: the store may be closed once its answer is here."""
        self._sender.abandoned = self.alive()

    def _run(self) -> None:
        stopping = self._sender.stopping
        while not stopping.is_set():
            self._wake.clear()
            try:
                due = self._sender.step()
            except StoreError as error:
                if stopping.is_set():
                    break
                _log.error("channel_waits", channel=self._channel_id, reason=error.detail)
                stopping.wait(_TROUBLED_S)
                continue
            except Exception:  # noqa: BLE001 - a thread that died would deliver nothing until a restart
                if stopping.is_set():
                    break
                _log.exception("channel_failed", channel=self._channel_id)
                stopping.wait(_TROUBLED_S)
                continue
            wait_s = _IDLE_S
            if due is not None:
                wait_s = min(wait_s, max(0.01, (due - self._core.clock.now_ms()) / 1000))
            self._wake.wait(wait_s)
        self._sender.close()


class Dispatcher:
    """Keeps one thread for each enabled channel, and deletes old deliveries.

    Args:
        core: What the service consists of.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._served: dict[int, _Served] = {}
        self._newest = (0, 0)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nonself-push", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._core.wake_push = self._wake.set
        self._thread.start()

    def stop(self) -> None:
        """End all threads, each after the attempt at hand and within 5 s; what waits stays stored."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        for each in self._served.values():
            each.stop()
        for each in self._served.values():
            each.join(_STOP_S)
            each.abandon()

    def _run(self) -> None:
        since_forgotten_s = _FORGET_EVERY_S
        while not self._stopping.is_set():
            woken = self._wake.wait(_LOOK_EVERY_S)
            self._wake.clear()
            since_forgotten_s += 0 if woken else _LOOK_EVERY_S
            try:
                self._match_channels()
                self._tell()
                if since_forgotten_s >= _FORGET_EVERY_S:
                    since_forgotten_s = 0.0
                    self._forget()
            except StoreError as error:
                _log.error("push_waits", reason=error.detail)
            except Exception:  # noqa: BLE001 - see above
                _log.exception("push_failed")

    def _tell(self) -> None:
        """Wake all threads if something happened to an alert or a trouble; no transaction tells."""
        with self._core.store.read() as session:
            newest = queue.newest_change(session), queue.newest_trouble_change(session)
        if newest != self._newest:
            self._newest = newest
            for each in self._served.values():
                each.wake()

    def _match_channels(self) -> None:
        with self._core.store.read() as session:
            wanted = dict(queue.list_enabled(session))
        for channel_id, each in list(self._served.items()):
            if wanted.get(channel_id) != each.updated_at or not each.alive():
                each.stop()
                # Two threads of one channel could pass each other: the next look sees whether it has ended.
                each.join(_MOMENT_S)
                if not each.alive():
                    del self._served[channel_id]
        for channel_id, updated_at in wanted.items():
            if channel_id not in self._served and not self._stopping.is_set():
                self._served[channel_id] = _Served(self._core, channel_id, updated_at)

    def _forget(self) -> None:
        before_ms = self._core.clock.now_ms() - self._core.settings.push_kept_days * _DAY_MS
        with self._core.store.write() as session:
            gone = queue.forget(session, before_ms)
        if gone:
            _log.info("deliveries_forgotten", count=gone)


@contextmanager
def pushing(core: Core) -> Iterator[None]:
    """Serve all channels until the block ends.

    Args:
        core: What the service consists of.
    """
    dispatcher = Dispatcher(core)
    dispatcher.start()
    try:
        yield
    finally:
        dispatcher.stop()

"""What ends a command of the agent: signals, a thread that fails, a time limit."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger()


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` from a thread at SIGTERM and SIGINT.

    A handler would run in the middle of the main thread, which may hold the very lock that `stop` takes.
    """
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(reader, True)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    before = {each: signal.signal(each, lambda *_: None) for each in (signal.SIGTERM, signal.SIGINT)}
    threading.Thread(target=_stop_when_told, args=(reader, stop), name="signals", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        for each, handler in before.items():
            signal.signal(each, handler)
        os.close(writer)


@contextmanager
def stopped_by_failures(stop: Callable[[], None]) -> Iterator[threading.Event]:
    """Call `stop` and set the event where a thread ends by an error: the rest would be no agent."""
    failed = threading.Event()

    def tell(failure: threading.ExceptHookArgs) -> None:
        name = failure.thread.name if failure.thread else ""
        log.error("thread_failed", thread=name, exc_info=failure.exc_value)
        failed.set()
        stop()

    before, threading.excepthook = threading.excepthook, tell
    try:
        yield failed
    finally:
        threading.excepthook = before


@contextmanager
def stopped_after(seconds: float | None, stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` after so long; never where that is None."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _stop_when_told(reader: int, stop: Callable[[], None]) -> None:
    if os.read(reader, 1):
        stop()
    os.close(reader)

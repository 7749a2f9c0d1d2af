"""Synthetic workloads with the grain of real ones: a server's request paths, rare ones, and starts.

A window is drawn from counts of transitions between request paths, so one of a
million calls costs no more than one of a hundred. Every path has at least five
calls; an n-gram therefore depends on one path and the one before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.window import Ngrams, Window, as_arrays
from wire.ngram import GRAM_MASK, INJECTED, TOKEN_BITS
from wire.syscalls import load_table

_TABLE = load_table("x86_64")
_LOADER = (
    "brk mmap access openat fstat mmap close openat read fstat mmap mmap mmap mmap close arch_prctl "
    "set_tid_address set_robust_list mprotect mprotect prlimit64 munmap"
)


@dataclass(frozen=True)
class Path:
    """One way through a server, and how often it is taken."""

    calls: str
    share: float


SERVER = (
    Path("epoll_wait accept4 epoll_ctl recvfrom openat fstat writev sendfile close setsockopt", 0.6),
    Path("epoll_wait accept4 epoll_ctl recvfrom openat fstat pread64 writev close", 0.25),
    Path("epoll_wait recvfrom recvfrom stat writev close", 0.1),
    Path("epoll_wait accept4 epoll_ctl recvfrom close", 0.04),
    Path("epoll_wait recvfrom socket connect getsockopt sendto recvfrom close writev close", 7e-3),
    Path("epoll_wait recvfrom openat openat fstat pread64 pread64 write rename close", 2e-3),
    Path("epoll_wait madvise munmap mmap munmap writev close", 7e-4),
    Path("epoll_wait recvfrom getdents64 getdents64 newfstatat unlink close", 2e-4),
    Path("epoll_wait rt_sigreturn wait4 wait4 openat ftruncate close", 1e-4),
)
WORKER_START = "execve " + _LOADER + " socket setsockopt bind listen epoll_create1 epoll_ctl"

SHELL = (
    "execve " + _LOADER + " getuid getgid getpid rt_sigaction geteuid getppid uname getcwd rt_sigaction "
    "ioctl read pipe2 clone close read wait4 dup2 close execve"
)
CAT = "execve " + _LOADER + " openat fstat fadvise64 mmap read write read munmap close close exit_group"
REVERSE_SHELL = "socket connect dup2 dup2 dup2 execve"
MINER = "getrandom sched_yield getrandom clock_nanosleep " * 500


def tokens(calls: str) -> list[int]:
    """Return the tokens of calls by name."""
    return [_TABLE.token(name) for name in calls.split()]


def sequence(calls: Sequence[int], *, injected: bool = False, before: Sequence[int] = ()) -> dict[int, int]:
    """Return the n-grams of one thread's calls, as the sensor would count them."""
    history, counts = 0, dict[int, int]()
    for position, token in enumerate((*before, *calls)):
        history = (history << TOKEN_BITS | token) & GRAM_MASK
        if position >= len(before):
            ngram = history | (INJECTED if injected else 0)
            counts[ngram] = counts.get(ngram, 0) + 1
    return counts


def together(*parts: Mapping[int, int]) -> dict[int, int]:
    """Return the sum of counts."""
    total: dict[int, int] = {}
    for part in parts:
        for ngram, count in part.items():
            total[ngram] = total.get(ngram, 0) + count
    return total


def window(
    *parts: Mapping[int, int], lost: int = 0, partial: bool = False, from_start: bool = True
) -> Window:
    """Return a window of the sum of counts."""
    ngrams, counts = as_arrays(together(*parts))
    return Window(ngrams=ngrams, counts=counts, lost_calls=lost, partial=partial, seen_from_start=from_start)


class Server:
    """A server under a load of so many requests in a window, with workers that start now and then."""

    def __init__(self, seed: int, paths: Sequence[Path] = SERVER, starts: float = 0.1) -> None:
        self._rng = np.random.default_rng(seed)
        self._starts = starts
        share = np.array([path.share for path in paths])
        self._shares = np.outer(share, share).ravel() / share.sum() ** 2
        self._grams = [
            sequence(tokens(after.calls), before=tokens(first.calls)) for first in paths for after in paths
        ]
        self._keys = [as_arrays(grams)[0] for grams in self._grams]
        self._start = as_arrays(sequence(tokens(WORKER_START)))[0]

    def counts(self, load: float) -> dict[int, int]:
        """Return the counts of one window with about `load` requests."""
        requests = max(1, int(load * self._rng.lognormal(0, 0.3)))
        taken = self._rng.multinomial(requests, self._shares)
        served = (
            {ngram: count * int(times) for ngram, count in self._grams[row].items()}
            for row, times in enumerate(taken)
            if times
        )
        starts = int(self._rng.poisson(self._starts))
        started = {ngram: count * starts for ngram, count in sequence(tokens(WORKER_START)).items() if starts}
        return together(*served, started)

    def ngrams(self, load: float) -> Ngrams:
        """Return the distinct n-grams of one window, drawn as `counts` draws them, in a tenth of its time."""
        requests = max(1, int(load * self._rng.lognormal(0, 0.3)))
        taken = np.flatnonzero(self._rng.multinomial(requests, self._shares))
        started = [self._start] if self._rng.poisson(self._starts) else []
        return np.unique(np.concatenate([*(self._keys[row] for row in taken), *started]))


class RoughServer:
    """A server whose threads wait for each other: waiting calls come between any two calls of a request.

    New sequences of six calls go on coming for ever, new pairs of calls hardly.
    """

    WAITING = (("futex", 0.85), ("kill", 0.06), ("setitimer", 0.05), ("rt_sigreturn", 0.04))

    def __init__(self, seed: int, paths: Sequence[Path] = SERVER, waits: float = 0.15) -> None:
        self._rng = np.random.default_rng(seed)
        self._waits = waits
        self._paths = [tokens(path.calls) for path in paths]
        share = np.array([path.share for path in paths])
        self._shares = share / share.sum()
        self._waiting = [_TABLE.token(name) for name, _ in self.WAITING]
        self._often = [often for _, often in self.WAITING]

    def counts(self, load: float) -> dict[int, int]:
        """Return the counts of one window with about `load` requests."""
        requests = max(1, int(load * self._rng.lognormal(0, 0.3)))
        taken = self._rng.choice(len(self._paths), requests, p=self._shares)
        calls = np.concatenate([self._paths[row] for row in taken.tolist()])
        places = np.sort(self._rng.integers(0, len(calls), self._rng.poisson(self._waits * len(calls))))
        waited = self._rng.choice(self._waiting, len(places), p=self._often)
        return sequence(np.insert(calls, places, waited).tolist())

"""Names of hosts that rules compare with: resolved ahead, so that no event waits for a name server."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from signatures.ruleset import RuleSet
from signatures.syntax import Binary, Expression, Field, Value, Values, leaves

_FIELDS: Final = frozenset({"fd.cip.name", "fd.sip.name", "fd.lip.name", "fd.rip.name"})
_AGAIN_S: Final = 60.0


class NameTable:
    """Addresses of the names that rules know, looked up by a thread of its own and again each minute.

    Args:
        names: What to resolve.
        resolve: Returns a name's addresses; raises OSError where there are none.
    """

    def __init__(self, names: Iterable[str], resolve: Callable[[str], Iterable[str]] | None = None) -> None:
        self._names = tuple(sorted(set(names)))
        self._resolve = resolve or _addresses
        self._known: dict[str, str] = {}
        self._stopping = threading.Event()
        self._changed = threading.Event()
        self._started = False
        self._thread = threading.Thread(target=self._run, name="names", daemon=True)

    def start(self) -> None:
        """Begin to resolve; nothing happens where there is no name."""
        self._started = True
        self.replace(self._names)

    def replace(self, names: Iterable[str]) -> None:
        """Resolve other names from now on."""
        self._names = tuple(sorted(set(names)))
        self._changed.set()
        if self._started and self._names and not self._thread.is_alive():
            self._thread.start()

    def stop(self) -> None:
        """End the thread; it is not waited for, since a name server may hang."""
        self._stopping.set()
        self._changed.set()

    def get(self, address: str) -> str | None:
        """Return the rules' name of an address; None where they have none."""
        return self._known.get(address)

    def refresh(self) -> None:
        """Resolve all names once; one that cannot be resolved now keeps its addresses."""
        for name in self._names:
            try:
                found = list(self._resolve(name))
            except OSError:
                continue
            known = {address: each for address, each in self._known.items() if each != name}
            self._known = known | dict.fromkeys(found, name)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._changed.clear()
            self.refresh()
            self._changed.wait(_AGAIN_S)


def names_in(rules: RuleSet) -> set[str]:
    """Return the names that enabled rules compare addresses with."""
    return {name for rule in rules.enabled for name in _names(rule.expression)}


def _names(expression: Expression) -> Iterator[str]:
    for leaf in leaves(expression):
        match leaf:
            case Binary(Field(name), _, Value(text)) if name in _FIELDS:
                yield text
            case Binary(Field(name), _, Values(texts)) if name in _FIELDS:
                yield from texts


def _addresses(name: str) -> set[str]:
    return {str(found[4][0]) for found in socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP)}

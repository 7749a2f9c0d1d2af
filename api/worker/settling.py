"""When a new image has settled, and what of it may settle at all. Pure (ADR 0102)."""

from collections.abc import Collection
from typing import Final

from api.worker.returning import Rule
from wire.ngram import is_injected, names
from wire.syscalls import load_table

HELD_WINDOWS: Final = 30
"""Windows of the image after which one that was held out raises an alert, unless its like returned."""
APART_WINDOWS: Final = 5
"""Windows from one occasion to the next, so that what lasts for a minute is no return of itself."""
QUIET_WINDOWS: Final = 60
"""Windows in a row without one that was held out, after which the image has settled."""
PROGRAMS: Final = frozenset({"execve", "execveat"})


def rule_for(window_ms: int) -> Rule:
    """Return how often something has to return while an image settles, by the length of windows.

    Examples:
        >>> rule_for(10_000).within_ms
        300000
    """
    return Rule(apart_ms=APART_WINDOWS * window_ms, within_ms=HELD_WINDOWS * window_ms)


def has_settled(*, windows: int, quiet: int, most: int) -> bool:
    """Tell whether an image has shown what it does.

    Args:
        windows: Of the image so far.
        quiet: The newest of them among which none was held out.
        most: After which it has settled in any case.

    Examples:
        >>> has_settled(windows=90, quiet=60, most=360), has_settled(windows=360, quiet=2, most=360)
        (True, True)
        >>> has_settled(windows=90, quiet=59, most=360)
        False
    """
    return quiet >= QUIET_WINDOWS or windows >= most


def brings_program(news: Collection[int], arch: str, *, execs_known: bool) -> bool:
    """Tell whether what is new in a window is a program that is started, or what an exec brought in.

    Another release may well call in another order; a program that its predecessor never started is
    told at once. Where execs are known, probes perhaps, a new release's may call in another order too.

    Args:
        news: What is new, as `model.kinds` says.
        arch: Architecture of the calls.
        execs_known: Something that an exec brought in was learned.

    Examples:
        >>> from wire.ngram import pack
        >>> table = load_table("x86_64")
        >>> clone, execve, read = map(table.token, ("clone", "execve", "read"))
        >>> brings_program({pack([clone, execve])}, "x86_64", execs_known=True)
        True
        >>> brings_program({pack([read, clone])}, "x86_64", execs_known=True)
        False
        >>> brings_program({pack([read, clone], injected=True)}, "x86_64", execs_known=False)
        True
    """
    table = load_table(arch)
    for each in news:
        calls = names(each, table)
        if is_injected(each) and (not execs_known or len(calls) == 1):
            return True
        if not PROGRAMS.isdisjoint(calls):
            return True
    return False

"""What the kernel need report so that no enabled rule misses anything: derived from the rules' conditions.

Of opens, the kernel compares the path. A condition is read as the set of opens that it might hold for; what
is not understood might hold for all. Each step may only make that set larger than it is, never smaller.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from collector.events.catalogue import CALLS, reportable
from collector.events.layout import KEY_BYTES, Access
from collector.events.sensor import NO_ACCESS, PREFIXES, Subscription
from signatures.event_types import event_types, known_event_types
from signatures.ruleset import Rule, RuleSet
from signatures.syntax import And, Binary, Expression, Field, Identifier, Not, Or, Unary, Value, Values

Opens: TypeAlias = dict[str, Access]
"""Opens below a prefix, for this; the empty prefix is all paths."""

_BOTH: Final = Access.READ | Access.WRITE
_OPEN_CALLS: Final = frozenset(name for name, call in CALLS.items() if call.is_open)
_MOST: Final = 2048
_PATHS: Final = frozenset({"fd.name", "fd.nameraw", "fs.path.name", "fs.path.nameraw", "evt.abspath"})
_ALL: Final[Opens] = {"": _BOTH}
_EQUAL: Final = frozenset({"=", "==", "startswith"})
_WILD: Final = "*?["
_ACCESS: Final = {
    "evt.is_open_read": Access.READ,
    "evt.is_open_write": Access.WRITE,
    "evt.is_open_exec": Access.WRITE,
    "evt.is_open_create": Access.WRITE,
}
_WRITING: Final = frozenset({"O_CREAT", "O_TRUNC", "O_WRONLY", "O_RDWR"})


def subscription(
    rules: RuleSet, *, env_bytes: int = 0, data_bytes: int = 0, push_down: bool = True
) -> Subscription:
    """Return what the kernel is to report for the enabled rules of a set.

    Args:
        rules: The rules.
        env_bytes: Of the environment, with each exec; 0 where no rule may see it.
        data_bytes: Of buffers, where a rule asks for `evt.buffer`.
        push_down: Whether the kernel compares paths.
    """
    types = rules.event_types & reportable()
    keys = {key.partition("[")[0] for key in rules.keys}
    opens = opens_of(rules.enabled) if push_down else _ALL
    any_path = opens.get("", NO_ACCESS)
    if len(opens) > PREFIXES:
        opens, any_path = {}, _BOTH
    return Subscription(
        types=types,
        prefixes={prefix: access for prefix, access in opens.items() if prefix},
        any_path=any_path,
        env_bytes=env_bytes,
        data_bytes=data_bytes if keys & {"evt.buffer", "evt.arg.data"} else 0,
        always_cwd="proc.cwd" in keys and bool(types - {"execve", "execveat"}),
    )


def opens_of(rules: Iterable[Rule]) -> Opens:
    """Return the opens that any of these rules might hold for."""
    found: Opens = {}
    for rule in rules:
        if any(name in rule.types for name in _OPEN_CALLS):
            found = _or([found, _might(rule.expression, negated=False)])
    return _shortest(found)


def _might(expression: Expression, *, negated: bool) -> Opens:
    match expression:
        case Not(child):
            return _might(child, negated=not negated)
        case And(children) | Or(children):
            each = [_might(child, negated=negated) for child in children]
            return _and(each) if isinstance(expression, And) != negated else _or(each)
        case Identifier():
            return _ALL
        case _:
            pass
    types = event_types(expression, negated=negated).resolved(known_event_types())
    if not types & _OPEN_CALLS:
        return {}
    return _ALL if negated else _of_check(expression)


def _of_check(check: Unary | Binary) -> Opens:
    if not isinstance(check, Binary) or not isinstance(check.left, Field) or check.modifier:
        return _ALL
    name = check.left.name if check.left.argument is None else f"{check.left.name}.{check.left.argument}"
    texts = _texts(check)
    if texts is None:
        return _ALL
    access = _ACCESS.get(name)
    if access is not None:
        return {"": access} if check.operator in {"=", "=="} and texts == ("true",) else _ALL
    if name == "evt.arg.flags" and check.operator == "contains":
        return {"": Access.WRITE} if all(text in _WRITING for text in texts) else _ALL
    return _of_paths(name, check.operator, texts)


def _of_paths(name: str, operator: str, texts: Sequence[str]) -> Opens:
    if name == "fd.nameraw" and operator == "contains" and all(text in {"..", "../"} for text in texts):
        # Paths that are not plain are reported anyway.
        return {}
    if name == "fd.directory" and operator in {"=", "==", "in", "startswith"}:
        return {_key(text): _BOTH for text in texts}
    if name not in _PATHS:
        return _ALL
    if operator in _EQUAL or operator in {"in", "pmatch", "glob"}:
        wild = operator in {"pmatch", "glob"}
        return {_key(_literal(text) if wild else text): _BOTH for text in texts}
    return _ALL


def _texts(check: Binary) -> tuple[str, ...] | None:
    match check.right:
        case Value(text):
            return (text,)
        case Values(texts):
            return texts
        case _:
            return None


def _literal(pattern: str) -> str:
    at = min((found for each in _WILD if (found := pattern.find(each)) >= 0), default=len(pattern))
    return pattern[:at]


def _key(text: str) -> str:
    return text.encode("utf-8", errors="surrogateescape")[:KEY_BYTES].decode("latin-1")


def _and(each: Sequence[Opens]) -> Opens:
    found = each[0]
    for other in each[1:]:
        if len(found) * len(other) > _MOST * 8:
            found = min(found, other, key=len)
            continue
        both: Opens = {}
        for one, access in found.items():
            for two, wanted in other.items():
                if access & wanted and (one.startswith(two) or two.startswith(one)):
                    longer = max(one, two, key=len)
                    both[longer] = both.get(longer, NO_ACCESS) | (access & wanted)
        found = both
    return found


def _or(each: Sequence[Opens]) -> Opens:
    found: Opens = {}
    for opens in each:
        for prefix, access in opens.items():
            found[prefix] = found.get(prefix, NO_ACCESS) | access
    return found


def _shortest(opens: Opens) -> Opens:
    """Leave out prefixes that a shorter one makes needless."""
    kept: Opens = {}
    for prefix, access in sorted(opens.items(), key=lambda item: len(item[0])):
        covered = NO_ACCESS
        for size in range(len(prefix) + 1):
            covered |= kept.get(prefix[:size], NO_ACCESS)
        if access & ~covered:
            kept[prefix] = access
    return kept

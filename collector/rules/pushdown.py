"""What the kernel need report so that no enabled rule misses anything: derived from the rules' conditions.

Of opens, the kernel compares the path; of all calls, whether the host or a container makes them. A condition
is read as the set of calls that it might hold for; what is not understood might hold for all. Each step may
only make that set larger than it is, never smaller.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from collector.events.catalogue import CALLS, event_name, reportable
from collector.events.layout import HOST_SHIFT, KEY_BYTES, Access
from collector.events.sensor import NO_ACCESS, PREFIXES, Subscription
from signatures.event_types import event_types
from signatures.ruleset import Rule, RuleSet
from signatures.syntax import And, Binary, Expression, Field, Not, Or, Value, Values

Opens: TypeAlias = dict[str, Access]
"""Opens below a prefix, for this; the empty prefix is all paths."""

READING: Final = Access.READ | Access.HOST_READ
WRITING: Final = Access.WRITE | Access.HOST_WRITE
CONTAINED: Final = Access.READ | Access.WRITE
HOST: Final = Access.HOST_READ | Access.HOST_WRITE
ALL: Final = CONTAINED | HOST
_OPEN_CALLS: Final = frozenset(name for name, call in CALLS.items() if call.is_open)
_ALWAYS_WRITING: Final = frozenset({"creat"})
_MOST: Final = 2048
_PATHS: Final = frozenset({"fd.name", "fd.nameraw", "fs.path.name", "fs.path.nameraw", "evt.abspath"})
_ALL: Final[Opens] = {"": ALL}
_EQUAL: Final = frozenset({"=", "==", "startswith"})
_WILD: Final = "*?["
_ACCESS: Final = {
    "evt.is_open_read": READING,
    "evt.is_open_write": WRITING,
    "evt.is_open_exec": WRITING,
    "evt.is_open_create": WRITING,
}
_WRITING: Final = frozenset({"O_CREAT", "O_TRUNC", "O_WRONLY", "O_RDWR"})
_PLACE: Final = "container.id"
"""Every event has it, and on the host it is "host", so that its checks may be turned around."""

Leaf: TypeAlias = Callable[[Binary, Sequence[str]], Opens]
"""Reads a check of a field, not negated, that compares with texts."""


def subscription(
    rules: RuleSet, *, env_bytes: int = 0, data_bytes: int = 0, push_down: bool = True
) -> Subscription:
    """Return what the kernel is to report for the enabled rules of a set.

    Args:
        rules: The rules.
        env_bytes: Of the environment, with each exec; 0 where no rule may see it.
        data_bytes: Of buffers, where a rule asks for `evt.buffer`.
        push_down: Whether the kernel compares paths and places.
    """
    types = rules.event_types & reportable()
    keys = {key.partition("[")[0] for key in rules.keys}
    opens = opens_of(rules.enabled) if push_down else _ALL
    any_path = opens.get("", NO_ACCESS)
    if len(opens) > PREFIXES:
        opens, any_path = {}, ALL
    return Subscription(
        types=types,
        contained=contained_of(rules.enabled, types) if push_down else frozenset(),
        prefixes={prefix: access for prefix, access in opens.items() if prefix},
        any_path=any_path,
        env_bytes=env_bytes,
        data_bytes=data_bytes if keys & {"evt.buffer", "evt.arg.data"} else 0,
        always_cwd="proc.cwd" in keys and bool(types - {"execve", "execveat"}),
    )


def asks_for_containers(wanted: Subscription) -> bool:
    """Tell whether the kernel keeps back anything of the host that it reports of containers."""
    return bool(wanted.contained) or any(
        access & CONTAINED & ~(access >> HOST_SHIFT)
        for access in (wanted.any_path, *wanted.prefixes.values())
    )


def opens_of(rules: Iterable[Rule]) -> Opens:
    """Return the opens that any of these rules might hold for."""
    found: Opens = {}
    for rule in rules:
        if any(name in rule.types for name in _OPEN_CALLS):
            found = _or([found, _might(rule.expression, _OPEN_CALLS, _of_check)])
    return _shortest(found)


def contained_of(rules: Iterable[Rule], types: frozenset[str]) -> frozenset[str]:
    """Return those of some types of events that no rule asks for of the host."""
    left = set(types)
    for rule in rules:
        for name in [each for each in left if each in rule.types]:
            if _PLACE not in rule.keys or _place(rule.expression, name) & HOST:
                left.discard(name)
    return frozenset(left)


def _place(expression: Expression, name: str) -> Access:
    found = NO_ACCESS
    for access in _might(expression, frozenset({name}), lambda *_: _ALL).values():
        found |= access
    return found


def _might(expression: Expression, names: frozenset[str], leaf: Leaf, *, negated: bool = False) -> Opens:
    """Return for which calls, out of those of these names, a condition might hold."""
    match expression:
        case Not(child):
            return _might(child, names, leaf, negated=not negated)
        case And(children) | Or(children):
            each = [_might(child, names, leaf, negated=negated) for child in children]
            return _and(each) if isinstance(expression, And) != negated else _or(each)
        case _:
            return _of_leaf(expression, names, leaf, negated=negated)


def _of_leaf(expression: Expression, names: frozenset[str], leaf: Leaf, *, negated: bool) -> Opens:
    types = event_types(expression, negated=negated)
    left = {name for name in names if event_name(name) in types}
    if not left:
        return {}
    texts = _texts(expression)
    if texts is None or not isinstance(expression, Binary):
        return _ALL
    if _name(expression) == _PLACE:
        return {"": _of_place(expression.operator, texts, negated=negated)}
    if leaf is _of_check and left <= _ALWAYS_WRITING:
        return {"": WRITING}
    return _ALL if negated else leaf(expression, texts)


def _of_place(operator: str, texts: Sequence[str], *, negated: bool) -> Access:
    if operator not in {"=", "==", "!=", "in"}:
        return ALL
    host, others = "host" in texts, any(text != "host" for text in texts)
    if (operator == "!=") == negated:
        return (HOST if host else NO_ACCESS) | (CONTAINED if others else NO_ACCESS)
    # Not one of the containers named: it may be another one, or the host if that is not named.
    return CONTAINED | (NO_ACCESS if host else HOST)


def _of_check(check: Binary, texts: Sequence[str]) -> Opens:
    name = _name(check)
    access = _ACCESS.get(name)
    if access is not None:
        return {"": access} if check.operator in {"=", "=="} and texts == ("true",) else _ALL
    if name == "evt.arg.flags" and check.operator == "contains":
        return {"": WRITING} if all(text in _WRITING for text in texts) else _ALL
    return _of_paths(name, check.operator, texts)


def _of_paths(name: str, operator: str, texts: Sequence[str]) -> Opens:
    if name == "fd.nameraw" and operator == "contains" and all(text in {"..", "../"} for text in texts):
        # Paths that are not plain are reported anyway.
        return {}
    if name == "fd.directory" and operator in {"=", "==", "in", "startswith"}:
        return {_key(text): ALL for text in texts}
    if name not in _PATHS:
        return _ALL
    if operator in _EQUAL or operator in {"in", "pmatch", "glob"}:
        wild = operator in {"pmatch", "glob"}
        return {_key(_literal(text) if wild else text): ALL for text in texts}
    return _ALL


def _name(check: Binary) -> str:
    """Return the field that a check asks for; empty where it asks for what was made of one."""
    if not isinstance(check.left, Field) or check.modifier:
        return ""
    return check.left.name if check.left.argument is None else f"{check.left.name}.{check.left.argument}"


def _texts(check: Expression) -> tuple[str, ...] | None:
    match check:
        case Binary(right=Value(text)):
            return (text,)
        case Binary(right=Values(texts)):
            return texts
        case _:
            return None


def _literal(pattern: str) -> str:
    at = min((found for each in _WILD if (found := pattern.find(each)) >= 0), default=len(pattern))
    return pattern[:at]


def _key(text: str) -> str:
    # One character for each byte already: so rules and events are compared.
    return text[:KEY_BYTES]


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

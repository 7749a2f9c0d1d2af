"""The rules that agents evaluate: files in their order, and what is switched on or off where.

`docs/wire-rules.md` describes the format for readers without this code, and
`tests/golden/wire/` holds bytes of every schema version ever shipped.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from wire.errors import MalformedError
from wire.fields import (
    check_version,
    dump,
    fail,
    load,
    take_bool,
    take_int,
    take_list,
    take_name,
    take_text,
    to_member,
    to_object,
)

BUNDLE_SCHEMA_VERSION: Final = 1
BUNDLE_PATH: Final = "/v1/rules/bundle"
MAX_FILE_CHARS: Final = 1 << 20
"""Most characters of one file."""
MAX_FILES: Final = 32
MAX_SELECTIONS: Final = 1000


class By(StrEnum):
    """What a selection names rules by."""

    RULE = "rule"
    """Name, in which `*` stands for any text."""
    TAG = "tag"
    """One tag, exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where a selection holds: everywhere, in a namespace, or for a workload; only one of them is set."""

    namespace: str = ""
    workload: int = 0
    """Id of a workload at the service."""

    @property
    def everywhere(self) -> bool:
        """Whether it holds on every node, for containers and hosts."""
        return not self.namespace and not self.workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One switch; of those that fit a rule in a place, the narrowest scope decides, then the newest."""

    enable: bool
    by: By
    pattern: str
    scope: Scope = Scope()

    def fits(self, name: str, tags: Sequence[str]) -> bool:
        """Tell whether it names a rule."""
        return self.pattern in tags if self.by is By.TAG else wildcard(self.pattern, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFile:
    """One file of rules; later files see what earlier ones define."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBundle:
    """Everything an agent needs to evaluate rules."""

    version: int
    """Number of the rule set at the service; 0 where there is none."""
    files: tuple[RuleFile, ...] = ()
    selections: tuple[Selection, ...] = ()
    """Oldest first."""

    @property
    def digest(self) -> str:
        """SHA-256 of what decides which rule matches, in hex: two bundles of one digest behave the same."""
        return hashlib.sha256(dump(_content(self))).hexdigest()


def encode_bundle(bundle: RuleBundle) -> bytes:
    """Return a bundle as JSON; the same bundle always gives the same bytes.

    Examples:
        >>> bundle = RuleBundle(version=1, files=(RuleFile(name="a.yaml", text="[]"),))
        >>> decode_bundle(encode_bundle(bundle)) == bundle
        True
    """
    plain = {"schema_version": BUNDLE_SCHEMA_VERSION, "version": bundle.version, "digest": bundle.digest}
    return dump(plain | _content(bundle))


def decode_bundle(body: bytes) -> RuleBundle:
    """Read a bundle back, and check that it is whole.

    Raises:
        VersionError: The schema version is not one this release reads.
        FieldError: A field is not what the format says; the message names it.
        MalformedError: The body is not JSON, or its digest is another's.
    """
    plain = to_object(load(body), "bundle")
    check_version(plain, BUNDLE_SCHEMA_VERSION)
    bundle = RuleBundle(
        version=take_int(plain, "version"),
        files=tuple(
            RuleFile(name=take_name(each, "name"), text=take_text(each, "text", MAX_FILE_CHARS))
            for each in _objects(plain, "files", MAX_FILES)
        ),
        selections=tuple(_selection(each) for each in _objects(plain, "selections", MAX_SELECTIONS)),
    )
    if take_text(plain, "digest") != bundle.digest:
        msg = "The digest of the bundle is not that of its content; it was changed on the way."
        raise MalformedError(msg)
    return bundle


def is_enabled(
    selections: Sequence[Selection],
    name: str,
    tags: Sequence[str],
    *,
    default: bool = True,
    namespace: str = "",
    workload: int = 0,
) -> bool:
    """Tell whether a rule is switched on in one place.

    Args:
        selections: Oldest first.
        name: Of the rule.
        tags: Of the rule.
        default: What the rule's own file says.
        namespace: Of the container; empty on a host.
        workload: Id at the service; 0 where it is not known.

    Examples:
        >>> off = Selection(enable=False, by=By.RULE, pattern="Run *")
        >>> shop = Selection(enable=True, by=By.TAG, pattern="shell", scope=Scope(namespace="shop"))
        >>> is_enabled([off, shop], "Run shell", ["shell"])
        False
        >>> is_enabled([shop, off], "Run shell", ["shell"], namespace="shop")
        True
    """
    decided, narrowest = default, -1
    for each in selections:
        width = _width(each.scope, namespace, workload)
        if width >= max(narrowest, 0) and each.fits(name, tags):
            decided, narrowest = each.enable, width
    return decided


def is_enabled_anywhere(
    selections: Sequence[Selection], name: str, tags: Sequence[str], *, default: bool = True
) -> bool:
    """Tell whether a rule is switched on in at least one place, so that a node has to evaluate it."""
    if is_enabled(selections, name, tags, default=default):
        return True
    return any(
        is_enabled(
            selections,
            name,
            tags,
            default=default,
            namespace=each.scope.namespace,
            workload=each.scope.workload,
        )
        for each in selections
        if each.enable and not each.scope.everywhere and each.fits(name, tags)
    )


def wildcard(pattern: str, text: str) -> bool:
    """Tell whether a text fits a pattern in which `*` stands for any text; nothing else is special.

    Examples:
        >>> wildcard("*sh*ll", "Run shell"), wildcard("Run", "Run shell"), wildcard("a*a", "a")
        (True, False, False)
    """
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    if not text.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(last) and text.endswith(last)


def _width(scope: Scope, namespace: str, workload: int) -> int:
    """Return how narrowly a scope holds a place: 0 everywhere, 2 its workload, -1 not at all."""
    if scope.everywhere:
        return 0
    if scope.workload:
        return 2 if scope.workload == workload else -1
    return 1 if scope.namespace == namespace else -1


def _content(bundle: RuleBundle) -> dict[str, Any]:
    return {
        "files": [{"name": each.name, "text": each.text} for each in bundle.files],
        "selections": [
            {
                "enable": each.enable,
                "by": each.by.value,
                "pattern": each.pattern,
                "namespace": each.scope.namespace,
                "workload": each.scope.workload,
            }
            for each in bundle.selections
        ],
    }


def _selection(plain: Mapping[str, Any]) -> Selection:
    namespace, workload = take_text(plain, "namespace"), take_int(plain, "workload")
    if namespace and workload:
        fail("selections", "a namespace or a workload", "both")
    return Selection(
        enable=take_bool(plain, "enable"),
        by=to_member(By, plain.get("by"), "selections.by"),
        pattern=take_name(plain, "pattern"),
        scope=Scope(namespace=namespace, workload=workload),
    )


def _objects(plain: Mapping[str, Any], name: str, most: int) -> list[Mapping[str, Any]]:
    return [to_object(each, name) for each in take_list(plain, name, most)]

"""What the items of rule files define: lists, macros, rules, changes to rules, requirements."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from signatures.priority import Priority
from signatures.problems import Place, Problem

Entry: TypeAlias = str | tuple["Entry", ...]
"""A text, or a list of entries: what exceptions are written in."""
Warn: TypeAlias = Callable[[Problem], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListItem:
    """A named list of texts."""

    name: str
    items: tuple[str, ...]
    append: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroItem:
    """A named condition."""

    name: str
    condition: str
    append: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionItem:
    """When a rule does not apply; what was not given is None."""

    name: str
    fields: Entry | None
    comparisons: Entry | None
    values: tuple[Entry, ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleItem:
    """What an item says of a rule; None where it says nothing."""

    name: str
    place: Place
    condition: str | None = None
    condition_place: Place | None = None
    output: str | None = None
    output_place: Place | None = None
    desc: str | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] | None = None
    exceptions: tuple[ExceptionItem, ...] | None = None
    source: str | None = None
    enabled: bool | None = None
    warn_evttypes: bool | None = None
    skip_if_unknown: bool | None = None
    capture: bool | None = None
    capture_duration: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Changes to a rule that exists: what is added, then what is put in place of what was there."""

    appended: RuleItem | None
    replaced: RuleItem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Toggle:
    """Switches a rule that exists on or off."""

    name: str
    enabled: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRequirement:
    """The version of the language that a file needs."""

    version: tuple[int, int, int]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRequirement:
    """Plugins of which a file needs one, each with its least version."""

    alternatives: tuple[tuple[str, str], ...]
    place: Place


Item: TypeAlias = ListItem | MacroItem | RuleItem | Update | Toggle | EngineRequirement | PluginRequirement


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Return the numbers of an `x.y.z` version, None where it is none; what follows a dash is left out."""
    found = re.fullmatch(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?:[-+][0-9A-Za-z.+-]+)?", text.strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None

"""What a rule's tags say of MITRE ATT&CK. Pure; tags follow the conventions of Falco's rules."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_TECHNIQUE: Final = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?", re.IGNORECASE)
_TACTIC_ID: Final = re.compile(r"TA[0-9]{4}", re.IGNORECASE)
_TACTIC: Final = re.compile(r"mitre_([a-z_]+)")
_VERSION: Final = re.compile(r"attack_v([0-9]+(?:\.[0-9]+)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Tactics by name or id, techniques by id, each once and in the order of the tags."""

    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    version: str
    """Of ATT&CK; empty where no tag says."""


def read_attack(tags: Sequence[str]) -> Attack:
    """Return what tags say of ATT&CK.

    Examples:
        >>> read_attack(["shell", "mitre_privilege_escalation", "T1059.004", "attack_v18"])
        Attack(tactics=('privilege-escalation',), techniques=('T1059.004',), version='18')
    """
    # A few rules make all matches, and a page shows hundreds.
    return _read(tuple(tags))


@lru_cache(maxsize=1024)
def _read(tags: tuple[str, ...]) -> Attack:
    tactics: dict[str, None] = {}
    techniques: dict[str, None] = {}
    version = ""
    for tag in tags:
        if _TECHNIQUE.fullmatch(tag):
            techniques[tag.upper()] = None
        elif _TACTIC_ID.fullmatch(tag):
            tactics[tag.upper()] = None
        elif tactic := _TACTIC.fullmatch(tag):
            tactics[tactic[1].replace("_", "-")] = None
        elif found := _VERSION.fullmatch(tag):
            version = found[1]
    return Attack(tactics=tuple(tactics), techniques=tuple(techniques), version=version)

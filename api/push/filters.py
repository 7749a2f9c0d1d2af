"""Which changes of which alerts a channel wants."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from api.formats import facts
from api.vocabulary import AlertChange, AlertKind, Level

_LEVELS: Final = list(Level)
"""What an alert of kind `anomaly` counts as, which has no level."""

_Patterns = Annotated[list[Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=100)]
_Technique = Annotated[str, Field(pattern=r"^T\d{4}(\.\d{3})?$", examples=["T1059.004"])]


class Filters(BaseModel):
    """All that are set have to fit; an empty list fits everything."""

    model_config = ConfigDict(extra="forbid")

    namespaces: Annotated[_Patterns, Field(description="Names, or patterns as in `shop-*`.")] = []
    workloads: Annotated[
        list[Annotated[int, Field(ge=1, lt=1 << 63)]], Field(max_length=100, description="Ids.")
    ] = []
    kinds: Annotated[list[AlertKind], Field(max_length=10)] = []
    rules: Annotated[_Patterns, Field(description="Names of rules, or patterns.")] = []
    techniques: Annotated[
        list[_Technique], Field(max_length=100, description="Of ATT&CK; one of its parents fits too.")
    ] = []
    least_level: Annotated[
        Level | None, Field(description=f"Alerts of kind `anomaly` count as `{facts.UNRANKED.value}`.")
    ] = None
    changes: Annotated[
        list[AlertChange],
        Field(
            max_length=20,
            description="What has to happen to an alert; of kind `apprise`, empty is all but `grew`.",
        ),
    ] = []

    def wants(self, change: str, alert: Mapping[str, Any]) -> bool:
        """Tell whether a change of an alert, as REST shows it, is for this channel.

        Examples:
            >>> alert = {"kind": "signature", "rule": "Shell", "level": "low", "match": None,
            ...     "workload": {"id": 3, "namespace": "shop-eu"}}
            >>> Filters(namespaces=["shop-*"], rules=["Shell"]).wants("opened", alert)
            True
            >>> Filters(least_level="high").wants("opened", alert)
            False
        """
        return (not self.changes or change in self.changes) and self.fits(alert)

    def fits(self, alert: Mapping[str, Any]) -> bool:
        """Tell whether an alert, as REST shows it, is for this channel, whatever happens to it."""
        workload = alert["workload"]
        return (
            (not self.namespaces or _any(self.namespaces, workload["namespace"]))
            and (not self.workloads or workload["id"] in self.workloads)
            and (not self.kinds or alert["kind"] in self.kinds)
            and (not self.rules or _any(self.rules, alert["rule"] or ""))
            and (not self.techniques or _has_technique(self.techniques, alert))
            and at_least(alert, self.least_level)
        )


def level_of(alert: Mapping[str, Any]) -> Level:
    """Return the level that an alert has, or counts as."""
    return facts.level(alert)


def at_least(alert: Mapping[str, Any], level: Level | None) -> bool:
    """Tell whether an alert is as bad as this level, or worse."""
    return level is None or is_at_least(level_of(alert), level)


def is_at_least(level: Level, bound: Level) -> bool:
    """Tell whether a level is as bad as another, or worse."""
    return _LEVELS.index(level) >= _LEVELS.index(bound)


def techniques_of(alert: Mapping[str, Any]) -> list[str]:
    """Return the ids of ATT&CK's techniques that the newest match of an alert carries."""
    match = alert["match"]
    return list(match["attack"]["techniques"]) if match else []


def _has_technique(wanted: list[str], alert: Mapping[str, Any]) -> bool:
    return any(
        each == technique or technique.startswith(f"{each}.")
        for technique in techniques_of(alert)
        for each in wanted
    )


def _any(patterns: list[str], name: str) -> bool:
    return any(fnmatchcase(name, each) for each in patterns)

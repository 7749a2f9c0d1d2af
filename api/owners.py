"""Who keeps a pod and what a container is for in it, as the Kubernetes API tells (ADR 0072)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from wire.profile import ContainerRef


class ContainerRole(StrEnum):
    """What a container is for in its pod."""

    MAIN = "main"
    INIT = "init"
    """Ends before the main ones start."""
    SIDECAR = "sidecar"
    """Started with the init containers, and goes on."""
    EPHEMERAL = "ephemeral"
    """Put into a running pod by a person, as `kubectl debug` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who keeps a pod."""

    kind: str
    """As the API spells it, `Deployment`; one of a custom group carries it, `Rollout.argoproj.io`."""
    name: str
    role: ContainerRole | None = None
    """Of the container that was asked about; None where the pod's specification does not list it."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """How the Kubernetes API fares."""

    failures: int
    """Questions in a row without an answer; 0: it answers."""
    reason: str
    """Of the last that had none."""


OwnerOf = Callable[[ContainerRef], Owner | None]
"""Answers from memory; None where nobody can tell."""


def unasked(_ref: ContainerRef) -> Owner | None:
    """Know no owner: no cluster is asked."""
    return None

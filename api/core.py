"""What a running service consists of, handed to every endpoint and to the worker."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from api.access.guard import Guard
from api.clock import Clock, SystemClock
from api.db.store import Store
from api.falco.output import FalcoOutput
from api.metrics import Metrics
from api.oidc import settings as oidc
from api.oidc.issuer import Issuer
from api.owners import OwnerOf, Unanswered, unasked
from api.settings import ServiceSettings
from api.tracing.tracer import Tracer, Untraced


def _nobody() -> None:
    """Wake no worker: there is none."""


def _ignore(_workload_id: int) -> None:
    """Forget no baseline: no worker holds one."""


def _unheard() -> None:
    """Wake no sender: nothing is pushed."""


def _no_streams() -> None:
    """End no stream: none is open."""


def _unknown() -> str | None:
    return "No worker was started."


@dataclass(slots=True, kw_only=True)
class Core:
    """Parts that live as long as the service."""

    settings: ServiceSettings
    store: Store
    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    wake_worker: Callable[[], None] = _nobody
    forget_baseline: Callable[[int], None] = _ignore
    """Tells the worker that a workload's snapshot was changed; call it within the transaction that did."""
    worker_trouble: Callable[[], str | None] = _unknown
    """Returns a sentence on why the worker does not work, or None where it does."""
    wake_push: Callable[[], None] = _unheard
    """Tells that something happened to an alert, a trouble or a channel; call it after the commit."""
    end_streams: Callable[[], None] = _no_streams
    """Ends all live streams; call it before the HTTP server waits for its requests."""
    owner_of: OwnerOf = unasked
    """Says what the Kubernetes API knows of a container's pod, from memory."""
    kubernetes: Callable[[], Unanswered] | None = None
    """Says whether the Kubernetes API answers; None where it is not asked."""
    tracer: Tracer = field(default_factory=Untraced)
    """Makes spans of OpenTelemetry, where anybody wants them."""
    falco: FalcoOutput = field(init=False)
    guard: Guard = field(init=False)
    """Counts who is let in, and who is not."""
    issuer: Issuer | None = field(init=False)
    """Who else makes tokens that are let in."""
    stopping: bool = False
    """Set when the service ends: requests that are held back are answered."""
    rules_changes: int = 0
    """Grows whenever agents have to fetch their rules anew."""

    def __post_init__(self) -> None:
        self.falco = FalcoOutput(self.settings, self.metrics)
        self.guard = Guard(self.settings.requests_per_minute)
        trusted = oidc.read(self.settings)
        self.issuer = Issuer(trusted) if trusted else None


async def get_core(request: Request) -> Core:
    """Return the core of the service that answers this request.

    Not because it waits for anything: what is no coroutine would be sent to a thread and back.
    """
    core: Core = request.app.state.core
    return core


CoreDep = Annotated[Core, Depends(get_core)]

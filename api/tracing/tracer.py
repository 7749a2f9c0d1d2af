"""What makes spans, and what makes none of them at next to no cost."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Literal, Protocol, Self

Values = Mapping[str, str | int | float | bool]
Kind = Literal["server", "client", "consumer", "internal"]


class Span(Protocol):
    """Something that takes time, and is part of a trace."""

    @property
    def traceparent(self) -> str | None:
        """What others name to be part of it, as W3C Trace Context; None where it is not kept."""
        ...

    def note(self, values: Values) -> None:
        """Say more of it; names are those of OpenTelemetry's conventions, or begin with `nonself.`."""
        ...

    def rename(self, name: str) -> None:
        """Give it the name that is known only at its end."""
        ...

    def fail(self, why: str) -> None:
        """Say that it did not do what it was for."""
        ...


class Tracer(Protocol):
    """Makes spans; a block that raises is one that failed."""

    def span(
        self,
        name: str,
        *,
        kind: Kind = "internal",
        parent: str | None = None,
        links: Sequence[str] = (),
        values: Values | None = None,
    ) -> AbstractContextManager[Span]:
        """Return a span of a block.

        Args:
            name: Of the kind of thing, with few values.
            kind: Its part in a conversation.
            parent: A `traceparent`; without one, the span around this one is.
            links: `traceparent` of others that belong to it.
            values: What to note of it.
        """
        ...


class _Nothing:
    """A span that is none."""

    traceparent: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let errors through."""

    def note(self, values: Values) -> None:
        """Forget it."""

    def rename(self, name: str) -> None:
        """Forget it."""

    def fail(self, why: str) -> None:
        """Forget it."""


_NOTHING: Final = _Nothing()


class Untraced:
    """Makes no spans."""

    def span(
        self,
        _name: str,
        *,
        kind: Kind = "internal",  # noqa: ARG002 - the protocol's
        parent: str | None = None,  # noqa: ARG002
        links: Sequence[str] = (),  # noqa: ARG002
        values: Values | None = None,  # noqa: ARG002
    ) -> AbstractContextManager[Span]:
        return _NOTHING

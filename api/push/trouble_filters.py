"""Which troubles of nonself itself a channel wants."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from api.troubles.kinds import TroubleKind


class TroubleFilters(BaseModel):
    """A channel that has them is told of troubles; an empty list of kinds is all of them."""

    model_config = ConfigDict(extra="forbid")

    kinds: Annotated[list[TroubleKind], Field(max_length=100, description="Empty: all kinds.")] = []
    only: Annotated[bool, Field(strict=True, description="The channel is told of no alerts.")] = False

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Self | None:
        """Return those that a channel's row has; None where it is told of no troubles."""
        return None if stored is None else cls(**stored)

    def wants(self, kind: str, subject: str, *, channel: str) -> bool:
        """Tell whether a trouble is for a channel.

        That it delivers nothing itself, or not all, is for other channels: it could not be told, and once
        it could, the message would say so.

        Args:
            kind: Of the trouble.
            subject: Of the trouble.
            channel: Name of the channel.

        Examples:
            >>> TroubleFilters(kinds=["disk"]).wants("loss", "node-a", channel="soc")
            False
            >>> TroubleFilters().wants("channel", "soc", channel="soc")
            False
            >>> TroubleFilters().wants("channel", "siem", channel="soc")
            True
        """
        if kind in {TroubleKind.CHANNEL, TroubleKind.REFUSED} and subject == channel:
            return False
        return not self.kinds or kind in self.kinds

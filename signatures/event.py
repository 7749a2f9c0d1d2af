"""An event as conditions and outputs see it: fields to values, each found out when it is first asked for."""

from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | bytes
FieldValue: TypeAlias = Scalar | tuple[Scalar, ...] | None
"""None where the event has no such value. Tuples are lists, or all ancestors: `proc.aname` and its like."""


class Event(dict[str, FieldValue]):
    """Values of one event by field; `fields.FieldType` says of what Python type each must be.

    Keys are names as rules write them, argument included: `proc.aname[2]`, `evt.arg.flags`. What is
    not there yet is asked of `extract` once. Conditions index events directly, so a value that was
    found out costs one dictionary access.

    Examples:
        >>> event = Event({"evt.type": "open", "proc.name": "cat"})
        >>> event["proc.name"], event["fd.name"]
        ('cat', None)
    """

    __slots__ = ()

    def __missing__(self, key: str) -> FieldValue:
        value = self[key] = self.extract(key)
        return value

    def extract(self, key: str) -> FieldValue:  # noqa: ARG002 - the contract
        """Return a field's value; sources of live events override this."""
        return None

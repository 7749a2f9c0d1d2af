"""Errors of the rule language.

SignatureError
├── ParseError      a condition or an output template is not of the language
└── CompileError    it is, but names what does not exist or compares what cannot be compared
"""

from signatures.syntax import Position


class SignatureError(Exception):
    """Base of everything that `signatures` raises; the message is a sentence for a rule's author."""


class ParseError(SignatureError):
    """A text is not of the language; `position` says where reading stopped."""

    def __init__(self, message: str, position: Position) -> None:
        super().__init__(message)
        self.position = position


class CompileError(SignatureError):
    """A condition is well formed and cannot be decided; `position` is that of the node."""

    def __init__(self, message: str, position: Position, *, unknown: bool = False) -> None:
        super().__init__(message)
        self.position = position
        self.unknown = unknown
        """A field or an event type does not exist here: `skip-if-unknown-filter` forgives that alone."""

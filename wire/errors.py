"""Errors of the wire formats.

WireError
├── UnknownSyscallTableError   a name that no shipped table has
└── MalformedError             bytes that do not fit the format
    ├── FieldError             well-formed bytes of which one field is not what the format says
    └── VersionError           a schema version that this release cannot read
"""


class WireError(Exception):
    """Base of everything that `wire` raises."""


class UnknownSyscallTableError(WireError):
    """A syscall table was asked for by a name that no shipped table has."""


class MalformedError(WireError):
    """Bytes or fields do not fit the format; the message names the field."""


class FieldError(MalformedError):
    """The bytes are well formed, but one field is not what the format says."""


class VersionError(MalformedError):
    """The schema version is not one that this release can read."""

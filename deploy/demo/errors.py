"""Errors of the demo.

DemoError
├── ProductError           nonself did not start, or ended while it was needed
├── RefusedError           the service answered with a problem
├── TooLongError           something that was waited for did not come in time
└── IntrusionFailedError   an intrusion had no effect, so nothing could have been raised
"""


class DemoError(Exception):
    """Base of everything that `demo` raises; the message is for the person at the terminal."""


class ProductError(DemoError):
    """Nonself did not start, or ended while it was needed."""


class RefusedError(DemoError):
    """The service answered with a problem."""


class TooLongError(DemoError):
    """Something that was waited for did not come in time."""


class IntrusionFailedError(DemoError):
    """An intrusion had no effect, so nothing could have been raised."""

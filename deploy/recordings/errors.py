"""Errors of the recordings.

RecordingError
├── AgentError         the agent that records did not start, or ended early
└── NoEffectError      an action had no effect, so there is nothing to be found
"""


class RecordingError(Exception):
    """Base of everything that `recordings` raises; the message is for the person at the terminal."""


class AgentError(RecordingError):
    """The agent that records did not start, or ended early; the message ends with its log."""


class NoEffectError(RecordingError):
    """An action had no effect, so there is nothing to be found."""

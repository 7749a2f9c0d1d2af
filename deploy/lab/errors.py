"""Errors of the lab.

LabError
├── MissingRequirementError   a program, a right or a kernel feature is not there
└── StartError                a container, a daemon or a network did not come up
"""


class LabError(Exception):
    """Base of everything that `lab` raises; the message is for the person at the terminal."""


class MissingRequirementError(LabError):
    """A program, a right or a kernel feature is not there; the message holds the cure."""


class StartError(LabError):
    """A container, a daemon or a network did not come up; the message holds what it said."""

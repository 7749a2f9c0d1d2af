"""Errors of the node agent.

CollectorError
├── CgroupMountError       the node has no cgroup2 tree, or shows only a part of it
├── SettingsError          a setting cannot mean anything
├── TokenError             the file with the API token cannot be used
├── EnrolmentError         the service gave no token
├── SpoolLockedError       another agent uses the spool folder
├── RulesError             a rule file cannot be read or is refused
└── SensorError            the sensor cannot be loaded or no longer answers
    └── RequirementError   this machine lacks something; the message holds the cure
"""


class CollectorError(Exception):
    """Base of everything that `collector` raises."""


class CgroupMountError(CollectorError):
    """The node has no cgroup2 tree, or shows only a part of it; the message says the cure."""


class SensorError(CollectorError):
    """The sensor cannot be loaded, or the kernel refused a request to it."""


class RequirementError(SensorError):
    """This machine lacks something that the sensor needs; the message says what, and the cure."""


class SettingsError(CollectorError):
    """A setting cannot mean anything; the message names it, what it takes and what came."""


class TokenError(CollectorError):
    """The file with the API token cannot be read or holds no token."""


class EnrolmentError(CollectorError):
    """The service gave this node no token of its own, or it cannot be kept; the message says why."""


class SpoolLockedError(CollectorError):
    """Another agent uses the spool folder."""


class RulesError(CollectorError):
    """A rule file cannot be read or is refused; the message says where and why."""

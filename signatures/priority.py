"""How urgent a rule's matches are: syslog's severities, spelled as Falco spells them."""

from enum import IntEnum

from signatures.patterns import upper


class Priority(IntEnum):
    """Severity; lower is more urgent (RFC 5424, section 6.2.1)."""

    EMERGENCY = 0
    ALERT = 1
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFORMATIONAL = 6
    DEBUG = 7

    @property
    def word(self) -> str:
        """The word as alerts carry it."""
        return self.name.capitalize()


def parse_priority(text: str) -> Priority | None:
    """Return the priority of a word in any case, `INFO` being one more; None where it is none.

    Examples:
        >>> parse_priority("info"), parse_priority("loud")
        (<Priority.INFORMATIONAL: 6>, None)
    """
    name = upper(text)
    return Priority.INFORMATIONAL if name == "INFO" else Priority.__members__.get(name)

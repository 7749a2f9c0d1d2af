"""What this sensor can tell, as a value that others can ask for: fields and types of events."""

from collector.events.catalogue import CALLS, event_name, reportable
from collector.rules.fields import SUPPORTED
from collector.rules.fields.arguments import argument_fields
from signatures.ruleset import RuleSet
from signatures.states import Assessment, Supply, assess_rules

_ENVIRONMENT = frozenset({"proc.env", "proc.aenv"})
_ARGUMENTS = frozenset({"evt.arg", "evt.rawarg"})
"""Which of them there are depends on the call."""
_BUFFERS = frozenset({"data", "data_out"})


def supply(*, environment: bool = False) -> Supply:
    """Return what live events have.

    Args:
        environment: Whether environments are read.

    Examples:
        >>> "openat" in supply().event_types, "proc.env" in supply().fields
        (True, False)
    """
    arguments, lacking = argument_fields()
    unsupplied = {
        event_name(name): lacking.get(event_name(name), frozenset())
        | (frozenset() if any(each.kind in _BUFFERS for each in call.arguments) else {"evt.buffer"})
        for name, call in CALLS.items()
    }
    return Supply(
        fields=(SUPPORTED - _ARGUMENTS - (frozenset() if environment else _ENVIRONMENT)) | arguments,
        event_types=reportable(),
        unsupplied_of_type=unsupplied,
    )


def states_of(rules: RuleSet, given: Supply) -> dict[str, Assessment]:
    """Return for each rule, by name, what this sensor can make of it."""
    return assess_rules(rules.rules, given, {rule.name for rule in rules.enabled})

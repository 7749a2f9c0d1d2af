"""What this sensor can tell, as a value that others can ask for: fields and types of events."""

from collector.events.catalogue import CALLS, event_name, reportable
from collector.rules.fields import SUPPORTED
from signatures.ruleset import RuleSet
from signatures.states import Assessment, Supply, assess_rules

_ENVIRONMENT = frozenset({"proc.env", "proc.aenv"})
_BUFFERS = frozenset({"data", "data_out"})


def supply(*, environment: bool = False) -> Supply:
    """Return what live events have.

    Args:
        environment: Whether environments are read.

    Examples:
        >>> "openat" in supply().event_types, "proc.env" in supply().fields
        (True, False)
    """
    without_data = (
        name for name, call in CALLS.items() if not any(each.kind in _BUFFERS for each in call.arguments)
    )
    return Supply(
        fields=SUPPORTED if environment else SUPPORTED - _ENVIRONMENT,
        event_types=reportable(),
        unsupplied_of_type={event_name(name): frozenset({"evt.buffer"}) for name in without_data},
    )


def states_of(rules: RuleSet, given: Supply) -> dict[str, Assessment]:
    """Return for each rule, by name, what this sensor can make of it."""
    return assess_rules(rules.rules, given, {rule.name for rule in rules.enabled})

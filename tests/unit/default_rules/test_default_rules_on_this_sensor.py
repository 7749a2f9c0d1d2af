"""What the default rules ask of this product's own sensor."""

from collector.events.layout import Access
from collector.rules.pushdown import opens_of
from collector.rules.supply import states_of, supply
from signatures.default_rules import rule_files
from signatures.loader import load
from signatures.ruleset import RuleSet
from signatures.states import RuleState
from tests.containers.default_rules_driver import STEPS

RULES = RuleSet(load(rule_files()).rules)


def test_every_default_rule_is_evaluable():
    """No field and no event type of theirs is missing, in conditions and in outputs."""
    states = states_of(RULES, supply())

    assert {name for name, each in states.items() if each.state is not RuleState.EVALUABLE} == set()
    assert not [name for name, each in states.items() if each.losses or each.missing_outputs]
    assert len(states) == len(RULES.rules)


def test_the_kernel_drops_all_reads_but_those_below_a_few_folders():
    """Opens for writing are reported whatever their path; opens for reading only below named prefixes."""
    opens = opens_of(RULES.enabled)

    assert opens[""] == Access.WRITE
    assert {prefix for prefix in opens if not prefix.startswith("/")} == {""}
    assert not any(prefix.startswith(("/usr", "/lib", "/tmp", "/var/lib/postgresql")) for prefix in opens)


def test_each_default_rule_has_its_stimulus_on_the_live_kernel():
    """`tests/containers/test_default_rules.py` does the real thing for every rule; one comes from outside."""
    assert set(STEPS) | {"Shell started from outside in a container"} == {rule.name for rule in RULES.rules}

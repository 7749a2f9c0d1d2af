"""From a container's system calls to an alert over REST, with the two commands and a real pod."""

import sys

import pytest
from demo.intrusions import INTRUSIONS
from demo.product import Product
from demo.story import Plan, Story
from lab import Lab

pytestmark = [pytest.mark.containers, pytest.mark.kernel, pytest.mark.slow]

_WINDOW_S = 1
_SHORT = Plan(
    learn_windows=50,
    most_windows=50,
    quiet_windows=5,
    benign_windows=8,
    workloads=("shop/web",),
    prefix="test-",
    intrusions=tuple(each for each in INTRUSIONS if each.name == "shell by exec"),
)


def test_a_shell_by_exec_is_raised_and_the_load_before_it_is_not(capsys):
    """The alert of an intrusion can be read within a window and ten seconds, and benign load has none."""
    with Product(window_s=_WINDOW_S, budget_per_week=1.0) as product, Lab() as lab:
        outcome = Story(product, lab, _SHORT, lambda _: None).tell()

    (raised,) = outcome.raised
    with capsys.disabled():
        sys.stdout.write(f"\nfrom exec to alert: {raised.seen_after_s} s with windows of {_WINDOW_S} s\n")
    assert outcome.benign_findings == {"shop/web": []}
    assert raised.finding is not None
    assert raised.finding.why
    assert raised.seen_after_s is not None
    assert raised.seen_after_s <= _WINDOW_S + 10

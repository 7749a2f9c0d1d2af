"""Settings of the service."""

from typing import Any

import pytest

from api.errors import SettingError
from api.settings import ServiceSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("default_mode", "block"),
        ("window_s", 0),
        ("port", 70_000),
        ("port", -1),
        ("budget_per_week", 0.0),
        ("budget_per_week", float("nan")),
        ("inbox_limit", 0),
        ("batch_deltas", 0),
        ("log_level", "loud"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: Any) -> None:
    """The message says which one, what was expected and what came."""
    with pytest.raises(SettingError, match=f"^{name}: expected .*; got {value!r}"):
        ServiceSettings(**{name: value})


def test_the_budget_gives_the_threshold() -> None:
    """One false alert a week at 10 s windows is one in 60,480 windows."""
    assert ServiceSettings().alpha == pytest.approx(1 / 60_480)
    assert ServiceSettings(window_s=3600, budget_per_week=1000).alpha == 1.0

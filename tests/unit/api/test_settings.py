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
        ("budget_per_week", float("inf")),
        ("inbox_limit", 0),
        ("batch_deltas", 0),
        ("log_level", "loud"),
        ("falco_output", "ftp://sidekick/"),
        ("falco_output", "http://"),
        ("falco_output", "http://me:secret@sidekick/"),
        ("falco_queue", 0),
        ("auto_promote", "always"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: Any) -> None:
    """The message says which one, what was expected and what came."""
    with pytest.raises(SettingError, match=f"^{name}: expected .*; got {value!r}"):
        ServiceSettings(**{name: value})

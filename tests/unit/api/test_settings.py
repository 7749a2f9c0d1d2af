"""Settings of the service."""

from pathlib import Path
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
        ("streams", -1),
        ("stream_heartbeat_s", 0),
        ("stream_heartbeat_s", 60),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: Any) -> None:
    """The message says which one, what was expected and what came."""
    with pytest.raises(SettingError, match=f"^{name}: expected .*; got {value!r}"):
        ServiceSettings(**{name: value})


def test_the_url_of_the_database_may_be_in_a_file(tmp_path: Path) -> None:
    """Where nobody but the service reads it."""
    file = tmp_path / "url"
    file.write_text("postgresql://nonself:secret@db/nonself\n")
    settings = ServiceSettings(database_url_file=str(file))

    assert settings.url == "postgresql://nonself:secret@db/nonself"
    assert settings.is_postgresql
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("content", ["", "nonself:secret", "postgresql://a/b postgresql://secret/d"])
def test_a_file_without_a_url_is_named_and_not_shown(tmp_path: Path, content: str) -> None:
    """The message says which file, and nothing of what is in it."""
    file = tmp_path / "url"
    file.write_text(content)
    with pytest.raises(SettingError, match="a file of one line, the URL") as told:
        _ = ServiceSettings(database_url_file=str(file)).url
    assert "secret" not in str(told.value)


def test_two_places_of_the_database_are_refused(tmp_path: Path) -> None:
    """Nobody has to guess which one counts."""
    with pytest.raises(SettingError, match="nothing beside database_url"):
        ServiceSettings(database_url="sqlite://", database_url_file=str(tmp_path / "url"))

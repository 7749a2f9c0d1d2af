"""Pages say whether one should ask again at once."""

from typing import Any

import pytest

from tests.hooks import raise_alerts
from tests.service import Service


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/alerts", {}),
        ("/v1/alerts/changes", {}),
        ("/v1/alerts", {"format": "ocsf"}),
        ("/v1/alerts", {"format": "falco"}),
    ],
)
def test_a_full_page_says_that_there_may_be_more(service: Service, path: str, query: dict[str, Any]) -> None:
    """Its cursor then leads to a page that is not full, at the latest the empty one at the end."""
    raise_alerts(service, *"ABCD")
    cursor: dict[str, Any] = {}
    told = []
    for _ in range(3):
        page = service.get(path, limit=2, **query, **cursor).json()
        told.append((len(page["items"]), page["more"]))
        cursor = {"cursor": page["next_cursor"]}

    assert told == [(2, True), (2, True), (0, False)]
    assert service.get(path, limit=5, **query).json()["more"] is False

"""Writes the OpenAPI document that tests/contract/test_openapi.py holds the service to.

`python -m tests.golden.make_openapi` after a change of the interface. What clients
of the document before would stumble over is told, and written only with `--breaking`.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from api.app import create_app
from api.core import Core
from api.db.store import Store
from api.settings import ServiceSettings
from tests.openapi_changes import breaking

GOLDEN: Final = Path(__file__).parent / "openapi" / "openapi.json"


def describe() -> dict[str, Any]:
    """Return what the service says of itself; its version is left out, which changes without it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = ServiceSettings(state_dir=Path(folder), port=0)
        store = Store(settings.url)
        try:
            document: dict[str, Any] = create_app(Core(settings=settings, store=store)).openapi()
        finally:
            store.close()
    document["info"]["version"] = "…"
    return document


def main() -> None:
    """Write it."""
    document = describe()
    told = breaking(json.loads(GOLDEN.read_text("utf-8")), document) if GOLDEN.exists() else []
    sys.stderr.writelines(f"breaking: {each}\n" for each in told)
    if told and "--breaking" not in sys.argv:
        sys.exit("Nothing was written; --breaking writes it all the same.")
    GOLDEN.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()

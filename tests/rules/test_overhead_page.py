"""docs/overhead.md shows what was measured and nothing else."""

import json
import shutil
from pathlib import Path

from bench.publish import publish

ROOT = Path(__file__).parents[2]


def test_the_page_shows_the_stored_figures(tmp_path):
    """The tables of docs/overhead.md are those that the stored figures give."""
    page = tmp_path / "overhead.md"
    shutil.copy(ROOT / "docs/overhead.md", page)

    publish(json.loads((ROOT / "docs/bench/amd-epyc-2-cpus.json").read_text()), page)

    assert page.read_text() == (ROOT / "docs/overhead.md").read_text()

"""Every notebook runs from top to bottom, and is stored without output."""

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs(path: Path) -> None:
    """Its code cells run in order; what it claims it asserts."""
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    names: dict[str, object] = {"__name__": "notebook"}

    for cell in cells:
        exec(compile("".join(cell["source"]), str(path), "exec"), names)

    assert all(cell["outputs"] == [] for cell in cells)

"""The repository's own promises about its shape."""

import ast
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("wire", "collector", "model", "api", "migrations")


def modules(*folders: str) -> list[Path]:
    """Return the Python files below some folders of the repository."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def identity(path: Path) -> str:
    """Name a file by its place in the repository."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", modules(*PACKAGES, "deploy"), ids=identity)
def test_a_module_is_small_and_says_what_it_owns(path: Path) -> None:
    """At most 400 lines, and a docstring at its top unless it is an empty package marker."""
    text = path.read_text()

    assert text.count("\n") <= 400
    assert not text.strip() or ast.get_docstring(ast.parse(text))


def test_modules_stay_short() -> None:
    """The median module of the product has fewer than 120 lines."""
    lengths = [path.read_text().count("\n") for path in modules(*PACKAGES)]

    assert statistics.median(length for length in lengths if length) < 120


@pytest.mark.parametrize("path", modules("tests"), ids=identity)
def test_a_test_states_a_fact(path: Path) -> None:
    """Every test function has a docstring."""
    silent = [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]

    assert silent == []


def test_transactions_are_committed_at_the_edge() -> None:
    """Only the module that owns sessions commits."""
    committing = {identity(path) for path in modules("api") if ".commit(" in path.read_text()}

    assert committing <= {"api/db/session.py"}


def test_the_pypi_package_named_bcc_never_slips_in() -> None:
    """It is an unrelated lattice library; ours comes from the operating system."""
    for lock in ("requirements.lock", "requirements-dev.lock"):
        lines = (ROOT / lock).read_text().splitlines()
        assert not [line for line in lines if line.startswith("bcc==")]


def test_decisions_are_numbered_once() -> None:
    """Two decisions never share a number."""
    numbers = [path.name[:4] for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")]

    assert len(numbers) == len(set(numbers))


def test_nothing_that_is_built_is_committed() -> None:
    """The index holds no environment, cache, database or state."""
    listed = subprocess.run(
        ["git", "ls-files", ".venv", "var", "build", "*.db", "*.pyc"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert listed.stdout == ""

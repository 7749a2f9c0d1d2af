"""The generated reference."""

import ast
from pathlib import Path

import pytest

import api
from api.metrics import MANIFEST, Metrics
from api.reference import render

PAGE = Path(__file__).parents[3] / "docs" / "reference.md"


def test_the_page_is_what_the_command_prints() -> None:
    """`nonself reference > docs/reference.md` was run after the last change of a setting or metric."""
    assert PAGE.read_text() == render()


def test_a_metric_that_is_not_declared_cannot_be_emitted() -> None:
    """The manifest is the only place where metrics come from."""
    with pytest.raises(KeyError):
        Metrics().count("nonself_typos_total")


def test_every_declared_metric_is_emitted_somewhere() -> None:
    """The page promises no metric that no code counts: each name stands elsewhere too."""
    package = Path(api.__file__).parent
    named = {
        node.value
        for path in package.rglob("*.py")
        if path.name != "metrics.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert set(MANIFEST) - named == set()


def test_every_metric_keeps_the_naming_rules() -> None:
    """All carry our prefix; counters end in _total."""
    assert all(name.startswith("nonself_") for name in MANIFEST)
    assert all(name.endswith("_total") is (each.kind == "counter") for name, each in MANIFEST.items())

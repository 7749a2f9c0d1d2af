"""Runs every file of vectors in a folder, and tells what became of each list."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from api.rules.conformance import language, loading, showing
from api.rules.conformance.cases import Case, ListResult, Material, Runner, VectorError, read_vectors

RUNNERS: Final[dict[tuple[str, str], Runner]] = {
    ("filter_parse", "parse"): language.parses,
    ("filter_parse", "ast"): language.has_tree,
    ("filter_parse", "position"): language.has_positions,
    ("filter_parse", "as_string"): language.prints,
    ("filter_compile", "cases"): language.compiles,
    ("filter_eval", "cases"): language.holds,
    ("filter_eval", "needs_event_context"): language.lacks_event,
    ("filter_misc", "evt_type_sets"): language.has_event_types,
    ("filter_misc", "evt_type_equivalences"): language.has_equal_event_types,
    ("filter_misc", "pmatch_trie"): language.has_prefix,
    ("filter_misc", "escaping"): language.escapes,
    ("filter_misc", "rule_name_wildcard"): language.matches_name,
    ("filter_misc", "condition_warnings"): language.warns,
    ("filter_misc", "transformer_cases"): language.transforms,
    ("formatter", "cases"): showing.shows,
    ("fields", "fields"): showing.is_field,
    ("events", "events"): showing.is_event_type,
    ("rules_load", "unit"): loading.loads,
    ("rules_load", "cli"): loading.reports,
    ("rules_load", "plugin_requirements"): loading.is_satisfied,
    ("rules_load", "enable_disable"): loading.selects,
    ("rules_matrix", "rules"): loading.is_in_matrix,
    ("detections", "tests"): showing.detects,
}
"""Who runs a list of a file; captures are lists of events, one for each capture."""
_CAPTURES: Final = "captures"
ELSEWHERE: Final = {
    "eventgen_suite": "needs a live kernel: make rules-e2e SUITE=FILE",
    "eventgen_actions": "needs a live kernel: make rules-e2e",
}
"""Files whose cases are actions of real processes."""
_TOLD: Final = frozenset({"provenance", "format", "counts"})


def run(folder: Path) -> Iterator[ListResult | tuple[str, str]]:
    """Yield the result of each list, or a file's or list's name and why it is not run here.

    Raises:
        VectorError: There is no such folder, it holds no file of vectors, or one cannot be read.
    """
    if not folder.is_dir():
        msg = f"Expected a folder of vectors; {folder} is none."
        raise VectorError(msg)
    paths = sorted(path for path in folder.glob("*.json") if path.name != "INDEX.json")
    if not paths:
        msg = f"Expected JSON files of test cases in {folder}; there is none."
        raise VectorError(msg)
    material = Material(folder)
    for path in paths:
        if path.stem in ELSEWHERE:
            yield path.stem, ELSEWHERE[path.stem]
            continue
        for name, cases, runner in _lists(path.stem, read_vectors(path)):
            if runner is None:
                yield f"{path.stem}/{name}", "of a form that is not known here"
                continue
            result = ListResult(name=f"{path.stem}/{name}")
            result.run(cases, runner, material)
            yield result


def _lists(file: str, content: dict[str, Any]) -> Iterator[tuple[str, list[Case], Runner | None]]:
    for name, value in content.items():
        if name in _TOLD or (file == _CAPTURES and name == "fields"):
            continue
        if file == _CAPTURES and name == _CAPTURES:
            for capture, events in value.items():
                yield capture, events, showing.is_event
        elif isinstance(value, dict):
            cases: list[Case] = [{"name": each, **case} for each, case in value.items()]
            yield name, cases, RUNNERS.get((file, name))
        else:
            yield name, value, RUNNERS.get((file, name))

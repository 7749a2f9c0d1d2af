"""`nonself rules check FILE…`: loads rule files as a node does, and prints every error and warning."""

import json
from collections.abc import Sequence
from pathlib import Path

from api.errors import ServiceError
from api.figures import count
from signatures.default_rules import rule_files
from signatures.loader import Loaded, RuleFile, load
from signatures.problems import ErrorCode, Place, Problem


class RuleFileError(ServiceError):
    """A command was given no file that it can read."""


def check(paths: Sequence[Path], *, default: bool = False, as_json: bool = False) -> bool:
    """Load files in the order given and print what is wrong with them.

    Args:
        paths: Files; a folder stands for its YAML files, ascending.
        default: Load the rules that come with nonself before them.
        as_json: Print JSON instead of lines.

    Returns:
        Whether there is no error.

    Raises:
        RuleFileError: A folder holds no YAML file, or there is nothing to load.
    """
    if not default and not paths:
        msg = "Which rules? Give files or folders, --default for those that come with nonself, or both."
        raise RuleFileError(msg)
    files, unread = read_files(paths)
    loaded = load([*rule_files(), *files] if default else files)
    problems = [*unread, *loaded.problems]
    ok = loaded.ok and not unread
    if as_json:
        print(json.dumps(_as_json(loaded, problems, ok=ok), indent=2, ensure_ascii=False))  # noqa: T201 - for scripts
        return ok
    for problem in problems:
        print(problem.as_text())  # noqa: T201 - for people
    errors = sum(problem.is_error for problem in problems)
    warnings = len(problems) - errors
    # The counts of rules say nothing once an error has ended the reading.
    rules = f"{count(len(loaded.rules), 'rule')}, " if ok else ""
    print(f"{rules}{count(errors, 'error')}, {count(warnings, 'warning')}")  # noqa: T201
    return ok


def read_files(paths: Sequence[Path]) -> tuple[list[RuleFile], list[Problem]]:
    """Return the texts of files, and a problem for each that cannot be read."""
    files: list[RuleFile] = []
    problems: list[Problem] = []
    for path in (each for given in paths for each in _yaml_files(given)):
        try:
            files.append(RuleFile(name=str(path), text=path.read_text("utf-8")))
        except (OSError, UnicodeError) as error:
            message = f"The file cannot be read: {getattr(error, 'strerror', None) or error}."
            problems.append(Problem(ErrorCode.FILE_READ, message, Place(str(path))))
    return files, problems


def _yaml_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.suffix in (".yaml", ".yml"))
    if not found:
        msg = f"Expected a rule file, or a folder with files that end in .yaml or .yml; {path} holds none."
        raise RuleFileError(msg)
    return found


def _as_json(loaded: Loaded, problems: Sequence[Problem], *, ok: bool) -> dict[str, object]:
    return {
        "ok": ok,
        "rules": [
            {
                "name": rule.name,
                "priority": rule.priority.word,
                "enabled": rule.enabled,
                "tags": list(rule.tags),
                "file": rule.place.file,
                "line": rule.place.line,
            }
            for rule in loaded.rules
        ],
        "errors": [problem.as_json() for problem in problems if problem.is_error],
        "warnings": [problem.as_json() for problem in problems if not problem.is_error],
    }

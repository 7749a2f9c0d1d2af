"""What a case is, what it may need beside itself, and what became of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from api.errors import ServiceError

Case: TypeAlias = Mapping[str, Any]


class VectorError(ServiceError):
    """A folder or a file is not of the form of the vectors."""


class NotRunError(Exception):
    """A case is not about what is tested here; says why."""


class FailedError(Exception):
    """A case has another outcome than it should; says which."""


@dataclass(frozen=True, slots=True)
class Material:
    """Files that cases refer to.

    Args:
        folder: The folder of vectors. What is not in it is looked for in `vectors/falco` and `rules/falco`
            of the folders above.
    """

    folder: Path
    _read: dict[str, Any] = field(default_factory=dict)

    def capture(self, name: str) -> list[Case]:
        """Return the events of a capture.

        Raises:
            NotRunError: It is not there.
        """
        if "captures" not in self._read:
            path = self._find("captures.json", "vectors/falco/captures.json")
            self._read["captures"] = read_vectors(path)["captures"] if path else {}
        captures: dict[str, list[Case]] = self._read["captures"]
        if name not in captures:
            msg = f"the capture {name} is not among the vectors"
            raise NotRunError(msg)
        return captures[name]

    def rule_files(self) -> list[Path]:
        """Return upstream's three rule files in their order.

        Raises:
            NotRunError: They are not there.
        """
        names = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
        found = [self._find(name, f"rules/falco/{name}") for name in names]
        there = [path for path in found if path is not None]
        if len(there) != len(names):
            msg = "upstream's rule files are not beside the vectors"
            raise NotRunError(msg)
        return there

    def _find(self, beside: str, above: str) -> Path | None:
        here = self.folder.resolve()
        candidates = [here / beside, *(parent / above for parent in (here, *here.parents))]
        return next((path for path in candidates if path.is_file()), None)


Runner: TypeAlias = Callable[[Case, Material], None]
"""Returns where a case passes.

Raises:
    FailedError: It does not.
    NotRunError: It says nothing about what is tested here.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A case that failed."""

    name: str
    """File, list and the case's place in it, counted from 0."""
    why: str
    case: Case


@dataclass(slots=True, kw_only=True)
class ListResult:
    """What became of one list of cases."""

    name: str
    """`FILE/LIST`"""
    passed: int = 0
    failures: list[Failure] = field(default_factory=list)
    not_run: dict[str, int] = field(default_factory=dict)
    """Cases by the reason for which they were not run."""

    def run(self, cases: list[Case], runner: Runner, material: Material) -> None:
        """Run all cases."""
        for index, case in enumerate(cases):
            try:
                runner(case, material)
            except NotRunError as error:
                self.not_run[str(error)] = self.not_run.get(str(error), 0) + 1
            except FailedError as error:
                self._fail(index, str(error), case)
            except Exception as error:  # noqa: BLE001 - a crash of ours is a failure of the case
                self._fail(index, f"{type(error).__name__}: {error}", case)
            else:
                self.passed += 1

    def _fail(self, index: int, why: str, case: Case) -> None:
        self.failures.append(Failure(name=f"{self.name}#{index}", why=why, case=case))


def read_vectors(path: Path) -> dict[str, Any]:
    """Return the object that a file of vectors holds.

    Raises:
        VectorError: The file cannot be read, or holds something else.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        msg = f"Expected a JSON file of test cases; {path} cannot be read: {error}."
        raise VectorError(msg) from None
    if not isinstance(found, dict):
        msg = f"Expected an object with lists of cases in {path}; got {type(found).__name__}."
        raise VectorError(msg)
    return found


def expect(what: str, expected: object, got: object) -> None:
    """Raise where something is not as a case says.

    Raises:
        FailedError: It is not.
    """
    if expected != got:
        msg = f"{what}: expected {expected!r}; got {got!r}"
        raise FailedError(msg)

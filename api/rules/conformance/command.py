"""`nonself rules conformance DIR`: prints a line for each list, and the sum."""

import json
from pathlib import Path
from typing import Any

from api.rules.conformance.cases import Failure, ListResult
from api.rules.conformance.run import run


def conformance(folder: Path, *, show: int = 0, out: Path | None = None) -> bool:
    """Run all vectors of a folder and print what became of them.

    Args:
        folder: The folder.
        show: How many failing cases are printed in full.
        out: Where every result is written as JSON.

    Returns:
        Whether no case failed.

    Raises:
        VectorError: The folder or a file of it cannot be read.
    """
    results: list[ListResult] = []
    elsewhere: dict[str, str] = {}
    for each in run(folder):
        if isinstance(each, ListResult):
            results.append(each)
            print(_line(each), flush=True)  # noqa: T201 - for people
        else:
            name, why = each
            elsewhere[name] = why
            print(f"{name}: not run here ({why})", flush=True)  # noqa: T201
    failures = [failure for result in results for failure in result.failures]
    for failure in failures[:show]:
        print(_shown(failure))  # noqa: T201
    passed = sum(result.passed for result in results)
    if out is not None:
        out.write_text(json.dumps(_as_json(results, elsewhere), indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{passed} passed, {len(failures)} failed")  # noqa: T201
    return not failures


def _line(result: ListResult) -> str:
    line = f"{result.name}: {result.passed} passed, {len(result.failures)} failed"
    return line + "".join(f" ({count} not run: {why})" for why, count in result.not_run.items())


def _shown(failure: Failure) -> str:
    case = json.dumps(failure.case, indent=2, ensure_ascii=False)
    return f"\n{failure.name}: {failure.why}\n{case}\n"


def _as_json(results: list[ListResult], elsewhere: dict[str, str]) -> dict[str, Any]:
    return {
        "passed": sum(result.passed for result in results),
        "failed": sum(len(result.failures) for result in results),
        "lists": {
            result.name: {
                "passed": result.passed,
                "failed": len(result.failures),
                "not_run": result.not_run,
                "failures": [
                    {"name": each.name, "why": each.why, "case": each.case} for each in result.failures
                ],
            }
            for result in results
        },
        "not_run_here": elsewhere,
    }

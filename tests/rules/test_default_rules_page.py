"""The page of the default rules says what the rules say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_the_default_rules_is_generated_from_them() -> None:
    """`docs/default-rules.md` is what `docs/default_rules.py` would write today."""
    run = [sys.executable, "docs/default_rules.py", "--check"]
    done = subprocess.run(
        run, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr

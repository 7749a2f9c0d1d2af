"""Fuzzes the rule language with atheris, guided by the coverage of `signatures`.

    .venv/bin/pip install atheris
    PYTHONPATH=. .venv/bin/python tests/fuzz -max_total_time=1800 -timeout=10 -rss_limit_mb=2048 \
        -dict=tests/fuzz/words.dict /tmp/corpus tests/fuzz/corpus

New inputs go to the first folder. `-merge=1 tests/fuzz/corpus /tmp/corpus` keeps those that reach
something new. A crash is written beside; `python tests/fuzz FILE` runs it alone. The corpus itself
is run by tests/unit/signatures/test_corpus.py, which needs no fuzzer.
"""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))
with atheris.instrument_imports(include=["signatures"], enable_loader_override=False):
    import targets


def main() -> None:
    """Run libFuzzer with the arguments given."""
    atheris.Setup(sys.argv, targets.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

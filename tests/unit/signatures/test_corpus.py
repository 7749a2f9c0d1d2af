"""Every input that fuzzing kept is taken without a crash, fuzzer or not."""

from pathlib import Path

import pytest

from tests.fuzz.targets import run

CORPUS = sorted(Path("tests/fuzz/corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_an_input_of_the_corpus_is_taken(path: Path) -> None:
    """It is refused with an error of ours, or decides; nothing else is raised."""
    run(path.read_bytes())


def test_the_corpus_has_inputs() -> None:
    """An empty folder would make the test above say nothing."""
    assert len(CORPUS) >= 10

"""Settings: one declaration gives option, variable and reference."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import pytest

from wire.settings import add_options, read, reference, setting


@dataclass(frozen=True)
class Sample:
    """A settings class with every type."""

    name: str = setting("", "Who it is.")
    count: int = setting(3, "How many, up to 100%.")
    share: float = setting(0.5, "How much.")
    place: Path = setting(Path("var"), "Where.")
    loud: bool = setting(default=False, help="Whether.")


def parse(*arguments: str, **environment: str) -> Sample:
    """Read settings as a command line would."""
    parser = argparse.ArgumentParser()
    add_options(parser, Sample)
    return read(Sample, parser.parse_args(arguments), environment, "X")


def test_defaults_hold_where_nothing_is_said() -> None:
    """No option and no variable leave the declared defaults."""
    assert Sample() == parse()


def test_an_option_wins_over_the_environment() -> None:
    """Both are typed; the option is taken first."""
    sample = parse("--count", "5", "--loud", X_COUNT="4", X_PLACE="/tmp", X_SHARE="0.25", X_NAME="n")

    assert Sample(name="n", count=5, share=0.25, place=Path("/tmp"), loud=True) == sample


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("0", False), ("on", True), ("No", False)])
def test_true_and_false_have_their_usual_words(text: str, value: bool) -> None:  # noqa: FBT001
    """Either way of giving them understands them."""
    assert value == parse(X_LOUD=text).loud
    assert value == parse("--loud", text).loud


@pytest.mark.parametrize(("variable", "kind"), [("X_COUNT", "whole number"), ("X_LOUD", "true or false")])
def test_a_variable_that_does_not_fit_is_named(variable: str, kind: str) -> None:
    """The message names the variable, what was expected and what came."""
    with pytest.raises(ValueError, match=f"{variable}: expected {kind}; got 'many'"):
        parse(**{variable: "many"})


def test_an_option_that_does_not_fit_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The command line says of it what was expected and what came, as for a variable."""
    with pytest.raises(SystemExit):
        parse("--loud", "many")

    assert "argument --loud: expected true or false; got 'many'." in capsys.readouterr().err


def test_help_shows_each_setting_with_its_default() -> None:
    """A percent sign in a help text is printed as it is."""
    parser = argparse.ArgumentParser()
    add_options(parser, Sample)

    text = parser.format_help()

    assert "up to 100%" in text
    assert "(default: 0.5)" in text


def test_the_reference_lists_every_setting() -> None:
    """One row each, with option, variable, default and meaning."""
    assert "| `--loud` | `X_LOUD` | `false` | Whether. |" in reference(Sample, "X")
    assert reference(Sample, "X").count("\n") == 7


def test_an_undeclared_field_is_a_mistake_of_ours() -> None:
    """A field without help cannot become a setting silently."""

    @dataclass
    class Bad:
        forgotten: int = 3

    with pytest.raises(TypeError, match=r"Bad\.forgotten"):
        reference(Bad, "X")

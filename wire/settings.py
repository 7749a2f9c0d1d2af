"""How both commands declare settings: one dataclass each, from which options, environment and reference come.

A field is a setting: its default, and in its metadata the `help` text. The
option `--window-s` and the variable `<PREFIX>_WINDOW_S` follow from the name
`window_s`. The command line reads both once and passes the object down.
"""

import argparse
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, Field, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

_T = TypeVar("_T")
_KINDS = {str: "text", int: "whole number", float: "number", Path: "path", bool: "true or false"}


def setting(default: Any, help: str) -> Any:  # noqa: A002, ANN401 - dataclasses.field is typed so
    """Declare one setting of a settings dataclass; types are `str`, `int`, `float`, `bool` and `Path`."""
    return field(default=default, metadata={"help": help})


def add_options(parser: argparse.ArgumentParser, kind: type[Any], only: Collection[str] = ()) -> None:
    """Add one option for each setting, or for `only` some; the default shown is the declared one."""
    for each, type_ in _declared(kind):
        if only and each.name not in only:
            continue
        option = "--" + each.name.replace("_", "-")
        help_ = f"{each.metadata['help']} (default: {_show(each.default)})".replace("%", "%%")
        parse = _parse_bool if type_ is bool else type_
        extra: dict[str, Any] = {"nargs": "?", "const": True} if type_ is bool else {}
        metavar = _KINDS[type_].upper().split()[-1]
        parser.add_argument(
            option, type=parse, default=argparse.SUPPRESS, help=help_, metavar=metavar, **extra
        )


def read(kind: type[_T], options: argparse.Namespace, environment: Mapping[str, str], prefix: str) -> _T:
    """Build settings: an option wins over the environment, and that over the default.

    Raises:
        ValueError: A variable does not hold what its setting takes; the message names it.
    """
    values: dict[str, Any] = {}
    for each, type_ in _declared(kind):
        variable = f"{prefix}_{each.name.upper()}"
        if hasattr(options, each.name):
            values[each.name] = getattr(options, each.name)
        elif variable in environment:
            text = environment[variable]
            try:
                values[each.name] = _parse_bool(text) if type_ is bool else type_(text)
            except (ValueError, argparse.ArgumentTypeError) as error:
                msg = f"{variable}: expected {_KINDS[type_]}; got {text!r}."
                raise ValueError(msg) from error
    return kind(**values)


def reference(kind: type[Any], prefix: str) -> str:
    """Return a Markdown table of all settings of one dataclass."""
    rows = ["| option | variable | default | meaning |", "| --- | --- | --- | --- |"]
    for each, _ in _declared(kind):
        option = "--" + each.name.replace("_", "-")
        variable = f"{prefix}_{each.name.upper()}"
        rows.append(f"| `{option}` | `{variable}` | `{_show(each.default)}` | {each.metadata['help']} |")
    return "\n".join(rows) + "\n"


def _declared(kind: type[Any]) -> Iterator[tuple[Field[Any], type[Any]]]:
    hints = get_type_hints(kind)
    for each in fields(kind):
        if each.default is MISSING or "help" not in each.metadata:
            msg = f"{kind.__name__}.{each.name} is not declared with setting()."
            raise TypeError(msg)
        yield each, hints[each.name]


def _parse_bool(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off"}:
        return False
    msg = f"expected true or false; got {text!r}."
    # Of every other error argparse keeps the name of the function and drops the words.
    raise argparse.ArgumentTypeError(msg)


def _show(value: object) -> str:
    return "(empty)" if value == "" else str(value).lower() if isinstance(value, bool) else str(value)

"""What pydantic finds wrong with a request, as a sentence that names what was expected and what came."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_MOST: Final = 40
_INPUT_SHOULD_BE: Final = re.compile(r"Input should be (?P<expected>.+?)(, (unable|input|invalid|got) .*)?")
_OBJECTS: Final = {"model_type", "model_attributes_type", "dict_type"}


def sentence(error: Mapping[str, Any]) -> str:
    """Return what is wrong, without a full stop.

    Args:
        error: One of pydantic's `errors()`.

    Examples:
        >>> where = {"loc": ("query", "mode"), "input": "x"}
        >>> sentence(where | {"type": "enum", "msg": "Input should be 'learning' or 'enforcement-alert'"})
        "query.mode: expected 'learning' or 'enforcement-alert'; got 'x'"
        >>> sentence(where | {"type": "extra_forbidden", "msg": "Extra inputs are not permitted"})
        'query.mode: expected no parameter of this name'
    """
    kind, came = error["type"], _came(error.get("input"))
    where = ".".join(str(part) for part in error["loc"])
    noun = "field" if error["loc"][0] == "body" else "parameter"
    if kind == "missing":
        return f"{where}: expected a value; got none"
    if kind == "extra_forbidden":
        return f"{where}: expected no {noun} of this name"
    if kind == "json_invalid":
        return f"body: expected JSON; at character {error['loc'][-1]} {_lower(error['ctx']['error'])}"
    if kind == "value_error":
        return f"{where}: {error['msg'].removeprefix('Value error, ').removesuffix('.')}"
    if kind in _OBJECTS:
        return f"{where}: expected an object; got {came}"
    said = _INPUT_SHOULD_BE.fullmatch(error["msg"])
    expected = f"expected {said['expected']}" if said else _lower(error["msg"])
    return f"{where}: {expected}; got {came}"


def _came(value: object) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= _MOST else value[:_MOST] + "…")
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, bytes):
        return f"{len(value)} bytes that are not of type application/json"
    if isinstance(value, list | tuple | set):
        return "a list"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)[:_MOST]
    return f"a {type(value).__name__}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]

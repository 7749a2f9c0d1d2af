"""Evaluates a program of Filebeat's `cel` input: CEL by cel-python, with what Elastic's mito adds to it.

Of https://pkg.go.dev/github.com/elastic/mito/lib only what our program uses: the macro `as`, and `with`,
`request`, `do_request`, `encode_json`, `decode_json`.
"""

import json
import sys
from typing import Any

import celpy
import httpx
import lark
from celpy import celtypes, json_to_cel

_HTTP = httpx.Client(verify=False, timeout=60)


class _As(lark.Transformer):
    """Rewrites `value.as(name, expression)` to `[value].map(name, expression)[0]`, which is plain CEL."""

    def member_dot_arg(self, children: list[Any]) -> lark.Tree:
        receiver, name, *arguments = children
        if name != "as":
            return lark.Tree("member_dot_arg", children)
        (first,) = celpy.CELParser().parse("[hole].map(hole, hole)[0]").find_data("member_index")
        (mapped,) = first.find_data("member_dot_arg")
        mapped.children[2:] = arguments
        (hole,) = mapped.children[0].find_pred(
            lambda tree: tree.data == "member" and next(tree.find_data("list_lit"), None) is None
        )
        hole.children = receiver.children
        return first


def _with(target: Any, more: Any) -> Any:
    return celtypes.MapType({**target, **more})


def _request(method: Any, url: Any) -> Any:
    return json_to_cel({"Method": str(method), "URL": str(url)})


def _do_request(request: Any) -> Any:
    headers = {str(name): str(values[0]) for name, values in request["Header"].items()}
    answer = _HTTP.request(request["Method"], request["URL"], headers=headers)
    return celtypes.MapType(
        {
            celtypes.StringType("StatusCode"): celtypes.IntType(answer.status_code),
            celtypes.StringType("Body"): celtypes.BytesType(answer.content),
        }
    )


def _encode_json(value: Any) -> Any:
    return celtypes.StringType(json.dumps(value, cls=celpy.CELJSONEncoder))


def _decode_json(body: Any) -> Any:
    return json_to_cel(json.loads(bytes(body)))


_FUNCTIONS = {
    "with": _with,
    "request": _request,
    "do_request": _do_request,
    "encode_json": _encode_json,
    "decode_json": _decode_json,
}


def evaluate(program: str, state: dict[str, Any]) -> dict[str, Any]:
    """Return the state that a program makes of another one."""
    # cel-python raises the limit of the whole interpreter, and other tests ask where it is.
    limit = sys.getrecursionlimit()
    try:
        environment = celpy.Environment()
        tree = _As().transform(environment.compile(program))
        made = environment.program(tree, functions=_FUNCTIONS).evaluate({"state": json_to_cel(state)})
    finally:
        sys.setrecursionlimit(limit)
    plain: dict[str, Any] = json.loads(json.dumps(made, cls=celpy.CELJSONEncoder))
    return plain

"""What a client that was generated from an OpenAPI document stumbles over in a later one."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def breaking(before: Json, after: Json) -> list[str]:
    """Return what was taken away or is newly asked for, one sentence each.

    Operations, parameters, statuses, media types and members of answers may come; none may go. Bodies and
    parameters may not ask for more. Renamed schemas and operation ids break generated code too.
    """
    found = []
    for path, methods in before["paths"].items():
        for method, old in methods.items():
            where = f"{method.upper()} {path}"
            new = after["paths"].get(path, {}).get(method)
            found += [f"{where} is gone"] if new is None else _operation(where, old, new)
    known: Json = after["components"]["schemas"]
    for name, old in before["components"]["schemas"].items():
        found += [f"schema {name} is gone"] if name not in known else _schema(name, old, known[name])
    return found


def _operation(where: str, old: Json, new: Json) -> Iterator[str]:
    if old["operationId"] != new["operationId"]:
        yield f"{where}: operation {old['operationId']} is called {new['operationId']}"
    was, now = (
        {(each["in"], each["name"].lower()): each for each in operation.get("parameters", ())}
        for operation in (old, new)
    )
    for kind, name in was.keys() - now.keys():
        yield f"{where}: {kind} parameter {name} is gone"
    for key, each in now.items():
        if each.get("required") and not was.get(key, {}).get("required"):
            yield f"{where}: {key[0]} parameter {key[1]} is required"
        if key in was:
            yield from _schema(f"{where} {key[1]}", was[key]["schema"], each["schema"], asked=True)
    yield from _content(f"{where} body", old.get("requestBody", {}), new.get("requestBody", {}))
    for status, answer in old["responses"].items():
        if status not in new["responses"]:
            yield f"{where}: status {status} is gone"
        else:
            yield from _content(f"{where} {status}", answer, new["responses"][status])


def _content(where: str, old: Json, new: Json) -> Iterator[str]:
    for kind, was in old.get("content", {}).items():
        now = new.get("content", {}).get(kind)
        if now is None:
            yield f"{where}: media type {kind} is gone"
        else:
            yield from _schema(where, was.get("schema", {}), now.get("schema", {}))


def _schema(where: str, old: Json, new: Json, *, asked: bool = False) -> Iterator[str]:
    yield from _members(where, old, new, asked=asked)
    for name in set(old.get("enum", ())) - set(new.get("enum", ())):
        yield f"{where}: value {name!r} is gone"
    for word in ("type", "$ref", "const", "format"):
        if old.get(word) != new.get(word):
            yield f"{where}: {word} was {old.get(word)}, is {new.get(word)}"
    for word in ("items", "additionalProperties"):
        if isinstance(old.get(word), dict) and isinstance(new.get(word), dict):
            yield from _schema(f"{where} {word}", old[word], new[word], asked=asked)
    for word in ("anyOf", "oneOf"):
        kinds = [_kind(each) for each in new.get(word, ())]
        yield from (f"{where}: {each} is gone" for each in map(_kind, old.get(word, ())) if each not in kinds)


def _members(where: str, old: Json, new: Json, *, asked: bool) -> Iterator[str]:
    was, now = old.get("properties", {}), new.get("properties", {})
    yield from (f"{where}: member {name} is gone" for name in was.keys() - now.keys())
    before, after = set(old.get("required", ())), set(new.get("required", ()))
    # A model of requests refuses what it does not know.
    if asked or old.get("additionalProperties") is False:
        yield from (f"{where}: member {name} is required" for name in after - before)
    else:
        yield from (f"{where}: member {name} may be missing" for name in before - after)
    for name in was.keys() & now.keys():
        yield from _schema(f"{where}.{name}", was[name], now[name], asked=asked)


def _kind(schema: Json) -> str:
    return str(schema.get("$ref") or schema.get("type") or schema.get("const"))

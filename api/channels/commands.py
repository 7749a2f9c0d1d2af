"""`nonself channels`: asks a running service, and prints for people or for scripts."""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rich.table import Table

from api.channels.client import Channels
from api.channels.schemas import ChannelIn, DeliveryQuery, DisableIn, RotateSecretIn, RoutingIn
from api.connection import Connection, build, to_json
from api.console import console, moment, new_table, plain, print_json, show
from api.errors import ClientError
from api.workloads.remote import find_workload


def run(connection: Connection, options: argparse.Namespace) -> bool:
    """Do what was asked for; return False where a test message was not delivered.

    Raises:
        ClientError: The service refused, or a file cannot be read; the message is the reason.
    """
    command, channels = options.channels_command, Channels(connection)
    if command == "list":
        _print([to_json(each) for each in channels.list()], _channels, options, "No channels.")
        return True
    if command == "add":
        _secret(to_json(channels.create(build(ChannelIn, **_wish(connection, options)))), options)
        return True
    channel = _find(channels, options.channel)
    if command == "test":
        return _tried(to_json(channels.test(channel)), options)
    if command in {"deliveries", "redeliver"}:
        _of_deliveries(channels, channel, options)
    else:
        _manage(connection, channel, options)
    return True


def _manage(connection: Connection, channel: int, options: argparse.Namespace) -> None:
    channels = Channels(connection)
    match options.channels_command:
        case "remove":
            gone = to_json(channels.remove(channel))
            _say(gone, f"The channel {gone['name']!r} is removed.", options)
            return
        case "rotate":
            wish: dict[str, Any] = {"overlap_hours": options.overlap_hours}
            if options.secret_file:
                wish["secret"] = _read(options.secret_file)
            _secret(to_json(channels.rotate(channel, build(RotateSecretIn, **wish))), options)
            return
        case "route":
            answer = channels.route(channel, build(RoutingIn, **_routing(connection, options)))
        case "enable":
            answer = channels.enable(channel)
        case "disable":
            answer = channels.disable(channel, build(DisableIn, reason=options.reason))
        case _:
            answer = channels.get(channel)
    _print(to_json(answer), lambda one: _channels([one]), options)


def _of_deliveries(channels: Channels, channel: int, options: argparse.Namespace) -> None:
    if options.channels_command == "redeliver":
        answer = to_json(channels.redeliver(channel, options.delivery))
        _say(answer, f"{answer['deliveries']} deliveries wait again.", options)
        return
    named = {"state": options.state, "alert": options.alert, "trouble": options.trouble}
    wanted = {name: value for name, value in named.items() if value is not None}
    query = build(DeliveryQuery, "query", **wanted)
    found = [to_json(each) for each in channels.deliveries(channel, query)]
    _print(found, _deliveries, options, "No deliveries.")


def _wish(connection: Connection, options: argparse.Namespace) -> dict[str, Any]:
    if (options.address is None) == (options.address_file is None):
        msg = "Expected an address, or --address-file; got neither or both."
        raise ClientError(msg)
    wish = {
        "name": options.name,
        "kind": options.kind,
        "address": options.address or _read(options.address_file),
        **_routing(connection, options),
    }
    for name, file in (("secret", options.secret_file), ("token", options.bearer_file)):
        if file:
            wish[name] = _read(file)
    return wish


def _routing(connection: Connection, options: argparse.Namespace) -> dict[str, Any]:
    filters: dict[str, Any] = {
        "namespaces": options.namespace,
        "workloads": [find_workload(connection, each)["id"] for each in options.workload],
        "kinds": options.alert_kind,
        "rules": options.rule,
        "techniques": options.technique,
        "changes": options.change,
    }
    if options.least_level:
        filters["least_level"] = options.least_level
    routing = {"format": options.format, "filters": filters, "pacing": _pacing(options)}
    if options.troubles or options.trouble or options.only_troubles:
        routing["troubles"] = {"kinds": options.trouble, "only": options.only_troubles}
    return routing


def _pacing(options: argparse.Namespace) -> dict[str, Any]:
    pacing: dict[str, Any] = {}
    if options.quiet:
        start, dash, end = options.quiet.partition("-")
        if not dash:
            msg = f"--quiet: expected hours such as 22:00-07:00; got {options.quiet!r}."
            raise ClientError(msg)
        pacing["quiet"] = {"start": start, "end": end, "zone": options.zone}
    if options.digest_s is not None:
        pacing["digest_s"] = options.digest_s
    if options.limit is not None:
        pacing["limit"] = {"messages": options.limit}
    return pacing


def _find(channels: Channels, wanted: str) -> int:
    for each in channels.list():
        if wanted in {each.name, str(each.id)}:
            return each.id
    msg = f"There is no channel {wanted!r}; 'nonself channels list' shows all."
    raise ClientError(msg)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"The file {path} cannot be read: {reason}."
        raise ClientError(msg) from error


def _channels(found: Iterable[dict[str, Any]]) -> Table:
    shown = new_table(
        "id", "name", "kind", "address", "state", "pending", "held", "dead", "delivered (UTC)", "error",
        numbers=("pending", "held", "dead"), wrap=("address", "error"),
    )  # fmt: skip
    for each in found:
        shown.add_row(
            str(each["id"]),
            each["name"],
            each["kind"],
            plain(each["address"]),
            _state(each),
            *(str(each[name]) for name in ("pending", "held", "dead")),
            moment(each["delivered_at"]),
            plain(each["disabled_reason"] or each["last_error"] or ""),
        )
    return shown


def _state(channel: dict[str, Any]) -> str:
    if not channel["enabled"]:
        return "disabled"
    return f"down, again {moment(channel['resume_at'])}" if channel["failures"] else "enabled"


def _deliveries(found: Iterable[dict[str, Any]]) -> Table:
    shown = new_table(
        "id", "about", "what", "state", "made (UTC)", "attempts", "next (UTC)", "error", wrap=("error",)
    )
    for each in found:
        shown.add_row(
            str(each["id"]),
            _about(each),
            each["type"],
            each["state"],
            moment(each["created_at"]),
            str(each["attempts"]),
            moment(each["next_attempt_at"]),
            plain(each["last_error"] or ""),
        )
    return shown


def _about(delivery: dict[str, Any]) -> str:
    for about in ("alert", "trouble"):
        if delivery[about] is not None:
            return f"{about} {delivery[about]}"
    return ""


def _tried(answer: dict[str, Any], options: argparse.Namespace) -> bool:
    done = bool(answer["delivered"])
    took = f"after {answer['took_ms']} ms"
    _say(answer, f"Delivered {took}." if done else f"Not delivered, {took}: {answer['detail']}.", options)
    return done


def _secret(made: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json:
        print_json(made)
        return
    console().print(_channels([made]))
    if made["secret"]:
        console().print("Its receiver verifies with this secret, which is not shown again:")
        console().print(made["secret"], highlight=False)


def _print(
    found: Any,  # noqa: ANN401 - JSON
    draw: Callable[[Any], Table],
    options: argparse.Namespace,
    otherwise: str = "",
) -> None:
    if options.json:
        print_json(found)
    else:
        show(draw(found), otherwise)


def _say(answer: Any, sentence: str, options: argparse.Namespace) -> None:  # noqa: ANN401 - JSON
    if options.json:
        print_json(answer)
    else:
        console().print(plain(sentence))

"""`nonself nodes`: what the agents of a service say of themselves, over the REST interface."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from api.connection import Connection, to_json
from api.console import console, moment, new_table, plain, print_json, show
from api.nodes.client import Nodes


def run(connection: Connection, options: argparse.Namespace) -> None:
    """List nodes, and under them what is wrong with each.

    Raises:
        ClientError: The service refuses.
    """
    found = [to_json(each) for each in Nodes(connection).list()]
    if options.json:
        print_json(found)
    else:
        _show(found)


def _show(found: Iterable[Mapping[str, Any]]) -> None:
    headings = ("node", "seen (UTC)", "agent", "containers", "lost calls", "rule engine", "rules")
    made = new_table(*headings, wrap=("node", "rules"))
    troubles = []
    for each in found:
        agent, rules = each["agent"], each["rules"]
        made.add_row(
            plain(each["name"]),
            moment(each["seen_at"]),
            agent["version"],
            str(agent["containers"]),
            f"{sum(each['lost'].values()):,}",
            agent["rule_engine"] or "unknown",
            plain(_rules(rules)),
        )
        troubles += [f"{each['name']}: {said}" for said in _troubles(each)]
    show(made, "No node has reported; start an agent with 'nonself-agent run'.")
    for trouble in troubles:
        console().print(plain(trouble), style="yellow")


def _rules(rules: Mapping[str, Any] | None) -> str:
    if rules is None:
        return "none reported"
    states = ", ".join(f"{number} {state}" for state, number in rules["states"].items())
    return states if rules["current"] else f"{states} (not the active rules)"


def _troubles(node: Mapping[str, Any]) -> Iterator[str]:
    agent, rules = node["agent"], node["rules"] or {}
    if node["warning"]:
        yield node["warning"]
    if agent["rule_engine_error"]:
        yield f"the rule engine ended: {agent['rule_engine_error']}"
    if rules.get("error"):
        yield f"newer rules were not taken: {rules['error']}"
    if dropped := rules.get("counters", {}).get("dropped_events"):
        yield f"{dropped:,} rule events were dropped by the kernel"
    if agent["discarded_deltas"]:
        yield f"{agent['discarded_deltas']:,} windows were discarded by the agent before they were sent"

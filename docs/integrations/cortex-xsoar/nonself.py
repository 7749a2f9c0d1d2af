"""Cortex XSOAR integration of nonself: its alerts become incidents, and are handled from the war room.

The fetch follows `GET /v1/alerts` in the order in which alerts were opened, and keeps the cursor of the
last page in the last run. No clock is part of it, so an alert that arrives late is not missed.
"""

import demistomock as demisto
from CommonServerPython import *

MAX_PAGE = 200
"""Most alerts that one run turns into incidents, as XSOAR advises."""

MAX_REQUESTS = 20
"""Most pages of one run, so that it ends, and its cursor is kept, however many alerts are passed over."""

SEVERITIES = {
    "informational": IncidentSeverity.INFO,
    "low": IncidentSeverity.LOW,
    "medium": IncidentSeverity.MEDIUM,
    "high": IncidentSeverity.HIGH,
    "critical": IncidentSeverity.CRITICAL,
}
SHOWN = ["id", "what", "level", "where", "triage", "verdict", "assignee", "findings", "created_at", "message"]


class Client(BaseClient):
    """The calls of nonself that the integration needs."""

    def alerts(self, **query: object) -> dict:
        """Return one page of alerts: `items` and `next_cursor`."""
        params = {name: value for name, value in query.items() if value not in (None, "")}
        return self._http_request(
            "GET", "/v1/alerts", params=params, retries=3, status_list_to_retry=[429, 503]
        )

    def alert(self, alert_id: int) -> dict:
        """Return one alert with its windows or matches."""
        return self._http_request("GET", f"/v1/alerts/{alert_id}", retries=3, status_list_to_retry=[429, 503])

    def step(self, alert_id: int, **wish: object) -> dict:
        """Do one step of triage; return the alert as it is then."""
        body = {name: value for name, value in wish.items() if value not in (None, "")}
        return self._http_request("POST", f"/v1/alerts/{alert_id}/triage", json_data=body)


def level_of(alert: dict) -> str:
    """Return an alert's level; an anomaly has none and counts as medium."""
    return alert["level"] or "medium"


def place_of(alert: dict) -> str:
    """Name the workload, as in `shop/cart/web`."""
    workload = alert["workload"]
    parts = (workload[part] for part in ("cluster", "namespace", "name", "container"))
    return "/".join(part for part in parts if part)


def title_of(alert: dict) -> str:
    """Name what was seen."""
    return alert["rule"] or "Unusual order of system calls"


def to_incident(alert: dict, server: str) -> dict:
    """Return the incident of an alert."""
    place = place_of(alert)
    return {
        "name": f"nonself: {title_of(alert)} in {place}",
        "occurred": alert["start"],
        "severity": SEVERITIES[level_of(alert)],
        "details": alert["message"] or "",
        "dbotMirrorId": str(alert["id"]),
        "rawJSON": json.dumps({**alert, "place": place, "link": f"{server}{alert['url']}"}),
    }


def fetch_incidents(client: Client, params: dict, last_run: dict) -> tuple[list, dict]:
    """Return the incidents of alerts that are new since the last run, and the next last run."""
    most = min(arg_to_number(params.get("max_fetch")) or 50, MAX_PAGE)
    least = SEVERITIES[params.get("min_level") or "informational"]
    cursor, since = last_run.get("cursor"), last_run.get("since")
    if cursor is None and since is None:
        first = arg_to_datetime(params.get("first_fetch") or "3 days", arg_name="First fetch", required=True)
        since = first.strftime("%Y-%m-%dT%H:%M:%SZ")
    server = params["url"].rstrip("/")
    incidents: list = []
    for _ in range(MAX_REQUESTS):
        limit = most - len(incidents)
        # `since` only leads to the first alert. Behind it the cursor does, whatever clocks say.
        page = client.alerts(cursor=cursor, since=since, namespace=params.get("namespace"), limit=limit)
        if page["items"]:
            cursor, since = page["next_cursor"], None
        incidents += [
            to_incident(alert, server) for alert in page["items"] if SEVERITIES[level_of(alert)] >= least
        ]
        if not page["more"] or len(incidents) == most:
            break
    following = {"cursor": cursor, "since": since}
    return incidents, {name: value for name, value in following.items() if value is not None}


def shown(title: str, alerts: list) -> CommandResults:
    """Return alerts as a table and in the context."""
    rows = [
        {**alert, "what": title_of(alert), "level": level_of(alert), "where": place_of(alert)}
        for alert in alerts
    ]
    return CommandResults(
        outputs_prefix="Nonself.Alert",
        outputs_key_field="id",
        outputs=alerts,
        raw_response=alerts,
        readable_output=tableToMarkdown(title, rows, headers=SHOWN, removeNull=True),
    )


def list_command(client: Client, args: dict) -> CommandResults:
    """Show the newest alerts that the arguments name."""
    limit = arg_to_number(args.get("limit"), arg_name="limit") or 50
    names = ("namespace", "rule", "triage", "min_level", "technique", "text")
    page = client.alerts(order="newest", limit=limit, **{name: args.get(name) for name in names})
    return shown("Alerts of nonself", page["items"])


def get_command(client: Client, args: dict) -> CommandResults:
    """Show one alert with its windows or matches."""
    return shown("Alert of nonself", [client.alert(alert_id_of(args))])


def acknowledge_command(client: Client, args: dict) -> CommandResults:
    """Say that somebody looks at an alert."""
    done = client.step(alert_id_of(args), action="acknowledge", comment=args.get("comment"))
    return shown("Acknowledged", [done])


def close_command(client: Client, args: dict) -> CommandResults:
    """Close an alert with a verdict."""
    done = client.step(
        alert_id_of(args), action="close", verdict=args.get("verdict"), comment=args.get("comment")
    )
    return shown("Closed", [done])


def alert_id_of(args: dict) -> int:
    """Return the id that a command names."""
    return arg_to_number(args.get("alert_id"), arg_name="alert_id", required=True)


COMMANDS = {
    "nonself-alert-list": list_command,
    "nonself-alert-get": get_command,
    "nonself-alert-acknowledge": acknowledge_command,
    "nonself-alert-close": close_command,
}


def main() -> None:
    """Do what XSOAR asks for."""
    params, command = demisto.params(), demisto.command()
    try:
        client = Client(
            base_url=params["url"].rstrip("/"),
            verify=not params.get("insecure", False),
            proxy=params.get("proxy", False),
            headers={"Authorization": f"Bearer {params['credentials']['password']}"},
        )
        if command == "test-module":
            client.alerts(limit=1)
            return_results("ok")
        elif command == "fetch-incidents":
            incidents, last_run = fetch_incidents(client, params, demisto.getLastRun())
            # In this order: a run that dies between the two repeats incidents rather than losing them.
            demisto.incidents(incidents)
            demisto.setLastRun(last_run)
        elif command in COMMANDS:
            return_results(COMMANDS[command](client, demisto.args()))
        else:
            raise NotImplementedError(f"nonself has no command {command}.")
    except Exception as error:
        return_error(f"Command {command} failed: {error}")


if __name__ in ("__main__", "__builtin__", "builtins"):
    main()

"""The command `nonself`: reads the settings once, and turns every failure into one sentence."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from api.alerts.options import add_alerts
from api.audit_log.options import add_audit
from api.baselines.options import add_baseline
from api.channels.options import add_channels
from api.errors import ProblemError, ServiceError, SettingError
from api.evaluate.kinds import KINDS, add_kinds
from api.events.options import add_scores
from api.keys.options import add_keys
from api.reference import ENV_PREFIX
from api.rules.commands import LOCAL, add_rules, run_rules
from api.settings import ServiceSettings
from api.suppressions.options import add_suppression
from api.token_admin.options import add_enrol, add_token, add_tokens
from api.troubles.options import add_troubles
from api.upgrades.options import add_upgrade
from api.vocabulary import Mode
from api.workload_options import add_workload
from wire.settings import add_options, read

CANNOT_RUN: Final = 1
USAGE: Final = 2

_PATIENCE_S: Final = 10.0
"""How long a command may be tried again where the service is busy."""
_EXAMPLES: Final = """\
examples:
  nonself up
      service, worker and this host's agent, until Ctrl-C
  nonself serve --host 0.0.0.0 --tls-cert service.pem --tls-key service.key
      the service alone, for agents on other nodes
  nonself token create worker-1 --role ingest
      a token for the agent on worker-1
  nonself mode shop/cart/web enforcement-alert --reason 'two quiet weeks'
      freeze what was learned and raise alerts
  nonself alerts --workload shop/cart/web --status open
      what was raised there and goes on; 'nonself alerts 5' shows one
  nonself workload history shop/cart/web --since 90d
      what its windows were, by the day
  nonself workload what-if shop/cart/web --budget 1 --since 14d
      which alerts another budget would have raised
  nonself baseline report shop/cart/web --gate
      is what was learned good enough for production? what has it not seen?
  nonself workload seccomp shop/cart/web > cart.json
      what was learned, as a seccomp profile
  nonself suppression preview --alert 5 --by sequences
      what else would be silent if alert 5 was benign
  nonself channels add soc https://soc.example/hooks/nonself
      tell a receiver of what happens to alerts, signed
  nonself rules check rules/*.yaml
      what is wrong with rule files in Falco's format
  nonself troubles
      what is wrong with nonself itself: silent nodes, losses, a full disk
  nonself evaluate sequences traces.tsv.gz --json figures.json
      how well the learner does on recorded traces

Every option can be given as a variable too: --window-s is NONSELF_WINDOW_S.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 1 if it cannot run or finds fault, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        settings = read(_settings_of(options), options, os.environ, ENV_PREFIX)
    except (SettingError, ValueError) as error:
        return _complain(error, USAGE)
    try:
        done = _COMMANDS[options.command](settings, options)
    except ProblemError as error:
        return _complain(error.detail, CANNOT_RUN)
    except ServiceError as error:
        return _complain(error, CANNOT_RUN)
    except BrokenPipeError:
        # Whoever reads our output has read enough; the interpreter must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CANNOT_RUN
    return CANNOT_RUN if done is False else 0


def _settings_of(options: argparse.Namespace) -> type[Any]:
    return KINDS[options.kind].settings if options.command == "evaluate" else ServiceSettings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nonself",
        description="Learns what each container workload normally does and raises what does not belong.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    up = commands.add_parser("up", help="run service, worker and this host's agent")
    up.add_argument(
        "agent_options", nargs="*", metavar="-- AGENT OPTIONS", help="passed to nonself-agent run"
    )
    serve = commands.add_parser("serve", help="run service and worker")
    migrate = commands.add_parser("migrate", help="bring the database to the newest schema")
    token = commands.add_parser("token", help="create, list, rotate or revoke API tokens")
    add_token(token)
    listed_tokens = commands.add_parser("tokens", help="list API tokens")
    add_tokens(listed_tokens)
    enrol = commands.add_parser("enrol", help="make a one-time token for a node's agent")
    add_enrol(enrol)
    for each in (up, serve, migrate):
        add_options(each, ServiceSettings)
    tokens = (token, listed_tokens, enrol)
    for each in tokens:
        add_options(each, ServiceSettings, only=("state_dir", "database_url", "database_url_file"))
        each.add_argument("--url", help="address of a service (default: the database itself)")
        _add_client(each)
    workloads = commands.add_parser("workloads", help="list workloads")
    alerts = add_alerts(commands.add_parser("alerts", help="list, show and handle alerts"))
    scores = add_scores(commands.add_parser("scores", help="follow windows as they are scored"))
    nodes = commands.add_parser("nodes", help="list nodes, their agents and rule engines")
    mode = commands.add_parser("mode", help="switch a workload's mode")
    mode.add_argument("workload", help="id, or name as 'nonself workloads' shows it")
    mode.add_argument("mode", choices=[each.value for each in Mode])
    mode.add_argument("--reason", default="", help="kept in the audit record")
    ruling = add_rules(commands.add_parser("rules", help="check, list, upload and switch signature rules"))
    living = add_baseline(
        commands.add_parser("baseline", help="report on, promote, carry over and roll back baselines")
    )
    living += add_keys(commands.add_parser("keys", help="say whose exported baselines may be imported"))
    living += add_workload(
        commands.add_parser("workload", help="ask of one workload what was and what would be")
    )
    living += add_audit(commands.add_parser("audit", help="ask who changed what"))
    living += add_suppression(commands.add_parser("suppression", help="mark alerts as benign for a time"))
    living += add_channels(commands.add_parser("channels", help="say who is told of alerts, and how"))
    living += add_upgrade(commands.add_parser("upgrade", help="decide on new images of workloads"))
    living += add_troubles(commands.add_parser("troubles", help="say what is wrong with nonself itself"))
    asking = (workloads, *alerts, *scores, nodes, mode, *ruling, *living)
    for each in asking:
        each.add_argument("--url", help="address of the service (default: this host, port of the settings)")
        _add_client(each)
        each.add_argument("--state-dir", type=Path, default=argparse.SUPPRESS, help="(default: var)")
    for each in (*tokens, *asking):
        each.add_argument("--json", action="store_true", help="for scripts")
    add_kinds(commands.add_parser("evaluate", help="measure the learner on recorded data"))
    commands.add_parser("reference", help="print the reference of settings and metrics")
    commands.add_parser("version", help="print the version")
    return parser


def _add_client(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--token-file", type=Path, help="(default: 'token' in the state folder)")
    parser.add_argument("--ca-file", default="", help="certificates (PEM) to trust for an https URL")
    parser.add_argument("--client-cert", default="", help="certificate (PEM) to show, if one is asked for")
    parser.add_argument("--client-key", default="", help="its private key (PEM)")


def _up(settings: ServiceSettings, options: argparse.Namespace) -> None:
    from api import logs
    from api.up import up

    # The table has the terminal; what is normal need not be logged beside it.
    logs.set_up("warning" if sys.stdout.isatty() and settings.log_level == "info" else settings.log_level)
    up(settings, options.agent_options)


def _serve(settings: ServiceSettings, _options: argparse.Namespace) -> None:
    from api import logs
    from api.up import serve

    logs.set_up(settings.log_level)
    serve(settings)


def _migrate(settings: ServiceSettings, _options: argparse.Namespace) -> None:
    from api.db.migrate import upgrade, versions
    from api.state import claimed

    # PostgreSQL is migrated beside a running service; SQLite's file is that service's own.
    with nullcontext() if settings.is_postgresql else claimed(settings.state_dir):
        upgrade(settings.url)
        print(f"The database has schema version {versions(settings.url)[0]}.")


def _token(settings: ServiceSettings, options: argparse.Namespace) -> None:
    from api.clock import SystemClock
    from api.token_admin.commands import run
    from api.token_admin.places import RemotePlace, local

    now_ms = SystemClock().now_ms()
    if options.url:
        run(RemotePlace(_connection(settings, options)), options, now_ms)
        return
    with local(settings) as place:
        run(place, options, now_ms)


def _audit(settings: ServiceSettings, options: argparse.Namespace) -> None:
    from api.audit_log.commands import run

    run(_connection(settings, options), options)


def _workloads(settings: ServiceSettings, options: argparse.Namespace) -> None:
    from api.connection import to_json
    from api.console import print_json, show
    from api.live import table
    from api.workloads.client import Workloads

    found = list(Workloads(_connection(settings, options)).list())
    if options.json:
        print_json([to_json(each) for each in found])
    else:
        show(table(found), "No workloads: no agent has sent a window yet.")


def _alerts(settings: ServiceSettings, options: argparse.Namespace) -> None:
    if options.alerts_command == "tail":
        from api.events.tail import alerts as run
    else:
        from api.alerts.commands import run

    run(_connection(settings, options), options)


def _scores(settings: ServiceSettings, options: argparse.Namespace) -> None:
    from api.events.tail import scores

    scores(_connection(settings, options), options)


def _nodes(settings: ServiceSettings, options: argparse.Namespace) -> None:
    from api.nodes.commands import run

    run(_connection(settings, options), options)


def _mode(settings: ServiceSettings, options: argparse.Namespace) -> None:
    from api.workload_commands import set_mode

    set_mode(_connection(settings, options), options)


def _workload(settings: ServiceSettings, options: argparse.Namespace) -> None:
    from api.workload_commands import run

    run(lambda: _connection(settings, options), options)


def _suppression(settings: ServiceSettings, options: argparse.Namespace) -> None:
    from api.suppressions.commands import run

    run(_connection(settings, options), options)


def _channels(settings: ServiceSettings, options: argparse.Namespace) -> bool:
    from api.channels.commands import run

    return run(_connection(settings, options), options)


def _upgrade(settings: ServiceSettings, options: argparse.Namespace) -> None:
    from api.upgrades.commands import run

    run(_connection(settings, options), options)


def _troubles(settings: ServiceSettings, options: argparse.Namespace) -> bool:
    from api.troubles.commands import run

    return run(_connection(settings, options), options)


def _evaluate(settings: Any, options: argparse.Namespace) -> None:  # noqa: ANN401 - each kind its own
    from api.evaluate.commands import run

    run(settings, options)


def _rules(settings: ServiceSettings, options: argparse.Namespace) -> bool:
    if options.rules_command in LOCAL:
        return run_rules(options)
    connection = _connection(settings, options)
    if options.rules_command == "what-if":
        from api.what_if.rules_remote import run as try_out

        try_out(connection, options)
        return True
    from api.rules.remote import run

    run(connection, options)
    return True


def _baseline(settings: ServiceSettings, options: argparse.Namespace) -> bool:
    from api.baselines.commands import run

    return run(_connection(settings, options), options)


def _keys(settings: ServiceSettings, options: argparse.Namespace) -> None:
    from api.keys.commands import run

    run(_connection(settings, options), options)


def _reference(_settings: ServiceSettings, _options: argparse.Namespace) -> None:
    from api.reference import render

    print(render(), end="")


def _version(_settings: ServiceSettings, _options: argparse.Namespace) -> None:
    print(version("nonself"))


_COMMANDS: Final[dict[str, Callable[[Any, argparse.Namespace], bool | None]]] = {
    "up": _up,
    "serve": _serve,
    "migrate": _migrate,
    "token": _token,
    "tokens": _token,
    "enrol": _token,
    "audit": _audit,
    "workloads": _workloads,
    "alerts": _alerts,
    "scores": _scores,
    "nodes": _nodes,
    "mode": _mode,
    "workload": _workload,
    "baseline": _baseline,
    "keys": _keys,
    "suppression": _suppression,
    "channels": _channels,
    "evaluate": _evaluate,
    "troubles": _troubles,
    "upgrade": _upgrade,
    "rules": _rules,
    "reference": _reference,
    "version": _version,
}


def _connection(settings: ServiceSettings, options: argparse.Namespace) -> Any:  # noqa: ANN401 - imported late
    from api.connection import Connection, read_token
    from api.state import ADMIN_FILE

    scheme = "https" if settings.tls_cert else "http"
    url = options.url or f"{scheme}://{settings.host}:{settings.port}"
    return Connection(
        url,
        read_token(options.token_file or settings.state_dir / ADMIN_FILE),
        ca_file=options.ca_file,
        client_cert=options.client_cert,
        client_key=options.client_key,
        patience_s=_PATIENCE_S,
        wait_for_start=False,
    )


def _complain(error: object, code: int) -> int:
    print(f"nonself: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

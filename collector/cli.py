"""The command `nonself-agent`: reads the settings once, and turns every failure into one sentence."""

import argparse
import os
import platform
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from collector.connection import read_token
from collector.errors import CollectorError, SettingsError
from collector.identity.settings import IdentitySettings, listed
from collector.logs import configure
from collector.options import KINDS, parser, settings_reference
from collector.rules.settings import RuleSettings
from collector.settings import ENVIRONMENT, AgentSettings, LogSettings
from collector.status import version
from collector.stopping import stopped_after, stopped_by_failures, stopped_by_signals
from wire.errors import WireError
from wire.settings import read

if TYPE_CHECKING:
    from collector.assemble import Settings
    from collector.outbox import Outbox

CANNOT_RUN: Final = 1
USAGE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 1 where it cannot run, 2 for wrong usage."""
    options = parser().parse_args(arguments)
    if options.command == "version":
        print(version())
        return 0
    if options.command == "reference":
        print(settings_reference(), end="")
        return 0
    if options.command == "rules":
        return _run_rules(options)
    if options.command in {"enrol", "rotate"}:
        return _enrol(options)
    try:
        settings = _settings(options)
    except (SettingsError, ValueError) as error:
        return _say(error, USAGE)
    return _check(settings, options) if options.command == "check" else _work(settings, options)


def _settings(options: argparse.Namespace) -> "Settings":
    from collector.assemble import Settings

    return Settings(*(read(kind, options, os.environ, ENVIRONMENT) for kind in KINDS.values()))


def _check(settings: "Settings", options: argparse.Namespace) -> int:
    from collector import check
    from collector.sensor.requirements import requirements

    findings = [check.Finding(each.name, ok=each.ok, detail=each.cure) for each in requirements()]
    findings.append(check.check_runtimes(listed(settings.identity.cri_sockets)))
    if not options.dry_run:
        findings += check.check_delivery(settings.agent)
        findings.append(check.check_rules(settings.agent, settings.rules))
    print(check.as_json(findings) if options.json else check.as_table(findings))
    return 0 if check.can_run(findings) else CANNOT_RUN


def _outbox(settings: "Settings", options: argparse.Namespace) -> "Callable[[ExitStack], Outbox]":
    from collector.assemble import spooling
    from collector.printer import Printer
    from collector.recorder import Recorder
    from wire.recording import RecordingWriter

    if options.command == "record":
        return lambda _: Recorder(RecordingWriter(options.out, append=options.append), options.label)
    if options.dry_run:
        return lambda _: Printer(sys.stdout, as_json=options.json)
    return lambda connections: spooling(settings.agent, connections)


def _work(settings: "Settings", options: argparse.Namespace) -> int:
    from collector.assemble import build

    configure(settings.agent.log_format, settings.agent.log_level)
    sends = options.command == "run" and not options.dry_run
    try:
        agent = build(settings, _outbox(settings, options), with_rules=sends and settings.agent.rules)
        with (
            stopped_by_signals(agent.stop),
            stopped_by_failures(agent.stop) as failed,
            stopped_after(getattr(options, "seconds", None), agent.stop),
        ):
            agent.run()
    except KeyboardInterrupt:
        return CANNOT_RUN
    except BrokenPipeError:
        # Who read a dry run has enough; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except FileExistsError as error:
        return _say(
            f"{error.filename} exists already; give another name, or --append to go on with it.", USAGE
        )
    except OSError as error:
        named = f"The file {error.filename} cannot be used: {error.strerror}." if error.filename else error
        return _say(named, CANNOT_RUN)
    except (CollectorError, WireError) as error:
        return _say(error, CANNOT_RUN)
    return CANNOT_RUN if failed.is_set() else 0


def _enrol(options: argparse.Namespace) -> int:
    from collector import enrol

    try:
        settings = read(AgentSettings, options, os.environ, ENVIRONMENT)
    except (SettingsError, ValueError) as error:
        return _say(error, USAGE)
    url = settings.url.rstrip("/")
    try:
        if options.command == "rotate":
            enrol.rotate(url, settings.trust, settings.token_file)
            print(f"Another token is in {settings.token_file}; the one before is good for ten minutes more.")
            return 0
        path = options.enrol_token_file
        once = options.enrol_token or (sys.stdin.readline().strip() if str(path) == "-" else read_token(path))
        node = settings.node or platform.node()
        enrol.enrol(url, settings.trust, once=once, node=node, token_file=settings.token_file)
    except CollectorError as error:
        return _say(error, CANNOT_RUN)
    print(f"Node {node} is enrolled; its token is in {settings.token_file}.")
    return 0


def _run_rules(options: argparse.Namespace) -> int:
    from collector.rules import command

    if not options.default and not options.rules:
        return _say(SettingsError("Which rules? Give --default, --rules FILE, or both."), USAGE)
    try:
        settings = read(RuleSettings, options, os.environ, ENVIRONMENT)
        identity = read(IdentitySettings, options, os.environ, ENVIRONMENT)
        logs = read(LogSettings, options, os.environ, ENVIRONMENT)
    except (SettingsError, ValueError) as error:
        return _say(error, USAGE)
    configure(logs.log_format, logs.log_level)
    try:
        rules = command.load_rules(options.rules, settings, sys.stderr, default=options.default)
        deliver = command.printer(sys.stdout, as_json=options.json)
        running = command.build(settings, identity, rules, deliver)
        try:
            with stopped_by_signals(running.stop), stopped_by_failures(running.stop) as failed:
                stop = threading.Event()
                telling = threading.Thread(target=command.say_losses, args=(running, sys.stderr, stop))
                telling.start()
                print("ready", file=sys.stderr, flush=True)
                try:
                    running.run()
                finally:
                    stop.set()
                    telling.join()
        finally:
            running.close()
    except KeyboardInterrupt:
        return CANNOT_RUN
    except BrokenPipeError:
        command.silence(sys.stdout)
        return 0
    except (CollectorError, WireError) as error:
        return _say(error, CANNOT_RUN)
    return CANNOT_RUN if failed.is_set() else 0


def _say(error: object, code: int) -> int:
    print(f"nonself-agent: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

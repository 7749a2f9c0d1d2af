"""Chat, e-mail, paging and the like, through Apprise: a URL such as slack:// names the receiver."""

import logging
import re
import warnings
from functools import cache
from typing import Any, Final

from api.guard import Guard, GuardError
from api.push.events import Event, level_of_event, text, title
from api.push.kinds.base import Message, OneWay
from api.push.outcome import DELIVERED, Outcome, Verdict, down, judge
from api.push.trouble_events import OPENED, is_trouble
from api.vocabulary import Level

_LOCAL: Final = frozenset({"dbus", "glib", "gnome", "kde", "macosx", "qt", "rsyslog", "syslog", "windows"})
"""What ends on the service's own desktop or log, or has no answer: there is a kind `syslog`."""
_STATUS: Final = re.compile(r"\berror=(\d{3})\b")
_LONGEST_KEY: Final = 255
"""Of PagerDuty."""
_TYPES: Final = {
    Level.INFORMATIONAL: "info",
    Level.LOW: "info",
    Level.MEDIUM: "warning",
    Level.HIGH: "failure",
    Level.CRITICAL: "failure",
}


class Chat(OneWay):
    """Notifies by one of Apprise's services; a message is the same two texts for all of them."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def send(self, message: Message) -> Outcome:
        apprise = _library()
        try:
            plugin = open_plugin(message.secrets.address)
            for host, port in _hosts(plugin):
                self._guard.check(host, port)
        except (GuardError, ValueError) as error:
            return down(str(error))
        _name_incident(plugin, message.event)
        sender = apprise.Apprise(asset=plugin.asset)
        sender.add(plugin)
        with _heard() as told:
            done = sender.notify(
                title=title(message.event),
                body=text(message.event),
                notify_type=_TYPES[level_of_event(message.event)],
                body_format="text",
            )
        return DELIVERED if done else _why(told)


@cache
def _library() -> Any:  # noqa: ANN401 - Apprise ships no types
    """Return Apprise with all its services; half a second, which only who has such a channel pays."""
    with warnings.catch_warnings():
        # One of its services imports a module that Python 3.13 no longer has, and has its own for then.
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise  # noqa: PLC0415 - see above

        apprise.Apprise.instantiate("json://localhost")
    return apprise


def open_plugin(address: str) -> Any:  # noqa: ANN401 - Apprise ships no types
    """Return Apprise's object for a URL.

    Raises:
        ValueError: Apprise does not know it, or it would not leave this host.
    """
    apprise = _library()
    asset = apprise.AppriseAsset(app_id="nonself", app_desc="nonself", http_redirects=False)
    plugin = apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    if plugin is None:
        msg = "expected a URL that Apprise knows, such as slack://… or mailto://…"
        raise ValueError(msg)
    if address.partition("://")[0].lower() in _LOCAL:
        msg = "expected a service that is reached over the network"
        raise ValueError(msg)
    return plugin


def shown(address: str) -> str:
    """Return a URL without what is secret, as Apprise shows it: its scheme alone, where that is not a host.

    Examples:
        >>> shown("mmost://chat.example/abcdefghijklmnopqrstuvwx")
        'mmost://chat.example'
    """
    plugin = open_plugin(address)
    scheme = address.partition("://")[0].lower()
    hosts = _hosts(plugin)
    return f"{scheme}://{hosts[0][0] if hosts else '…'}"


def _name_incident(plugin: Any, event: Event) -> None:  # noqa: ANN401
    """Have PagerDuty keep one incident for a trouble, and resolve it at its end, unless the URL says how."""
    if plugin.secure_protocol == "pagerduty" and is_trouble(event) and not plugin.dedup:
        plugin.dedup = event["data"]["trouble"]["dedup_key"][:_LONGEST_KEY]
        plugin.action = "trigger" if event["type"] == OPENED else "resolve"


def _hosts(plugin: Any) -> list[tuple[str, int]]:  # noqa: ANN401
    """Return the hosts that the user chose; those of services such as Slack are Apprise's own."""
    if smtp := getattr(plugin, "smtp_host", None):
        return [(smtp, plugin.port or 0)]
    chosen = any("{host}" in each for each in plugin.templates)
    return [(plugin.host, plugin.port or 0)] if chosen and plugin.host else []


class _heard:  # noqa: N801 - used as a function
    """Collects what Apprise logs in this block; it may hold secrets, and goes nowhere else."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._handler = logging.Handler(logging.WARNING)
        self._handler.emit = lambda record: self._lines.append(record.getMessage())  # type: ignore[method-assign]

    def __enter__(self) -> list[str]:
        logging.getLogger("apprise").addHandler(self._handler)
        return self._lines

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self._handler)


def _why(told: list[str]) -> Outcome:
    for line in told:
        if found := _STATUS.search(line):
            outcome = judge(int(found[1]))
            # Apprise asks some services for more than 200: what it calls a failure is one.
            return outcome if outcome.verdict is not Verdict.DELIVERED else down(f"it answered {found[1]}")
    return down("Apprise could not deliver it")

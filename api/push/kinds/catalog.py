"""All kinds by name: what an address of each is, how it is shown, and which transport it opens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from api.guard import Guard
from api.push.http import Http
from api.push.kinds import chat, kafka, nats, syslog
from api.push.kinds.alertmanager import Alertmanager
from api.push.kinds.base import Transport, check_url, shown_url
from api.push.kinds.otlp import Otlp
from api.push.kinds.webhook import Webhook
from api.push.words import ChannelKind
from api.settings import ServiceSettings

_HTTP: Final = ("https", "http")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of receiver."""

    check: Callable[[str], object]
    """Raises ValueError where an address is none of this kind."""
    shown: Callable[[str], str] = shown_url
    open: Callable[[Guard, ServiceSettings], Transport]
    signs: bool = False
    """Its messages are signed."""
    paced: bool = False
    """People read it, so that it can digest, keep quiet and limit its rate."""
    growth: bool = True
    """Unless a channel names changes, it is told each time that findings join an alert."""
    digest_items: int = 100
    """Most alerts that a digest gives in full."""
    digest_changes: int = 100
    """Most changes that one digest stands for."""


KINDS: Final[Mapping[ChannelKind, Kind]] = {
    ChannelKind.WEBHOOK: Kind(
        check=partial(check_url, schemes=_HTTP),
        open=lambda guard, settings: Webhook(Http(guard, settings.push_ca_file)),
        signs=True,
        paced=True,
    ),
    ChannelKind.ALERTMANAGER: Kind(
        check=partial(check_url, schemes=_HTTP),
        open=lambda guard, settings: Alertmanager(Http(guard, settings.push_ca_file)),
    ),
    ChannelKind.SYSLOG: Kind(
        check=partial(check_url, schemes=syslog.SCHEMES, port=True),
        open=lambda guard, settings: syslog.Syslog(guard, ca_file=settings.push_ca_file),
    ),
    ChannelKind.APPRISE: Kind(
        check=chat.open_plugin,
        shown=chat.shown,
        open=lambda guard, _settings: chat.Chat(guard),
        paced=True,
        growth=False,
        digest_items=20,
        digest_changes=10_000,
    ),
    ChannelKind.OTLP: Kind(
        check=partial(check_url, schemes=_HTTP),
        open=lambda guard, settings: Otlp(Http(guard, settings.push_ca_file)),
    ),
    ChannelKind.KAFKA: Kind(
        check=kafka.read,
        open=lambda guard, _settings: kafka.Kafka(guard),
    ),
    ChannelKind.NATS: Kind(
        check=nats.read,
        open=lambda guard, _settings: nats.Nats(guard),
    ),
}
"""Each kind's address, transport and manners."""

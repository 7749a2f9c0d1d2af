"""A receiver of alerts in Falco's shape, and matches that it can tell apart."""

import json
from typing import Any

from tests.receiver import Receiver
from tests.service import a_match
from wire.match import SignatureMatch


class Sidekick(Receiver):
    """A receiver that takes every alert, as falcosidekick does."""

    def _take(self, *_: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b"ok"

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """What was posted, in order."""
        return [json.loads(body) for _, body in self.requests]

    @property
    def numbers(self) -> list[int]:
        """The sequences of matches that were posted, in order."""
        first = a_match(0).time
        return [(alert["output_fields"]["evt.time"] - first) // 1_000_000 for alert in self.alerts]


def numbered(*numbers: int) -> list[SignatureMatch]:
    """Return matches a millisecond apart."""
    return [a_match(each, time=a_match(0).time + each * 1_000_000) for each in numbers]

"""What the service remembers of those who ask: wrong tokens, quotas, and when tokens were used."""

from api.access.failures import Failures
from api.access.quota import Quotas
from api.access.usage import Usage


class Guard:
    """One for a service; all of it is in memory."""

    def __init__(self, requests_per_minute: int) -> None:
        self.failures = Failures()
        self.quotas = Quotas(requests_per_minute)
        self.usage = Usage()

"""Webhooks, signed as Standard Webhooks."""

import json

from api.push import signing
from api.push.http import Http
from api.push.kinds.base import Message, OneWay, bearer
from api.push.outcome import Outcome
from api.push.shapes import shaped


class Webhook(OneWay):
    """Posts each message as JSON; the id stays the same over all attempts, time and signature are new."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def send(self, message: Message) -> Outcome:
        body = json.dumps(shaped(message.event, message.shape), separators=(",", ":")).encode()
        signed = signing.headers(
            message.id,
            body,
            now_ms=message.now_ms,
            signed_with=message.secrets.signed_with(message.now_ms),
        )
        headers = {"Content-Type": "application/json", **bearer(message.secrets), **signed}
        return self._http.post(message.secrets.address, body, headers, now_ms=message.now_ms).outcome

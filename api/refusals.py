"""What a service answered instead of what it was asked for, as errors by kind; made from problems (RFC 9457).

ClientError
├── UnreachableError         no answer came: nothing listens, the way is broken, or TLS is not agreed on
├── NotOursError             an answer came, and not of a nonself service of this release
└── RefusedError             the service said no, with a sentence; nothing was changed
    ├── UnknownTokenError        401
    ├── NotAllowedError          403
    ├── MissingError             404
    ├── ClashError               409
    ├── ChangedSinceError        412
    ├── TooLargeError            413
    ├── NotUnderstoodError       400, 415, 422
    ├── TooManyRequestsError     429
    └── UnavailableError         503
"""

from collections.abc import Mapping
from typing import Any, Final

from api.errors import ClientError

_KNOWN: Final = frozenset({"type", "title", "status", "detail", "instance", "request_id"})


class UnreachableError(ClientError):
    """No answer came; whether a change was made is not known."""


class NotOursError(ClientError):
    """What answered is no nonself service, or one of a release that says other things."""


class RefusedError(ClientError):
    """The service refused, and changed nothing; the message is its reason.

    Attributes:
        status: Of HTTP.
        type: `/problems/<slug>`, for programs.
        request_id: What the service's log calls the request.
        members: What the problem says beside, such as `errors` of rules or `possible_from` of a budget.
        retry_after_s: Seconds after which asking again makes sense; None where it never does.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        super().__init__(str(problem.get("detail", problem)))
        self.status = status
        self.type = str(problem.get("type", "about:blank"))
        self.request_id = str(problem.get("request_id", ""))
        self.members = {name: value for name, value in problem.items() if name not in _KNOWN}
        self.retry_after_s = retry_after_s


class UnknownTokenError(RefusedError):
    """The token is unknown, expired or revoked."""


class NotAllowedError(RefusedError):
    """The token's role or limits do not allow it."""


class MissingError(RefusedError):
    """There is no such thing, or the token may not see it."""


class ClashError(RefusedError):
    """It cannot be done as things are now."""


class ChangedSinceError(RefusedError):
    """Somebody changed it since it was read; read it again and decide anew."""


class TooLargeError(RefusedError):
    """The body is larger than the service takes."""


class NotUnderstoodError(RefusedError):
    """The request says something that cannot be; the message names the field or parameter."""


class TooManyRequestsError(RefusedError):
    """The token's quota, or the address's wrong tokens, are used up for `retry_after_s` seconds."""


class UnavailableError(RefusedError):
    """Database, worker or issuer are not up to it at the moment."""


_BY_STATUS: Final[Mapping[int, type[RefusedError]]] = {
    400: NotUnderstoodError,
    401: UnknownTokenError,
    403: NotAllowedError,
    404: MissingError,
    409: ClashError,
    412: ChangedSinceError,
    413: TooLargeError,
    415: NotUnderstoodError,
    422: NotUnderstoodError,
    429: TooManyRequestsError,
    503: UnavailableError,
}


def refused(status: int, problem: Mapping[str, Any], retry_after_s: float | None = None) -> RefusedError:
    """Return the error for a problem; one of a status without a kind of its own is a `RefusedError`.

    Examples:
        >>> error = refused(404, {"type": "/problems/not-found", "detail": "There is no alert 5."})
        >>> type(error).__name__, error.type, str(error)
        ('MissingError', '/problems/not-found', 'There is no alert 5.')
    """
    return _BY_STATUS.get(status, RefusedError)(status, problem, retry_after_s)

"""Errors of the service; the only module that knows status codes.

ServiceError
├── StartError               the service cannot start; one sentence, exit code 1
├── SettingError             a setting has a value that cannot be used
├── ClientError              the command line could not get an answer from a service
├── DataError                recorded data cannot be evaluated; one sentence, exit code 1
└── ProblemError             an answer to a request, sent as application/problem+json
    ├── UnauthenticatedError     401
    ├── SignatureError           401
    ├── ForbiddenError           403
    ├── NotFoundError            404
    ├── ReplayedError            409
    ├── ConflictError            409
    ├── BudgetError              409
    ├── NotPossibleError         409
    ├── CursorError              410
    ├── StaleError               412
    ├── OversizedError           413
    ├── MediaTypeError           415
    ├── BadBodyError             400
    ├── InvalidError             422
    ├── TooManyFailuresError     429
    ├── QuotaError               429
    ├── TokenStreamsError        429
    ├── RulesError               422
    ├── BundleError              422
    ├── IssuerError              503
    ├── BacklogError             503
    ├── StreamsError             503
    └── StoreError               503
"""

from typing import ClassVar, TypeVar

T = TypeVar("T")


class ServiceError(Exception):
    """Base of everything that `api` raises."""


class StartError(ServiceError):
    """The service cannot start; the message is one sentence for the person at the terminal."""


class ClientError(ServiceError):
    """The command line could not get an answer from a service."""


class DataError(ServiceError):
    """Recorded data cannot be read or evaluated; the message names file and line where it can."""


class SettingError(ServiceError):
    """A setting has a value that cannot be used."""

    def __init__(self, name: str, expected: str, came: object) -> None:
        super().__init__(f"{name}: expected {expected}; got {came!r}.")


class ProblemError(ServiceError):
    """An answer to a request (RFC 9457); nothing was changed."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    retry_after_s: int | None = None

    def __init__(self, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class UnauthenticatedError(ProblemError):
    """The request carries no token that this service knows."""

    status, slug, title = 401, "unauthenticated", "Not authenticated"


class TooManyFailuresError(ProblemError):
    """The address sent too many wrong tokens; this one was not even looked at."""

    status, slug, title = 429, "too-many-failures", "Too many wrong tokens"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class QuotaError(ProblemError):
    """The token made more requests in a minute than it may."""

    status, slug, title = 429, "quota-exceeded", "Too many requests"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class SignatureError(ProblemError):
    """The body is not signed with the token that came with it."""

    status, slug, title = 401, "signature", "Wrong signature"


class ForbiddenError(ProblemError):
    """The token's role does not allow the request."""

    status, slug, title = 403, "forbidden", "Forbidden"


class NotFoundError(ProblemError):
    """There is no such resource."""

    status, slug, title = 404, "not-found", "Not found"


def existing(found: T | None, what: str) -> T:
    """Return what was looked up.

    Raises:
        NotFoundError: It is None: "There is no `what`."
    """
    if found is None:
        msg = f"There is no {what}."
        raise NotFoundError(msg)
    return found


class ReplayedError(ProblemError):
    """Every delta of the batch was taken before; the sender may forget it."""

    status, slug, title = 409, "replayed", "Already ingested"


class ConflictError(ProblemError):
    """A delta has the identity of a known one and another content; the known one stays."""

    status, slug, title = 409, "conflict", "Conflicting delta"


class BudgetError(ProblemError):
    """The budget is finer than the evidence for it; the members say when it will not be."""

    status, slug, title = 409, "budget-too-fine", "Budget too fine"


class CursorError(ProblemError):
    """Something after the cursor was dropped; the member `next_cursor` is one after which nothing was."""

    status, slug, title = 410, "cursor-expired", "Cursor too old"


class StaleError(ProblemError):
    """The resource has changed since the one who asks read it."""

    status, slug, title = 412, "stale", "Changed since it was read"


class NotPossibleError(ProblemError):
    """The request is fine, and what it asks for cannot be done with this window or version now."""

    status, slug, title = 409, "not-possible", "Not possible now"


class OversizedError(ProblemError):
    """The body is larger than the service takes."""

    status, slug, title = 413, "oversized", "Body too large"


class MediaTypeError(ProblemError):
    """The body is not of the type or encoding that the endpoint takes."""

    status, slug, title = 415, "media-type", "Unsupported media type"


class BadBodyError(ProblemError):
    """The body cannot be read at all."""

    status, slug, title = 400, "malformed", "Malformed body"


class InvalidError(ProblemError):
    """The request can be read, but says something that cannot be."""

    status, slug, title = 422, "invalid", "Invalid request"


class RulesError(ProblemError):
    """A rule file does not load; the members `errors` and `warnings` say where and why."""

    status, slug, title = 422, "rules-invalid", "Invalid rules"


class BundleError(ProblemError):
    """A bundle of a baseline is refused; the member `cause` says why, for programs."""

    status, slug, title = 422, "bundle-refused", "Bundle refused"


class BacklogError(ProblemError):
    """The worker is behind; the sender should keep its data and come back."""

    status, slug, title = 503, "backlog", "Too many deltas waiting"
    retry_after_s = 5


class TokenStreamsError(ProblemError):
    """The token has as many live streams open as it may."""

    status, slug, title = 429, "too-many-streams-of-token", "Too many streams of this token"
    retry_after_s = 10


class StreamsError(ProblemError):
    """As many live streams are open as the service serves."""

    status, slug, title = 503, "too-many-streams", "Too many streams"
    retry_after_s = 10


class IssuerError(ProblemError):
    """The foreign issuer of tokens does not give its keys, so its tokens cannot be checked."""

    status, slug, title = 503, "issuer-unavailable", "Issuer of tokens unavailable"
    retry_after_s = 10


class StoreError(ProblemError):
    """The database cannot be used at the moment."""

    status, slug, title = 503, "store-unavailable", "Database unavailable"
    retry_after_s = 5

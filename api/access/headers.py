"""Header fields that keep an answer from being stored, guessed at or framed."""

from typing import Final

_ALWAYS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
_DOCS: Final = "/docs"
# FastAPI's page loads Swagger UI from there, and starts it by a script within the page.
_DOCS_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; "
    "img-src 'self' data: https://fastapi.tiangolo.com; "
    "script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://cdn.jsdelivr.net"
)
_TRANSPORT: Final = "max-age=31536000"


def protective(path: str, *, secure: bool) -> dict[str, str]:
    """Return the fields of an answer, as far as it does not set them itself.

    Args:
        path: Of the request.
        secure: Whether it came over TLS.
    """
    fields = _ALWAYS | {"Content-Security-Policy": _DOCS_POLICY if path == _DOCS else _POLICY}
    return fields | ({"Strict-Transport-Security": _TRANSPORT} if secure else {})

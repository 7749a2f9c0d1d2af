"""The compressed bodies that agents send: who may send one, of which type, and how large."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request

from api.auth import IngestDep
from api.errors import ForbiddenError, MediaTypeError, OversizedError, SignatureError
from api.tokens.service import Principal
from wire.codec import MAX_BODY_BYTES, SIGNATURE_HEADER, verify


def reader(content_type: str) -> Callable[[Request, IngestDep], Awaitable[bytes]]:
    """Return a dependency that gives the compressed body of a sender who may send one of this type."""

    async def read_body(request: Request, _principal: IngestDep) -> bytes:
        """Return the body; stop reading at the limit."""
        media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if media_type != content_type:
            msg = f"Content-Type: expected {content_type}; got {media_type or 'none'}."
            raise MediaTypeError(msg)
        encoding = request.headers.get("content-encoding", "").strip().lower()
        if encoding != "gzip":
            msg = f"Content-Encoding: expected gzip; got {encoding or 'none'}."
            raise MediaTypeError(msg)
        return await read_limited(request, MAX_BODY_BYTES)

    return read_body


async def read_limited(request: Request, most: int) -> bytes:
    """Return a body of at most so many bytes, declared or not.

    Raises:
        OversizedError: It is larger.
    """
    declared = request.headers.get("content-length", "0")
    body = bytearray()
    if not declared.isdecimal() or int(declared) <= most:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                break
        else:
            return bytes(body)
    msg = f"Expected a body of at most {most} bytes; send it in parts."
    raise OversizedError(msg)


def check_signature(body: bytes, signature: str | None, key: bytes) -> None:
    """Raise where a body was not signed with the key of the token that came with it.

    Raises:
        SignatureError: It was not, or not at all.
    """
    if signature is None:
        msg = f"Expected the header {SIGNATURE_HEADER}; got none."
        raise SignatureError(msg)
    if not verify(body, signature, key):
        msg = "The signature is not the HMAC-SHA256 of this body under this token."
        raise SignatureError(msg)


def check_node(principal: Principal, node: str) -> None:
    """Refuse a batch of another node than the token belongs to.

    Raises:
        ForbiddenError: It is of another; nothing of it was stored.
    """
    if principal.node is not None and principal.node != node:
        msg = f"The token {principal.name!r} sends for node {principal.node!r}; got a batch of {node!r}."
        raise ForbiddenError(msg)


def describe(content_type: str, what: str) -> dict[str, Any]:
    """Return what OpenAPI says of such a body."""
    return {
        "requestBody": {
            "required": True,
            "description": what,
            "content": {content_type: {"schema": {"type": "string", "format": "binary"}}},
        }
    }

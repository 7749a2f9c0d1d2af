"""An OpenID Connect issuer for tests: a real HTTP server with a discovery document and real keys."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.service import NOW_MS

AUDIENCE: Final = "nonself"
_NOW_S: Final = NOW_MS // 1000


class SigningKey:
    """A key pair of the issuer."""

    def __init__(self, key_id: str, kind: str = "RSA") -> None:
        self.id = key_id
        self.algorithm = "RS256" if kind == "RSA" else "ES256"
        self.private: Any = (
            rsa.generate_private_key(65537, 2048)
            if kind == "RSA"
            else ec.generate_private_key(ec.SECP256R1())
        )

    def jwk(self) -> dict[str, Any]:
        """Return the public key as the issuer shows it."""
        kind = jwt.algorithms.RSAAlgorithm if self.algorithm == "RS256" else jwt.algorithms.ECAlgorithm
        shown: dict[str, Any] = json.loads(kind.to_jwk(self.private.public_key()))
        return shown | {"kid": self.id, "use": "sig", "alg": self.algorithm}

    def pem(self) -> bytes:
        """Return the public key as PEM."""
        made: bytes = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return made


class LocalIssuer:
    """What the server shows, to be changed by tests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys = [SigningKey("first")]
        self.claims_to_be = url
        self.fetches = 0
        self.broken = False

    def token(self, key: SigningKey | None = None, **claims: Any) -> str:
        """Return a token; a claim given as None is left out."""
        key = key or self.keys[0]
        usual: dict[str, Any] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "6f1c",
            "preferred_username": "alice",
            "roles": ["nonself-read"],
            "iat": _NOW_S,
            "exp": _NOW_S + 300,
        }
        kept = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(kept, key.private, key.algorithm, {"kid": key.id})

    def answer(self, path: str) -> dict[str, Any] | None:
        """Return what the server says at a path."""
        if self.broken:
            return None
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.claims_to_be, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            self.fetches += 1
            return {"keys": [key.jwk() for key in self.keys]}
        return None


def forged(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None) -> str:
    """Return a token by hand: signed as HS256 with a secret, or not at all."""
    parts = [_base64(json.dumps(each).encode()) for each in (header, claims)]
    body = ".".join(parts)
    signature = b"" if secret is None else hmac.new(secret, body.encode(), hashlib.sha256).digest()
    return f"{body}.{_base64(signature)}"


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token claims."""
    return dict(jwt.decode(token, options={"verify_signature": False}))


@contextmanager
def issuing() -> Iterator[LocalIssuer]:
    """Run an issuer on a free port of this host."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = issuer.answer(self.path)
            body = json.dumps(said).encode()
            self.send_response(200 if said else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = LocalIssuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")

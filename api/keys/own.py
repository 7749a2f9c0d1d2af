"""The key that this service signs with: made when it is first needed, readable by its owner alone."""

import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from api.errors import StoreError

FILE: Final = "signing-key.pem"
"""Name in the state folder; PKCS #8 in PEM."""


def load_or_make(state_dir: Path) -> Ed25519PrivateKey:
    """Return the service's own key.

    Raises:
        StoreError: The file cannot be read or written, or holds no Ed25519 key.
    """
    path = state_dir / FILE
    try:
        if not path.exists():
            _make(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        msg = f"The signing key {path} cannot be used: {error.strerror or error}."
        raise StoreError(msg) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        msg = f"The signing key {path}: expected an Ed25519 key in PEM without a password."
        raise StoreError(msg) from error
    if not isinstance(key, Ed25519PrivateKey):
        msg = f"The signing key {path}: expected an Ed25519 key; got another kind."
        raise StoreError(msg)
    return key


def _make(path: Path) -> None:
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600, exist_ok=False)
    try:
        with draft.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # Of two requests that make one at the same time, the first one's key stays.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()

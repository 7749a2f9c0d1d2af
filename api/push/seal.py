"""Addresses and secrets of channels at rest: encrypted with a key that lies beside the database."""

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from api.errors import StoreError

FILE: Final = "channel-key"
"""Name in the state folder; a key of Fernet (AES-128-CBC with HMAC-SHA-256), readable by its owner alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What a channel must not show: its repr shows nothing."""

    address: str
    token: str = ""
    """Sent as bearer."""
    signing: str = ""
    previous: str = ""
    """The signing secret before the newest one."""
    previous_until: int = 0

    def __repr__(self) -> str:
        return "Secrets(…)"

    def signed_with(self, now_ms: int) -> Sequence[str]:
        """Return the secrets that sign now, the newest first."""
        if self.previous and now_ms < self.previous_until:
            return (self.signing, self.previous)
        return (self.signing,)


class Sealer:
    """Encrypts and decrypts with the key of one state folder; the key is made when it is first needed."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE

    def seal(self, plain: Secrets) -> bytes:
        """Return what may be stored.

        Raises:
            StoreError: The key cannot be made, read or used.
        """
        return self._key().encrypt(json.dumps(asdict(plain)).encode())

    def open(self, sealed: bytes) -> Secrets:
        """Return what was sealed.

        Raises:
            StoreError: The key is another one, or cannot be read.
        """
        try:
            return Secrets(**json.loads(self._key().decrypt(sealed)))
        except InvalidToken as error:
            msg = (
                f"The secrets of a channel were not encrypted with {self._path}: bring that file back, "
                "or make the channel anew."
            )
            raise StoreError(msg) from error

    def _key(self) -> Fernet:
        try:
            if not self._path.exists():
                self._make()
            return Fernet(self._path.read_bytes().strip())
        except OSError as error:
            msg = f"The key of channels {self._path} cannot be used: {error.strerror or error}."
            raise StoreError(msg) from error
        except ValueError as error:
            msg = f"The key of channels {self._path}: expected 32 bytes in base64."
            raise StoreError(msg) from error

    def _make(self) -> None:
        draft = self._path.with_name(f"{FILE}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600, exist_ok=False)
        try:
            with draft.open("wb") as file:
                file.write(Fernet.generate_key() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            # Of two requests that make one at the same time, the first one's key stays.
            self._path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()

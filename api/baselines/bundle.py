"""The file in which a baseline travels: a zip archive of a manifest, its parts, and a signature.

Members are stored uncompressed, in this order: `manifest.json`, `baseline.bin`
(`model.snapshot`), `taught_by.bin` where there is one (`model.teachers`), `signature.json`.
The Ed25519 signature is over the bytes of `manifest.json` exactly as they lie in the archive,
and the manifest holds the SHA-256 of each part. There is one way to write an archive of
given members, and another one is refused: so no byte of a bundle can be changed unnoticed.
`docs/lifecycle.md` describes it for readers without this code, and `tests/golden/bundle/`
holds bytes of every version ever shipped.
"""

import base64
import binascii
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from api.errors import BundleError
from wire.syscalls import SyscallTable

FORMAT: Final = "nonself-baseline"
VERSION: Final = 1
MEDIA_TYPE: Final = "application/zip"
MAX_BYTES: Final = 64 << 20
MANIFEST: Final = "manifest.json"
BASELINE: Final = "baseline.bin"
TAUGHT_BY: Final = "taught_by.bin"
SIGNATURE: Final = "signature.json"
_ALGORITHM: Final = "ed25519"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3


class Cause(StrEnum):
    """Why a bundle is refused."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    EXPIRED_KEY = "expired_key"
    REVOKED_KEY = "revoked_key"
    SIGNATURE = "signature"
    ALTERED = "altered"
    VERSION = "version"
    ARCHITECTURE = "architecture"
    SYSCALL_TABLE = "syscall_table"
    WINDOW = "window_length"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A bundle whose form is right; nothing of it was verified yet."""

    public_key: bytes
    signature: bytes
    manifest: bytes
    parts: Mapping[str, bytes]


def write(manifest: Mapping[str, Any], parts: Mapping[str, bytes], key: Ed25519PrivateKey) -> bytes:
    """Return a signed bundle; the same arguments always give the same bytes.

    Args:
        manifest: What is said of the baseline; format, version and parts are added.
        parts: Bytes by member's name.
        key: Signs it.
    """
    listed = {name: {"bytes": len(part), "sha256": digest(part)} for name, part in sorted(parts.items())}
    whole = {"format": FORMAT, "version": VERSION, **manifest, "parts": listed}
    text = _dump(whole)
    return _pack(text, parts, _signature(key.public_key().public_bytes_raw(), key.sign(text)))


def open_(data: bytes) -> Opened:
    """Take a bundle apart, trusting nothing of it.

    Raises:
        BundleError: It is not an archive of these members in this form.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            names = [each.filename for each in infos]
            # Before anything is read: a thousand entries may name the same bytes.
            _check_names(names)
            if any(each.compress_type for each in infos):
                _refuse(Cause.MALFORMED, "members that are stored uncompressed", "others")
            members = {each.filename: archive.read(each) for each in infos}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, RuntimeError) as error:
        _refuse(Cause.MALFORMED, "a zip archive", f"one that cannot be read ({error})")
    signed = _object(members[SIGNATURE], SIGNATURE)
    if signed.get("algorithm") != _ALGORITHM:
        _refuse(Cause.MALFORMED, f"a signature of algorithm {_ALGORITHM}", repr(signed.get("algorithm")))
    opened = Opened(
        public_key=_decode(signed, "public_key", 32),
        signature=_decode(signed, "signature", 64),
        manifest=members[MANIFEST],
        parts={name: part for name, part in members.items() if name in {BASELINE, TAUGHT_BY}},
    )
    again = _pack(opened.manifest, opened.parts, _signature(opened.public_key, opened.signature))
    if again != data:
        _refuse(Cause.ALTERED, "the one archive that these members make", "another one of the same members")
    return opened


def verify(opened: Opened) -> dict[str, Any]:
    """Return the manifest, once signature and parts agree with it. Whose key it is was decided before.

    Raises:
        BundleError: Something was altered, or the version is not one this release reads.
    """
    try:
        Ed25519PublicKey.from_public_bytes(opened.public_key).verify(opened.signature, opened.manifest)
    except (InvalidSignature, ValueError) as error:
        msg = "The bundle was altered, or not signed with the key it names: its signature does not fit."
        raise BundleError(msg, cause=Cause.SIGNATURE.value) from error
    manifest = _object(opened.manifest, MANIFEST)
    if manifest.get("format") != FORMAT or manifest.get("version") != VERSION:
        got = f"{manifest.get('format')!r} version {manifest.get('version')!r}"
        _refuse(Cause.VERSION, f"format {FORMAT!r} version {VERSION}", got)
    listed = {name: {"bytes": len(part), "sha256": digest(part)} for name, part in opened.parts.items()}
    if manifest.get("parts") != listed:
        _refuse(Cause.ALTERED, "parts of the sizes and digests that were signed", "others")
    return manifest


def digest(part: bytes) -> str:
    """Return SHA-256 in hex."""
    return hashlib.sha256(part).hexdigest()


def table_digest(table: SyscallTable) -> str:
    """Return what stands for a syscall table: SHA-256 of one line for each call, native ones first.

    Examples:
        >>> table_digest(SyscallTable("x", {0: "read"}, {}))[:8]
        'b038b56b'
    """
    lines = [f"native {number} {name}\n" for number, name in sorted(table.native.items())]
    lines += [f"compat {number} {name}\n" for number, name in sorted(table.compat.items())]
    return digest("".join(lines).encode())


def refuse(cause: Cause, sentence: str) -> NoReturn:
    """Raise where a bundle is refused.

    Raises:
        BundleError: Always.
    """
    raise BundleError(sentence, cause=cause.value)


def _refuse(cause: Cause, expected: str, got: str) -> NoReturn:
    refuse(cause, f"The bundle is refused: expected {expected}; got {got}.")


def _check_names(names: list[str]) -> None:
    needed = {MANIFEST, BASELINE, SIGNATURE}
    if not needed <= set(names) <= needed | {TAUGHT_BY} or len(set(names)) < len(names):
        got = ", ".join(sorted(names)[:5]) or "none"
        _refuse(Cause.MALFORMED, f"the members {', '.join(sorted(needed))}", got)


def _dump(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _signature(public_key: bytes, signature: bytes) -> bytes:
    encoded = {"public_key": public_key, "signature": signature}
    told = {name: base64.b64encode(each).decode() for name, each in encoded.items()}
    return _dump({"algorithm": _ALGORITHM, **told})


def _pack(manifest: bytes, parts: Mapping[str, bytes], signature: bytes) -> bytes:
    packed = io.BytesIO()
    members = {MANIFEST: manifest, **{name: parts[name] for name in sorted(parts)}, SIGNATURE: signature}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = _UNIX, 0o644 << 16
            archive.writestr(info, content)
    return packed.getvalue()


def _object(text: bytes, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        _refuse(Cause.MALFORMED, f"a JSON object in {name}", "something else")
    return value


def _decode(signed: Mapping[str, Any], name: str, length: int) -> bytes:
    try:
        plain = base64.b64decode(str(signed.get(name, "")), validate=True)
    except (binascii.Error, ValueError):
        plain = b""
    if len(plain) != length:
        _refuse(Cause.MALFORMED, f"{length} bytes in base64 as {name}", repr(signed.get(name)))
    return plain

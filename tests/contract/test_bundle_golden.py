"""The bundle of a baseline as bytes: those of every version ever shipped are read for ever."""

import base64
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, strategies as st

from api.baselines import bundle
from api.errors import BundleError
from model import snapshot

GOLDEN = Path(__file__).parents[1] / "golden" / "bundle"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
V1 = (GOLDEN / "bundle-v1.zip").read_bytes()


def test_version_1_is_read() -> None:
    """Signature, manifest and parts of the first version still fit."""
    opened = bundle.open_(V1)
    manifest = bundle.verify(opened)

    assert opened.public_key == KEY.public_key().public_bytes_raw()
    assert manifest["workload"]["name"] == "cart"
    assert snapshot.from_bytes(opened.parts["baseline.bin"]).windows_learned == 40
    assert manifest["baseline"]["windows_learned"] == 40


def test_version_1_is_written_byte_for_byte() -> None:
    """The same manifest, parts and key give the golden bytes."""
    opened = bundle.open_(V1)
    manifest = json.loads(opened.manifest)
    told = {name: each for name, each in manifest.items() if name not in {"format", "version", "parts"}}

    assert bundle.write(told, opened.parts, KEY) == V1


def test_it_is_verified_without_our_code() -> None:
    """As docs/lifecycle.md says: a zip, a signature over the manifest's bytes, a digest for each part."""
    with zipfile.ZipFile(io.BytesIO(V1)) as archive:
        manifest = archive.read("manifest.json")
        signed = json.loads(archive.read("signature.json"))
        parts = {name: archive.read(name) for name in json.loads(manifest)["parts"]}
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signed["public_key"]))
    key.verify(base64.b64decode(signed["signature"]), manifest)

    for name, said in json.loads(manifest)["parts"].items():
        assert hashlib.sha256(parts[name]).hexdigest() == said["sha256"]


@given(st.integers(0, len(V1) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed_unnoticed(at: int, flip: int) -> None:
    """Whichever byte is another, the bundle is refused."""
    altered = bytearray(V1)
    altered[at] ^= flip

    with pytest.raises(BundleError, match="bundle") as refused:
        bundle.verify(bundle.open_(bytes(altered)))
    assert refused.value.members["cause"]


@given(st.binary(max_size=300))
def test_bytes_that_are_no_bundle_are_one_sentence(data: bytes) -> None:
    """Never another error."""
    with pytest.raises(BundleError, match=r"expected .* got "):
        bundle.open_(data)


@given(st.integers(0, len(V1) - 1))
def test_a_bundle_that_was_cut_off_is_refused(length: int) -> None:
    """Wherever it was cut."""
    with pytest.raises(BundleError):
        bundle.open_(V1[:length])

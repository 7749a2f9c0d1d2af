"""An OCI image archive from one layer, with the standard library alone."""

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.layer import Layer

_TYPE = "application/vnd.oci.image."


def write_image(
    out: Path,
    reference: str,
    fill: Callable[[Layer], None],
    *,
    entrypoint: Sequence[str],
    env: Mapping[str, str],
    user: str = "",
) -> None:
    """Write an archive that `ctr images import` reads; a reader never sees half of one.

    Args:
        out: The archive to (re)place.
        reference: Name and tag the image is imported under.
        fill: Puts the files into the layer.
        entrypoint: The command that a container runs.
        env: Environment beside PATH.
        user: User that it runs as; root where empty.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        layer_path = Path(folder, "layer.tar")
        with layer_path.open("wb") as file:
            layer = Layer(file)
            fill(layer)
            layer.close()
        with layer_path.open("rb") as file:
            diff_id = hashlib.file_digest(file, "sha256").hexdigest()
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        config = _json(
            {
                "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
                "os": "linux",
                "config": {
                    "Entrypoint": list(entrypoint),
                    "Env": [f"{key}={value}" for key, value in ({"PATH": path} | dict(env)).items()],
                    "User": user,
                    "WorkingDir": "/",
                },
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
            }
        )
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": _TYPE + "manifest.v1+json",
                "config": _descriptor("config.v1+json", config),
                "layers": [
                    {
                        "mediaType": _TYPE + "layer.v1.tar",
                        "digest": f"sha256:{diff_id}",
                        "size": layer_path.stat().st_size,
                    }
                ],
            }
        )
        names = {"org.opencontainers.image.ref.name": reference, "io.containerd.image.name": reference}
        index = {
            "schemaVersion": 2,
            "manifests": [_descriptor("manifest.v1+json", manifest) | {"annotations": names}],
        }
        whole = Path(folder, "image.tar")
        with tarfile.open(whole, "w") as tar:
            _put(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
            _put(tar, "index.json", _json(index))
            for blob in (config, manifest):
                _put(tar, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
            tar.add(layer_path, f"blobs/sha256/{diff_id}")
        whole.replace(out)


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _descriptor(kind: str, blob: bytes) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    return {"mediaType": _TYPE + kind, "digest": digest, "size": len(blob)}


def _put(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))

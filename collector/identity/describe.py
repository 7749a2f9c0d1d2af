"""What runtimes' own files say of a container: annotations of the bundle, docker's and podman's records."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from collector.identity.bundle import Bundle
from collector.identity.files import labels, mapping, read_json, read_list, text, texts
from wire.profile import ContainerKind, ContainerRef

_CRI: Final = "io.kubernetes.cri."
_CRIO: Final = "io.kubernetes.cri-o."
_SANDBOX_KINDS: Final = {"sandbox", "podsandbox"}
_READ_FROM: Final = {
    "name": (f"{_CRI}container-name", "io.kubernetes.container.name", "nerdctl/name"),
    "pod": (f"{_CRI}sandbox-name", "io.kubernetes.pod.name", f"{_CRIO}KubeName"),
    "namespace": (f"{_CRI}sandbox-namespace", "io.kubernetes.pod.namespace", f"{_CRIO}Namespace"),
    "pod_uid": (f"{_CRI}sandbox-uid", "io.kubernetes.pod.uid"),
    "image": (f"{_CRI}image-name", f"{_CRIO}ImageName"),
}
"""Field of a `ContainerRef`, and the annotations or labels that hold it, best first."""
TELLING: Final = (
    "kubernetes.io/config.source",
    "nonself.io/workload",
    "openshift.io/deployment-config.name",
)
"""Annotations of a pod that tell which workload it is; no other one leaves the node."""
_KIND_FROM: Final = (f"{_CRI}container-type", f"{_CRIO}ContainerType", "io.kubernetes.docker.type")


def from_pairs(ref: ContainerRef, pairs: Mapping[str, str]) -> ContainerRef:
    """Fill what is still empty from annotations or labels of any runtime."""
    found: dict[str, Any] = {
        field: value
        for field, keys in _READ_FROM.items()
        if not getattr(ref, field) and (value := next((pairs[key] for key in keys if pairs.get(key)), ""))
    }
    if any(pairs.get(key) in _SANDBOX_KINDS for key in _KIND_FROM):
        # The engines name the pause container "POD"; it has no name in its pod.
        found |= {"kind": ContainerKind.SANDBOX, "name": ""}
    return replace(ref, **found)


def from_bundle(ref: ContainerRef, bundle: Bundle) -> ContainerRef:
    """Fill what is still empty from the bundle's annotations."""
    ref = from_pairs(ref, bundle.annotations)
    if written := bundle.annotations.get(f"{_CRIO}Labels"):
        ref = replace(ref, labels=labels(_parsed(written).items()))
    if written := bundle.annotations.get(f"{_CRIO}Annotations"):
        ref = replace(ref, annotations=telling(_parsed(written)))
    return ref


def telling(annotations: Mapping[str, Any]) -> dict[str, str]:
    """Return the annotations of a pod that tell which workload it is."""
    return labels((key, annotations[key]) for key in TELLING if key in annotations)


def from_docker(ref: ContainerRef, docker_root: str) -> ContainerRef:
    """Fill name, image and labels from docker's record of the container.

    The digest is the repository's where docker knows one, else the image's id.
    """
    record = read_json(f"{docker_root}/containers/{ref.id}/config.v2.json")
    if record is None:
        return ref
    config = mapping(record.get("Config"))
    image_id = text(record.get("Image"))
    ref = replace(
        ref,
        image=text(config.get("Image")) or ref.image,
        image_digest=_docker_digest(docker_root, text(record.get("Driver")), image_id) or image_id,
        labels=labels(mapping(config.get("Labels")).items()),
    )
    ref = from_pairs(ref, ref.labels)
    if ref.name or ref.kind is ContainerKind.SANDBOX:
        return ref
    return replace(ref, name=text(record.get("Name")).removeprefix("/"))


def from_podman(ref: ContainerRef, directory: Path | None, podman_root: str) -> ContainerRef:
    """Fill name and image from the storage records beside the bundle, or else from podman's storage folder.

    Args:
        ref: What is known already.
        directory: The bundle, `.../overlay-containers/<id>/userdata`, where there is one.
        podman_root: Storage folder of root's podman, where the bundle does not lead to one.
    """
    beside = [directory.parent.parent] if directory else []
    for folder in (*beside, Path(podman_root, "overlay-containers")):
        for record in _storage_records(folder, "containers.json", "volatile-containers.json"):
            if record.get("id") == ref.id:
                return _from_storage(ref, record, folder.parent)
    return ref


def _from_storage(ref: ContainerRef, record: Mapping[str, Any], storage: Path) -> ContainerRef:
    names = record.get("names")
    metadata = _parsed(text(record.get("metadata")))
    image_id = text(record.get("image"))
    images = _storage_records(storage / "overlay-images", "images.json") if image_id else []
    digests = (text(image.get("digest")) for image in images if image.get("id") == image_id)
    return replace(
        ref,
        name=ref.name or text(names[0] if isinstance(names, list) and names else ""),
        image=ref.image or text(metadata.get("image-name")),
        image_digest=ref.image_digest or next(digests, "") or (f"sha256:{image_id}" if image_id else ""),
    )


def _storage_records(folder: Path, *names: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for name in names:
        found += [mapping(record) for record in read_list(folder / name)]
    return found


def _docker_digest(docker_root: str, driver: str, image_id: str) -> str:
    stored = read_json(f"{docker_root}/image/{driver}/repositories.json") or {}
    for references in mapping(stored.get("Repositories")).values():
        for reference, its_id in texts(references).items():
            if its_id == image_id and "@" in reference:
                return reference.partition("@")[2]
    return ""


def _parsed(written: str) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(written))
    except (ValueError, RecursionError):
        return {}

"""`container.*` and `k8s.*`, from the identity that the agent knows anyway."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Final

from collector.rules.live import Getter, LiveEvent
from collector.state.containers import Container, Mount
from signatures.event import FieldValue

_HOST: Final = "host"


def _of(value: Callable[[Container], FieldValue], *, host: FieldValue = None) -> Getter:
    def get(event: LiveEvent, _: str | None) -> FieldValue:
        container = event.container
        return host if container is None else value(container)

    return get


def split_image(image: str) -> tuple[str, str, str]:
    """Return repository, tag and digest of an image's name.

    Examples:
        >>> split_image("docker.io/library/nginx:1.25@sha256:ab"), split_image("host:5000/x")
        (('docker.io/library/nginx', '1.25', 'sha256:ab'), ('host:5000/x', '', ''))
    """
    name, _, digest = image.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return f"{head}{slash}{last}", tag, digest


def _image(part: int) -> Getter:
    return _of(lambda container: split_image(container.ref.image)[part] or None)


def _digest(container: Container) -> str | None:
    return container.ref.image_digest or split_image(container.ref.image)[2] or None


def _shown(mount: Mount) -> str:
    return ":".join(
        (mount.source, mount.dest, mount.mode, "true" if mount.writable else "false", mount.propagation)
    )


def _mounts(event: LiveEvent, _: str | None) -> FieldValue:
    container = event.container
    return None if container is None else ",".join(map(_shown, container.mounts))


def _mount(part: Callable[[Mount], str], key: Callable[[Mount], str]) -> Getter:
    """Of the mount with this number, or the first whose `key` fits a pattern."""

    def get(event: LiveEvent, wanted: str | None) -> FieldValue:
        container = event.container
        if container is None or wanted is None:
            return None
        if wanted.isdecimal():
            number = int(wanted)
            return part(container.mounts[number]) if number < len(container.mounts) else "N/A"
        return next((part(each) for each in container.mounts if fnmatchcase(key(each), wanted)), "N/A")

    return get


def _label(event: LiveEvent, name: str | None) -> FieldValue:
    container = event.container
    return None if container is None or name is None else container.ref.labels.get(name)


def _labels(event: LiveEvent, _: str | None) -> FieldValue:
    container = event.container
    if container is None or not container.ref.labels:
        return None
    return ", ".join(f"{key}:{value}" for key, value in sorted(container.ref.labels.items()))


def _started(event: LiveEvent, _: str | None) -> FieldValue:
    container = event.container
    return container.started_ns if container and container.started_ns else None


def _duration(event: LiveEvent, _: str | None) -> FieldValue:
    container = event.container
    return event.time_ns - container.started_ns if container and container.started_ns else None


def _pod(part: str) -> Getter:
    return _of(lambda container: getattr(container.ref, part) or None)


_SOURCE: Final[Callable[[Mount], str]] = attrgetter("source")
_DEST: Final[Callable[[Mount], str]] = attrgetter("dest")

CONTAINER_FIELDS: Final[Mapping[str, Getter]] = {
    "container.id": _of(lambda container: container.short_id, host=_HOST),
    "container.full_id": _of(lambda container: container.ref.id.rpartition("/")[2], host=_HOST),
    "container.name": _of(lambda container: container.ref.name or None, host=_HOST),
    "container.type": _of(lambda container: container.ref.runtime, host=_HOST),
    "container.image": _of(lambda container: container.ref.image or None),
    "container.image.repository": _image(0),
    "container.image.tag": _image(1),
    "container.image.digest": _of(_digest),
    "container.privileged": _of(lambda container: container.privileged),
    "container.mounts": _mounts,
    "container.mount": _mount(_shown, _SOURCE),
    "container.mount.source": _mount(_SOURCE, _DEST),
    "container.mount.dest": _mount(_DEST, _SOURCE),
    "container.mount.mode": _mount(lambda mount: mount.mode, _SOURCE),
    "container.mount.rdwr": _mount(lambda mount: "true" if mount.writable else "false", _SOURCE),
    "container.mount.propagation": _mount(lambda mount: mount.propagation, _SOURCE),
    "container.start_ts": _started,
    "container.duration": _duration,
    "container.label": _label,
    "container.labels": _labels,
    "k8s.pod.name": _pod("pod"),
    "k8s.ns.name": _pod("namespace"),
    "k8s.pod.uid": _pod("pod_uid"),
    "k8s.pod.id": _pod("pod_uid"),
    "k8s.pod.label": _label,
    "k8s.pod.labels": _labels,
}

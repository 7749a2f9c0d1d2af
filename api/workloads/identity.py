"""Which workload a container belongs to. Pure: what survives a redeploy, read from what the runtime says.

Kubernetes names a pod after its owner and a generated suffix; the owner itself
is not in the runtime. Labels that name the application win; without them, the
suffixes that controllers add are taken off the pod's name.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wire.profile import ContainerKind, ContainerRef


class Source(StrEnum):
    """Where a workload's name was found."""

    LABEL = "label"
    POD_NAME = "pod_name"
    COMPOSE = "compose"
    CONTAINER_NAME = "container_name"
    IMAGE = "image"
    UNIT = "unit"
    NODE = "node"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadKey:
    """What makes two containers the same workload."""

    kind: str
    """`pod`, `compose`, `container`, `service`, `host` or `unidentified`."""
    cluster: str
    namespace: str
    name: str
    container: str


_APP_LABELS: Final = ("app.kubernetes.io/name", "k8s-app", "app")
_JOB_LABELS: Final = ("batch.kubernetes.io/job-name", "job-name")
_SCHEDULED: Final = re.compile(r"-[0-9]{8,10}$")
_COMPOSE_PROJECT: Final = "com.docker.compose.project"
_COMPOSE_SERVICE: Final = "com.docker.compose.service"
# The alphabet that Kubernetes draws generated suffixes from has no vowels and no 0, 1 or 3.
_GENERATED: Final = "[bcdfghjklmnpqrstvwxz2456789]"
_REPLICA_SET: Final = re.compile(rf"(?P<owner>.+)-{_GENERATED}{{6,10}}-{_GENERATED}{{5}}")
_CRON_JOB: Final = re.compile(rf"(?P<owner>.+)-[0-9]{{8,10}}-{_GENERATED}{{5}}")
_GENERATED_SUFFIX: Final = re.compile(rf"(?P<owner>.+)-{_GENERATED}{{5}}")
# Where no label says that a suffix was generated, a word such as `mysql` must not be taken for one.
_LIKELY_GENERATED_SUFFIX: Final = re.compile(rf"(?P<owner>.+)-(?=[a-z]*[0-9]){_GENERATED}{{5}}")
_ORDINAL: Final = re.compile(r"(?P<owner>.+)-[0-9]{1,5}")
_HEX_ID: Final = re.compile(r"[0-9a-f]{12,64}")


def identify(ref: ContainerRef, cluster: str) -> tuple[WorkloadKey, Source]:
    """Return the workload of a container or host service, and how it was found.

    Examples:
        >>> pod = "cart-6d4cf56db6-x7k2p"
        >>> ref = ContainerRef(id="1", runtime="containerd", namespace="shop", pod=pod, name="web")
        >>> key, source = identify(ref, "")
        >>> key.namespace, key.name, key.container, source.value
        ('shop', 'cart', 'web', 'pod_name')
    """
    if ref.kind is ContainerKind.SERVICE:
        return _key("service", cluster, name=ref.name or ref.id), Source.UNIT
    if ref.pod:
        name, source = _pod_owner(ref)
        return _key("pod", cluster, namespace=ref.namespace, name=name, container=ref.name), source
    project, service = ref.labels.get(_COMPOSE_PROJECT, ""), ref.labels.get(_COMPOSE_SERVICE, "")
    if service:
        return _key("compose", cluster, namespace=project, name=service, container=service), Source.COMPOSE
    chosen = bool(ref.name) and ref.name != ref.id and not _HEX_ID.fullmatch(ref.name)
    if ref.image and not chosen:
        image = image_repository(ref.image)
        return _key("container", cluster, name=image, container=image), Source.IMAGE
    if ref.name:
        return _key("container", cluster, name=ref.name, container=ref.name), Source.CONTAINER_NAME
    # Thousands of nameless containers must not become thousands of workloads.
    return _key("unidentified", cluster, name="unidentified"), Source.NONE


def identify_host(node: str, cluster: str) -> tuple[WorkloadKey, Source]:
    """Return the workload that stands for a node outside its containers: nothing of it is learned.

    Examples:
        >>> identify_host("worker-1", "")[0].name
        'worker-1'
    """
    return _key("host", cluster, name=node), Source.NODE


def image_repository(image: str) -> str:
    """Return an image's name without tag and digest.

    Examples:
        >>> image_repository("registry.local:5000/shop/cart:1.2@sha256:00")
        'registry.local:5000/shop/cart'
    """
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    return head + slash + tail.partition(":")[0]


def _pod_owner(ref: ContainerRef) -> tuple[str, Source]:
    labels = ref.labels
    for label in _APP_LABELS:
        if labels.get(label):
            return labels[label], Source.LABEL
    if job := next((labels[label] for label in _JOB_LABELS if labels.get(label)), ""):
        return _SCHEDULED.sub("", job), Source.LABEL
    if template := labels.get("pod-template-hash", ""):
        return ref.pod.rpartition(f"-{template}-")[0] or ref.pod, Source.POD_NAME
    if "statefulset.kubernetes.io/pod-name" in labels:
        patterns = [_ORDINAL]
    elif "controller-revision-hash" in labels:
        patterns = [_GENERATED_SUFFIX, _ORDINAL]
    else:
        patterns = [_REPLICA_SET, _CRON_JOB, _LIKELY_GENERATED_SUFFIX, _ORDINAL]
    for pattern in patterns:
        if match := pattern.fullmatch(ref.pod):
            return match["owner"], Source.POD_NAME
    return ref.pod, Source.POD_NAME


def _key(kind: str, cluster: str, *, name: str, namespace: str = "", container: str = "") -> WorkloadKey:
    return WorkloadKey(kind=kind, cluster=cluster, namespace=namespace, name=name, container=container)

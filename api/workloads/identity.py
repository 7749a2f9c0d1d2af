"""Which workload a container belongs to. Pure: what survives a redeploy, told by the cluster or the runtime.

The owner that the Kubernetes API names is the workload. Where nobody could ask it, annotations and labels
that name the application win; without them, the suffixes that controllers add are taken off the pod's name.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from api.owners import ContainerRole, Owner
from api.workloads.generated_names import is_generated_name
from wire.profile import ContainerKind, ContainerRef


class Source(StrEnum):
    """Where a workload's name was found."""

    OWNER = "owner"
    """The Kubernetes API: the controller that keeps the pod."""
    ANNOTATION = "annotation"
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
    """Of the owner in lower case, `deployment` or `rollout.argoproj.io`, where the cluster told; else `pod`.

    Outside Kubernetes `compose`, `container`, `service`, `host` or `unidentified`.
    """
    cluster: str
    namespace: str
    name: str
    container: str


_WORKLOAD_ANNOTATION: Final = "nonself.io/workload"
_STATIC_SOURCE: Final = "kubernetes.io/config.source"
_DEPLOYMENT_CONFIG: Final = "openshift.io/deployment-config.name"
_APP_LABELS: Final = ("app.kubernetes.io/name", "k8s-app", "app")
_JOB_LABELS: Final = ("batch.kubernetes.io/job-name", "job-name")
_SCHEDULED: Final = re.compile(r"-[0-9]{8,10}$")
_COMPOSE: Final = (
    ("com.docker.compose.project", "com.docker.compose.service"),
    ("io.podman.compose.project", "io.podman.compose.service"),
)
_STACK_NAMESPACE: Final = "com.docker.stack.namespace"
_SWARM_SERVICE: Final = "com.docker.swarm.service.name"
_PODMAN_UNIT: Final = "PODMAN_SYSTEMD_UNIT"
_UNIT_AROUND: Final = re.compile(r"/system\.slice/(?:[^/]+\.slice/)*([^/]+)\.service/.*libpod")
# The alphabet that Kubernetes draws generated suffixes from has no vowels and no 0, 1 or 3.
_GENERATED: Final = "[bcdfghjklmnpqrstvwxz2456789]"
_REPLICA_SET: Final = re.compile(rf"(?P<owner>.+)-{_GENERATED}{{6,10}}-{_GENERATED}{{5}}")
_CRON_JOB: Final = re.compile(rf"(?P<owner>.+)-[0-9]{{8,10}}-{_GENERATED}{{5}}")
_GENERATED_SUFFIX: Final = re.compile(rf"(?P<owner>.+)-{_GENERATED}{{5}}")
# Where no label says that a suffix was generated, a word such as `mysql` must not be taken for one.
_LIKELY_GENERATED_SUFFIX: Final = re.compile(rf"(?P<owner>.+)-(?=[a-z]*[0-9]){_GENERATED}{{5}}")
_ORDINAL: Final = re.compile(r"(?P<owner>.+)-[0-9]{1,5}")
# As `kubectl debug` names what it puts into a pod.
_DEBUGGER: Final = re.compile(rf"debugger-{_GENERATED}{{5}}")
_HEX_ID: Final = re.compile(r"[0-9a-f]{12,64}")


def identify(
    ref: ContainerRef, cluster: str, *, node: str = "", owner: Owner | None = None
) -> tuple[WorkloadKey, Source]:
    """Return the workload of a container or host service, and how it was found.

    Args:
        ref: What the runtime says.
        cluster: Name of the cluster.
        node: Name of the node, which a static pod's name ends with.
        owner: What the Kubernetes API says, where it was asked.

    Examples:
        >>> pod = "cart-6d4cf56db6-x7k2p"
        >>> ref = ContainerRef(id="1", runtime="containerd", namespace="shop", pod=pod, name="web")
        >>> key, source = identify(ref, "")
        >>> key.kind, key.namespace, key.name, key.container, source.value
        ('pod', 'shop', 'cart', 'web', 'pod_name')
        >>> key, source = identify(ref, "", owner=Owner(kind="Deployment", name="cart"))
        >>> key.kind, key.name, source.value
        ('deployment', 'cart', 'owner')
    """
    if ref.kind is ContainerKind.SERVICE:
        return _key("service", cluster, name=ref.name or ref.id), Source.UNIT
    if ref.pod:
        name, source = (owner.name, Source.OWNER) if owner else _pod_owner(ref, node)
        kind = owner.kind.lower() if owner else "pod"
        container = _debug_name(ref, owner)
        return _key(kind, cluster, namespace=ref.namespace, name=name, container=container), source
    if declared := _declared(ref, cluster):
        return declared
    image = image_repository(ref.image)
    if image and not _is_chosen(ref, image):
        return _key("container", cluster, name=image, container=image), Source.IMAGE
    if ref.name:
        return _key("container", cluster, name=ref.name, container=ref.name), Source.CONTAINER_NAME
    # Thousands of nameless containers must not become thousands of workloads.
    return _key("unidentified", cluster, name="unidentified"), Source.NONE


def earlier_keys(
    ref: ContainerRef, cluster: str, *, node: str, owner: Owner | None
) -> tuple[WorkloadKey, ...]:
    """Return under which other keys the same container may have been learned, the likeliest first.

    That is what it is called while nobody can ask the cluster, and what earlier releases called it.
    """
    key, _ = identify(ref, cluster, node=node, owner=owner)
    keys = [identify(ref, cluster, node=node)[0], identify(replace(ref, annotations={}), cluster)[0]]
    if not ref.pod and ref.name:
        keys.append(_key("container", cluster, name=ref.name, container=ref.name))
    elif ref.pod:
        keys.append(replace(keys[-1], container=ref.name))
    return tuple(dict.fromkeys(each for each in keys if each != key))


def _declared(ref: ContainerRef, cluster: str) -> tuple[WorkloadKey, Source] | None:
    """Return what a tool declared of a container outside Kubernetes: compose, swarm, or a systemd unit."""
    for project, service in _COMPOSE:
        if name := ref.labels.get(service, ""):
            namespace = ref.labels.get(project, "")
            key = _key("compose", cluster, namespace=namespace, name=name, container=name)
            return key, Source.COMPOSE
    if name := ref.labels.get(_SWARM_SERVICE, ""):
        namespace = ref.labels.get(_STACK_NAMESPACE, "")
        name = name.removeprefix(f"{namespace}_")
        return _key("compose", cluster, namespace=namespace, name=name, container=name), Source.COMPOSE
    around = _UNIT_AROUND.search(ref.cgroup)
    unit = ref.labels.get(_PODMAN_UNIT, "").removesuffix(".service") or (around[1] if around else "")
    if unit:
        return _key("container", cluster, name=unit, container=unit), Source.UNIT
    return None


def _is_chosen(ref: ContainerRef, image: str) -> bool:
    # nerdctl names a container after its image and the beginning of its id.
    made_up = f"{image.rpartition('/')[2]}-{ref.id.rpartition('/')[2][:5]}"
    if ref.name in {"", ref.id, made_up}:
        return False
    return not _HEX_ID.fullmatch(ref.name) and not is_generated_name(ref.name)


def _debug_name(ref: ContainerRef, owner: Owner | None) -> str:
    """Return a container's name in its pod; those that `kubectl debug` makes up are one."""
    told = owner.role is ContainerRole.EPHEMERAL if owner and owner.role else True
    return "debugger" if told and _DEBUGGER.fullmatch(ref.name) else ref.name


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


def _pod_owner(ref: ContainerRef, node: str) -> tuple[str, Source]:
    if name := _annotated(ref, node):
        return name, Source.ANNOTATION
    labels = ref.labels
    for label in _APP_LABELS:
        if labels.get(label):
            return labels[label], Source.LABEL
    if job := next((labels[label] for label in _JOB_LABELS if labels.get(label)), ""):
        return _SCHEDULED.sub("", job), Source.LABEL
    return _stem(ref), Source.POD_NAME


def _annotated(ref: ContainerRef, node: str) -> str:
    annotations = ref.annotations
    if name := annotations.get(_WORKLOAD_ANNOTATION, "") or annotations.get(_DEPLOYMENT_CONFIG, ""):
        return name
    static = node and annotations.get(_STATIC_SOURCE, "") in {"file", "http"}
    return ref.pod.removesuffix(f"-{node}") if static else ""


def _stem(ref: ContainerRef) -> str:
    labels = ref.labels
    if template := labels.get("pod-template-hash", ""):
        return ref.pod.rpartition(f"-{template}-")[0] or ref.pod
    if "statefulset.kubernetes.io/pod-name" in labels:
        patterns = [_ORDINAL]
    elif "controller-revision-hash" in labels:
        patterns = [_GENERATED_SUFFIX, _ORDINAL]
    else:
        patterns = [_REPLICA_SET, _CRON_JOB, _LIKELY_GENERATED_SUFFIX, _ORDINAL]
    for pattern in patterns:
        if match := pattern.fullmatch(ref.pod):
            return match["owner"]
    return ref.pod


def _key(kind: str, cluster: str, *, name: str, namespace: str = "", container: str = "") -> WorkloadKey:
    return WorkloadKey(kind=kind, cluster=cluster, namespace=namespace, name=name, container=container)

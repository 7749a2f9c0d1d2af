"""What the API's objects say of pods and who keeps them. Pure: reads plain JSON, trusting nothing of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from api.owners import ContainerRole, Owner

_STATIC_UIDS: Final = ("kubernetes.io/config.hash", "kubernetes.io/config.mirror")
"""A static pod has another uid on its node than in the API: this one."""
_DEPLOYMENT_CONFIG: Final = "openshift.io/deployment-config.name"
_BUILT_IN: Final = frozenset({"", "apps", "batch"})


class Controller(NamedTuple):
    """An object that keeps another one: the `controller` among its owner references."""

    group: str
    kind: str
    name: str
    uid: str


class Parent(NamedTuple):
    """What the API says of a controller itself."""

    controller: Controller | None
    """Who keeps it in turn."""
    generated_from: str = ""
    """`generateName`, where the API made up its name."""


Chase = Callable[[Controller, str], Parent | None]
"""Returns what the API says of a controller in a namespace; None where it cannot be told."""

CHASED: Final = frozenset({("apps", "ReplicaSet"), ("batch", "Job")})
"""Group and kind of the controllers that others make for each release or run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """What is kept of a pod."""

    uids: frozenset[str]
    namespace: str
    name: str
    controller: Controller | None
    generated_from: str
    node: str
    deployment_config: str
    roles: Mapping[str, ContainerRole]
    """By name of the container."""


def read_pod(plain: Mapping[str, Any]) -> Pod:
    """Read a pod (core/v1)."""
    metadata, spec = _object(plain, "metadata"), _object(plain, "spec")
    annotations = _object(metadata, "annotations")
    roles: dict[str, ContainerRole] = {}
    for field, role in (
        ("initContainers", ContainerRole.INIT),
        ("ephemeralContainers", ContainerRole.EPHEMERAL),
    ):
        for each in _list(spec, field):
            # An init container that is restarted always goes on beside the main ones (KEP-753).
            sidecar = role is ContainerRole.INIT and _text(each, "restartPolicy") == "Always"
            roles[_text(each, "name")] = ContainerRole.SIDECAR if sidecar else role
    roles |= {_text(each, "name"): ContainerRole.MAIN for each in _list(spec, "containers")}
    return Pod(
        uids=frozenset(
            each
            for each in (_text(metadata, "uid"), *(_text(annotations, key) for key in _STATIC_UIDS))
            if each
        ),
        namespace=_text(metadata, "namespace"),
        name=_text(metadata, "name"),
        controller=controller_of(plain),
        generated_from=_text(metadata, "generateName"),
        node=_text(spec, "nodeName"),
        deployment_config=_text(annotations, _DEPLOYMENT_CONFIG),
        roles=roles,
    )


def controller_of(plain: Mapping[str, Any]) -> Controller | None:
    """Return the controller of any object."""
    for each in _list(_object(plain, "metadata"), "ownerReferences"):
        if each.get("controller") is True:
            group = _text(each, "apiVersion").rpartition("/")[0]
            return Controller(group, _text(each, "kind"), _text(each, "name"), _text(each, "uid"))
    return None


def read_parent(plain: Mapping[str, Any]) -> Parent:
    """Read a controller's own metadata."""
    return Parent(controller_of(plain), _text(_object(plain, "metadata"), "generateName"))


def owner_of(pod: Pod, chase: Chase) -> Owner | None:
    """Return what keeps a pod, beyond what is made anew for each release or run; None where nobody can tell.

    Examples:
        >>> plain = {"metadata": {"name": "etcd-node-1", "ownerReferences": [
        ...     {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": "u", "controller": True}]},
        ...     "spec": {"nodeName": "node-1"}}
        >>> owner = owner_of(read_pod(plain), lambda _controller, _namespace: None)
        >>> owner.kind, owner.name
        ('StaticPod', 'etcd')
    """
    last = pod.controller
    if last is None:
        # A pod that nobody keeps is not made again under another name, unless a program chose it.
        return Owner(kind="BarePod", name=_stem(pod.name, pod.generated_from))
    if (last.group, last.kind) == ("", "Node"):
        return Owner(kind="StaticPod", name=pod.name.removesuffix(f"-{pod.node}"))
    if last.kind == "ReplicationController" and pod.deployment_config:
        return Owner(kind="DeploymentConfig.apps.openshift.io", name=pod.deployment_config)
    if (last.group, last.kind) not in CHASED:
        return Owner(kind=_kind(last), name=last.name)
    parent = chase(last, pod.namespace)
    return _beyond(last, parent) if parent else None


def _beyond(last: Controller, parent: Parent) -> Owner:
    if parent.controller is None:
        return Owner(kind=_kind(last), name=_stem(last.name, parent.generated_from))
    return Owner(kind=_kind(parent.controller), name=parent.controller.name)


def _kind(controller: Controller) -> str:
    if controller.group in _BUILT_IN:
        return controller.kind
    return f"{controller.kind}.{controller.group}"


def _stem(name: str, generated_from: str) -> str:
    made_up = generated_from and name.startswith(generated_from)
    return generated_from.rstrip("-.") or name if made_up else name


def _object(plain: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = plain.get(field)
    return value if isinstance(value, Mapping) else {}


def _list(plain: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    value = plain.get(field)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _text(plain: Mapping[str, Any], field: str) -> str:
    value = plain.get(field)
    return value if isinstance(value, str) else ""

"""The Kubernetes API as it is asked here, through the official client, which is imported at the first use."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

import urllib3

from api.errors import StartError
from api.kubernetes.pods import Controller

TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where every pod with a service account has its token."""
_PAGE: Final = 500
_CONNECT_S: Final = 5
_ANSWER_S: Final = 60
_WATCH_S: Final = 300
"""How long the server keeps a watch open; reading gives up a little later, so that a dead one is noticed."""
_GONE: Final = 410
_NOT_FOUND: Final = 404
_METADATA: Final = (
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
)
"""Names and owners alone: the specification of a replica set is many times as long."""


class ClusterError(Exception):
    """The API could not be asked; the message is one sentence."""


class GoneError(ClusterError):
    """The API has forgotten the version from which on changes were asked: everything must be listed anew."""


class Event(NamedTuple):
    """A change of one pod, or a bookmark."""

    type: str
    object: Mapping[str, Any]
    version: str


class Cluster:
    """One cluster's API server.

    Args:
        config: Path of a kubeconfig; empty takes the service account of the pod that this runs in.

    Raises:
        StartError: The client is not installed, or the configuration cannot be read.
    """

    def __init__(self, config: str = "") -> None:
        try:
            # 35 MB of memory, for those that run in a cluster.
            kubernetes: Any = import_module("kubernetes")
        except ImportError as error:
            msg = (
                "The Kubernetes client is not installed. "
                "Install it with: pip install 'nonself[kubernetes]', or start with --kubernetes off."
            )
            raise StartError(msg) from error
        self._library = kubernetes
        configuration = kubernetes.client.Configuration()
        try:
            if config:
                kubernetes.config.load_kube_config(config, client_configuration=configuration)
            else:
                kubernetes.config.load_incluster_config(client_configuration=configuration)
        except (kubernetes.config.ConfigException, OSError, ValueError) as error:
            where = f"kubeconfig {config}" if config else "service account of this pod"
            msg = f"The {where} cannot be used: {error}"
            raise StartError(msg) from error
        configuration.retries = 0
        client: Any = kubernetes.client
        self._core = client.CoreV1Api(client.ApiClient(configuration))
        metadata_only = client.ApiClient(configuration)
        metadata_only.set_default_header("Accept", _METADATA)
        self._apps, self._batch = client.AppsV1Api(metadata_only), client.BatchV1Api(metadata_only)

    def list_pods(self) -> tuple[list[Mapping[str, Any]], str]:
        """Return all pods, and the version from which on changes can be watched.

        Raises:
            GoneError: The list grew too old between two pages.
            ClusterError: The API did not answer as it should.
        """
        return self._list(self._core.list_pod_for_all_namespaces)

    def list_controllers(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the metadata of all controllers of a kind, one of `CHASED`.

        Raises:
            ClusterError: As above.
        """
        lists = {
            "ReplicaSet": self._apps.list_replica_set_for_all_namespaces,
            "Job": self._batch.list_job_for_all_namespaces,
        }
        return self._list(lists[kind])[0]

    def get_controller(self, controller: Controller, namespace: str) -> Mapping[str, Any] | None:
        """Return the metadata of one controller; None where there is no such one any more.

        Raises:
            ClusterError: As above.
        """
        reads = {
            "ReplicaSet": self._apps.read_namespaced_replica_set,
            "Job": self._batch.read_namespaced_job,
        }
        try:
            found = self._get(reads[controller.kind], controller.name, namespace)
        except _NotFoundError:
            return None
        metadata = found.get("metadata")
        # Another one of that name is not the one that was meant.
        same = isinstance(metadata, Mapping) and metadata.get("uid") == controller.uid
        return found if same else None

    def watch_pods(self, version: str) -> Iterator[Event]:
        """Yield changes of pods since a version, until the server ends the watch.

        Raises:
            GoneError: The server no longer knows that version.
            ClusterError: As above.
        """
        watch = self._library.watch.Watch(return_type="object")
        with self._translated():
            stream = watch.stream(
                self._core.list_pod_for_all_namespaces,
                resource_version=version,
                allow_watch_bookmarks=True,
                timeout_seconds=_WATCH_S,
                _request_timeout=(_CONNECT_S, _WATCH_S + 30),
            )
            for each in stream:
                if each is None:
                    msg = "half a line"
                    raise ValueError(msg)
                plain = each["raw_object"]
                yield Event(each["type"], plain, plain["metadata"]["resourceVersion"])

    def _list(self, ask: Callable[..., Any]) -> tuple[list[Mapping[str, Any]], str]:
        items: list[Mapping[str, Any]] = []
        where: dict[str, str] = {}
        while True:
            page = self._get(ask, limit=_PAGE, **where)
            with self._translated():
                items += page["items"]
                metadata = page["metadata"]
                if not metadata.get("continue"):
                    return items, metadata["resourceVersion"]
                where["_continue"] = metadata["continue"]

    def _get(self, ask: Callable[..., Any], *arguments: str, **options: Any) -> Mapping[str, Any]:  # noqa: ANN401
        with self._translated():
            # Read by ourselves: the client would make thousands of objects of what is a few names.
            answer = ask(
                *arguments, **options, _preload_content=False, _request_timeout=(_CONNECT_S, _ANSWER_S)
            )
            plain = json.loads(answer.data)
            if not isinstance(plain, dict):
                msg = "The API server answered JSON that is no object."
                raise ClusterError(msg)
            return plain

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._library.client.ApiException as error:
            if error.status == _GONE:
                raise GoneError(str(error.reason)) from error
            if error.status == _NOT_FOUND:
                raise _NotFoundError(str(error.reason)) from error
            msg = f"The API server answered {error.status} {error.reason}."
            raise ClusterError(msg) from error
        except (OSError, ValueError, KeyError, TypeError, urllib3.exceptions.HTTPError) as error:
            # A connection that was cut leaves half a line; what is no list has no items.
            msg = f"{type(error).__name__}: {error}"
            raise ClusterError(msg) from error


class _NotFoundError(ClusterError):
    """There is no such object."""

"""A local Kubernetes API server for tests: TLS, tokens, roles, paged lists, watches, and their failures.

It speaks what the service asks: list with `limit` and `continue`, `PartialObjectMetadata`, watch with
`resourceVersion`, bookmarks and `timeoutSeconds`, 401, 403 by a ClusterRole, 404, and 410 as an answer and
as an event. What it stores are objects as kubectl would print them.
"""

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

ROLE_FILE = Path(__file__).parents[1] / "deploy" / "kubernetes" / "read-owners.yaml"
TOKEN = "eyJhbGciOi.service.account"
_KINDS = {"pods": ("", "Pod"), "replicasets": ("apps", "ReplicaSet"), "jobs": ("batch", "Job")}


class KubeAPIServer:
    """The server and its store; every change has a version of its own."""

    def __init__(self, folder: Path, *, page: int = 500) -> None:
        self.folder = folder
        self.page = page
        self.token = TOKEN
        self.requests: list[str] = []
        """`verb resource` of each."""
        self.denied: list[str] = []
        self.allow_all_but: set[str] = set()
        """`verb resource` that the role is taken away for."""
        self.cut_after: int | None = None
        """Events after which a watch is cut in the middle of a line, once."""
        self.expire_continue = False
        """Whether the next second page is too old, once."""
        self._objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._log: list[tuple[int, str, dict[str, Any]]] = []
        self._version = 100
        self._oldest = 0
        self._watches = 0
        self._changed = threading.Condition()
        self._closing = False
        role = next(
            each for each in yaml.safe_load_all(ROLE_FILE.read_text()) if each["kind"] == "ClusterRole"
        )
        self._rules = [
            (group, resource, verb)
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        ]
        certificate, key = folder / "ca.crt", folder / "ca.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=kube", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", str(key), "-out", str(certificate)],
            check=True, capture_output=True,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"kube": self}))
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self._server.server_address[1])

    def kubeconfig(self) -> Path:
        """Write a kubeconfig as a cluster's administrator hands out."""
        path = self.folder / "kubeconfig"
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "lab",
                    "clusters": [
                        {
                            "name": "lab",
                            "cluster": {
                                "server": f"https://127.0.0.1:{self.port}",
                                "certificate-authority": str(self.folder / "ca.crt"),
                            },
                        }
                    ],
                    "users": [{"name": "nonself", "user": {"token": TOKEN}}],
                    "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "nonself"}}],
                }
            )
        )
        return path

    def close(self) -> None:
        """End it, and every watch."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def put(self, resource: str, plain: dict[str, Any]) -> None:
        """Create or change an object."""
        metadata = plain["metadata"]
        key = resource, metadata["namespace"], metadata["name"]
        with self._changed:
            known = key in self._objects
            self._version += 1
            metadata["resourceVersion"] = str(self._version)
            self._objects[key] = plain
            self._note("MODIFIED" if known else "ADDED", resource, plain)

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Delete an object."""
        with self._changed:
            plain = self._objects.pop((resource, namespace, name))
            self._version += 1
            self._note("DELETED", resource, plain)

    def compact(self) -> None:
        """Forget every version so far, as etcd does after five minutes; running watches end by that."""
        with self._changed:
            self._version += 1
            self._oldest = self._version
            self._changed.notify_all()

    def wait_watched(self, count: int, timeout_s: float = 10) -> bool:
        """Wait until so many watches were opened in all."""
        with self._changed:
            return self._changed.wait_for(lambda: self._watches >= count, timeout_s)

    def _note(self, type_: str, resource: str, plain: dict[str, Any]) -> None:
        if resource == "pods":
            copy = json.loads(json.dumps(plain))
            copy["metadata"]["resourceVersion"] = str(self._version)
            self._log.append((self._version, type_, copy))
        self._changed.notify_all()

    def may(self, group: str, resource: str, verb: str) -> bool:
        """Tell whether the ClusterRole that is shipped allows a request."""
        allowed = (group, resource, verb) in self._rules and f"{verb} {resource}" not in self.allow_all_but
        self.requests.append(f"{verb} {resource}")
        if not allowed:
            self.denied.append(f"{verb} {resource}")
        return allowed

    def objects(self, resource: str) -> tuple[list[dict[str, Any]], str]:
        """Return the objects of a kind in the order of their names, and the version of the list."""
        with self._changed:
            keys = sorted(key for key in self._objects if key[0] == resource)
            return [self._objects[key] for key in keys], str(self._version)

    def changes(self, since: int, timeout_s: float) -> Iterator[dict[str, Any]]:
        """Yield watch events; 410 where a version is forgotten, also while the watch runs."""
        with self._changed:
            self._watches += 1
            self._changed.notify_all()
        while not self._closing:
            with self._changed:
                gone = since < self._oldest
                fresh = [each for each in self._log if each[0] > since]
                if not gone and not fresh and not self._changed.wait(timeout_s):
                    pod = {"kind": "Pod", "apiVersion": "v1"}
                    bookmark = {**pod, "metadata": {"resourceVersion": str(self._version)}}
                    yield {"type": "BOOKMARK", "object": bookmark}
                    return
            if gone:
                yield {"type": "ERROR", "object": status(410, "Expired", "too old resource version")}
                return
            for version, type_, plain in fresh:
                since = version
                yield {"type": type_, "object": plain}


def status(code: int, reason: str, message: str) -> dict[str, Any]:
    """Return a `Status` object, which is how every error is told."""
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message,
    }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kube: KubeAPIServer

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {self.kube.token}":
            return self._answer(401, status(401, "Unauthorized", "Unauthorized"))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        words = parts.path.strip("/").split("/")
        words = words[2:] if words[0] == "api" else words[3:]
        namespace, name = "", ""
        if words[0] == "namespaces":
            namespace, words = words[1], words[2:]
        resource = words[0]
        name = words[1] if len(words) > 1 else ""
        group, _ = _KINDS[resource]
        verb = "get" if name else "watch" if query.get("watch") in {"true", "True", "1"} else "list"
        if not self.kube.may(group, resource, verb):
            message = f'{resource} is forbidden: User "nonself" cannot {verb} resource "{resource}"'
            return self._answer(403, status(403, "Forbidden", message))
        if name:
            return self._get(resource, namespace, name)
        return self._watch(query) if verb == "watch" else self._list(resource, query)

    def _get(self, resource: str, namespace: str, name: str) -> None:
        found = self.kube._objects.get((resource, namespace, name))
        if found is None:
            self._answer(404, status(404, "NotFound", f'{resource} "{name}" not found'))
        else:
            self._answer(200, self._partial(found))

    def _list(self, resource: str, query: Mapping[str, str]) -> None:
        items, version = self.kube.objects(resource)
        first = int(query.get("continue", "0"))
        if first and self.kube.expire_continue:
            self.kube.expire_continue = False
            return self._answer(410, status(410, "Expired", "The provided continue parameter is too old"))
        limit = min(int(query.get("limit", "500")), self.kube.page)
        metadata = {"resourceVersion": version}
        if first + limit < len(items):
            metadata["continue"] = str(first + limit)
        _, kind = _KINDS[resource]
        page = [self._partial(each) for each in items[first : first + limit]]
        return self._answer(
            200, {"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": page}
        )

    def _watch(self, query: Mapping[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        timeout_s = float(query.get("timeoutSeconds", "300"))
        for sent, event in enumerate(self.kube.changes(int(query["resourceVersion"]), timeout_s)):
            line = json.dumps(event).encode() + b"\n"
            if self.kube.cut_after is not None and sent >= self.kube.cut_after:
                self.kube.cut_after = None
                self._chunk(line[: len(line) // 2])
                self.close_connection = True
                self.connection.shutdown(2)
                return
            self._chunk(line)
        self._chunk(b"")

    def _chunk(self, body: bytes) -> None:
        self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        self.wfile.flush()

    def _partial(self, plain: dict[str, Any]) -> dict[str, Any]:
        if "as=PartialObjectMetadata" not in self.headers.get("Accept", ""):
            return plain
        kind = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        return {**kind, "metadata": plain["metadata"]}

    def _answer(self, code: int, plain: dict[str, Any]) -> None:
        body = json.dumps(plain).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving_kubernetes(folder: Path, **changes: Any) -> Iterator[KubeAPIServer]:
    """Run a server until the block ends."""
    server = KubeAPIServer(folder, **changes)
    try:
        yield server
    finally:
        server.close()


def reference(kind: str, name: str, *, api: str = "apps/v1") -> list[dict[str, Any]]:
    """Return owner references with one controller."""
    return [{"apiVersion": api, "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]


def an_object(name: str, owner: list[dict[str, Any]] | None = None, **metadata: Any) -> dict[str, Any]:
    """Return an object with metadata alone."""
    owners = {"ownerReferences": owner} if owner else {}
    return {"metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", **owners, **metadata}}


def a_pod(name: str, owner: list[dict[str, Any]] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a pod with one container `web`."""
    containers = {"containers": [{"name": "web", "image": "cart:1"}], "nodeName": "node-a"}
    return {**an_object(name, owner), "spec": {**containers, **spec}}

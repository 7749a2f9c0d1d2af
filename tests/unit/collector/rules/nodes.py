"""A node whose tables a test fills."""

from pathlib import Path

from collector.events.event import Record
from collector.rules.fields import GETTERS
from collector.rules.live import LiveEvent, Node
from collector.state.containers import ContainerTable
from collector.state.processes import ProcessTable
from collector.state.users import Users
from wire.profile import ContainerRef

REF = ContainerRef(
    id="4f" * 32, runtime="containerd", name="web", pod="web-0", namespace="shop", pod_uid="u1",
    image="docker.io/library/nginx:1.25", labels={"app": "web"}, cgroup="/pod/x",
)  # fmt: skip


class Identity:
    """Cgroup 5 is a container; all else is the host."""

    mount = "/nowhere"

    def identify(self, cgroup_id: int, path: str, pid: int) -> ContainerRef | None:
        """Return the container of cgroup 5."""
        assert (path, bool(pid)) == ("", True)
        return REF if cgroup_id == 5 else None

    def enrich(self, ref: ContainerRef) -> ContainerRef:
        """Know nothing more."""
        return ref

    def bundle_of(self, id_: str) -> Path | None:
        """Have no bundle."""
        assert id_


def make_node(proc: Path) -> Node:
    """Return a node without processes; wall time is boot time plus a thousand seconds."""
    names = {"10.0.0.1": "kubernetes.default.svc"}
    return Node(
        ProcessTable(proc),
        ContainerTable(Identity()),
        Users(),
        1_000_000_000_000,
        hostname="n",
        names_of=names.get,
    )


def see(node: Node, record: Record) -> LiveEvent:
    """Return a record as rules see it."""
    return LiveEvent(record, node.processes.apply(record), node, 1, GETTERS)

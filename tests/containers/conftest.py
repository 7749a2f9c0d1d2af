"""One lab for the tests of a module, and the identity of what runs in it."""

from collections.abc import Iterator

import pytest
from lab import Lab

from collector.identity.identifier import Identifier
from collector.identity.settings import IdentitySettings


@pytest.fixture(scope="module")
def shared_lab() -> Iterator[Lab]:
    """Give a running containerd of our own; what a test starts in it ends with the module at the latest."""
    with Lab() as lab:
        yield lab


@pytest.fixture
def identifier(shared_lab: Lab, tmp_path) -> Iterator[Identifier]:
    """Give an identifier that knows this lab's folders and no others, as an agent just started."""
    settings = IdentitySettings(
        cri_sockets=str(shared_lab.socket),
        bundle_roots=f"{shared_lab.state}/io.containerd.runtime.v2.task",
        runc_roots=str(tmp_path / "runc"),
        docker_root=str(tmp_path / "docker"),
        podman_root=str(tmp_path / "podman"),
    )
    identifier = Identifier(settings)
    yield identifier
    identifier.close()

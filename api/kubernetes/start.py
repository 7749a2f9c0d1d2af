"""Decides whether a cluster is asked, and starts to follow it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from api.core import Core
from api.errors import StartError
from api.kubernetes.cluster import TOKEN, Cluster
from api.kubernetes.directory import Directory

_PATIENCE_S: Final = 10.0
"""How long the first window waits for the list of pods; later ones would be named from labels."""

_log = structlog.get_logger()


@contextmanager
def asking_kubernetes(core: Core) -> Iterator[None]:
    """Let the worker know who keeps a pod, until the block ends.

    Raises:
        StartError: A kubeconfig was named that cannot be used.
    """
    wanted = core.settings.kubernetes
    if wanted == "off" or (wanted == "auto" and not TOKEN.is_file()):
        yield
        return
    try:
        cluster = Cluster("" if wanted == "auto" else wanted)
    except StartError as error:
        if wanted != "auto":
            raise
        # Nobody asked for it by name: a service without owners is better than none.
        _log.warning("kubernetes_not_asked", reason=str(error))
        yield
        return
    directory = Directory(cluster, core.metrics)
    directory.start()
    core.owner_of = directory.find
    core.kubernetes = directory.health
    try:
        if not directory.wait_synced(_PATIENCE_S):
            _log.warning("kubernetes_late", waited_s=_PATIENCE_S)
        yield
    finally:
        directory.stop()

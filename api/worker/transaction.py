"""One transaction of the worker: what was learned and told in it counts once it is committed, or never."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from api.core import Core
from api.worker.baselines import Baselines


@contextmanager
def learning(core: Core, baselines: Baselines) -> Iterator[Session]:
    """Open a write transaction in which baselines may learn.

    Where it fails, what they learned in memory is forgotten with it.
    """
    try:
        with core.store.write() as session:
            baselines.follow(core.store.connections)
            yield session
    except Exception:
        baselines.forget()
        raise
    baselines.settle()
    core.falco.committed()
    core.wake_push()

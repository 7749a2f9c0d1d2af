"""What every test may rely on: markers that skip themselves where the machine cannot run them."""

import os
import shutil
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

# A shared machine may take a second over what takes a millisecond; no test judges time.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def quiet_logs() -> None:
    """Keep log lines out of what a test captures, whatever a command under test configured before."""
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        context_class=dict,
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _why_no_kernel() -> str:
    if os.geteuid() != 0:
        return "needs root to load BPF programs"
    if not Path("/sys/kernel/btf/vmlinux").exists():
        return "needs a kernel with BTF (/sys/kernel/btf/vmlinux)"
    if not Path("/usr/lib/python3/dist-packages/bcc").exists():
        return "needs the OS package python3-bpfcc"
    return ""


def _why_no_containers() -> str:
    if os.geteuid() != 0:
        return "needs root to start containers"
    absent = [name for name in ("containerd", "runc", "ctr") if not shutil.which(name)]
    return f"needs {', '.join(absent)}" if absent else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip kernel and container tests with the reason why this machine cannot run them."""
    reasons = {"kernel": _why_no_kernel(), "containers": _why_no_containers()}
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))

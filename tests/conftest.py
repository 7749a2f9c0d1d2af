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

_ALONE = ("kernel", "containers", "slow")
_SYSTEM = Path(__file__).parent / "system"


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
    """Skip what this machine cannot run, with the reason; let workers share out the rest by files.

    What uses kernel, containers or whole processes runs one after the other in one worker of pytest-xdist.
    """
    reasons = {"kernel": _why_no_kernel(), "containers": _why_no_containers()}
    for item in items:
        alone = any(item.get_closest_marker(each) for each in _ALONE) or _SYSTEM in item.path.parents
        item.add_marker(pytest.mark.xdist_group("alone" if alone else str(item.path)))
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))

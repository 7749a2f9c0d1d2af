"""Says which machine the figures belong to."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any


def revision() -> str:
    """Return the commit that is measured, empty where this is no checkout."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def describe() -> dict[str, Any]:
    """Return kernel, processor and what slows system calls down or makes figures uncertain."""
    cpuinfo = {
        name.strip(): value.strip()
        for name, _, value in (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    }
    flaws = Path("/sys/devices/system/cpu/vulnerabilities")
    return {
        "kernel": platform.release(),
        "kernel_build": platform.version(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
        "python": platform.python_version(),
        "cpu": cpuinfo.get("model name", platform.processor()),
        "cpu_family_model": f"{cpuinfo.get('cpu family', '')}/{cpuinfo.get('model', '')}",
        "cpus": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "virtual": "hypervisor" in cpuinfo.get("flags", "").split(),
        "mitigations": {
            name: (flaws / name).read_text().strip()
            for name in ("spectre_v2", "spec_rstack_overflow", "meltdown")
            if (flaws / name).exists()
        },
    }

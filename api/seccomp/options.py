"""The command line of `nonself workload seccomp`: argparse alone, so that the command starts fast."""

import argparse
from pathlib import Path
from typing import Final

_EXAMPLES: Final = """\
examples:
  nonself workload seccomp shop/cart/web > /var/lib/kubelet/seccomp/cart.json
      for a pod with seccompProfile: {type: Localhost, localhostProfile: cart.json}
  nonself workload seccomp shop/cart/web --format resource | kubectl apply -f -
      for the security-profiles-operator
  nonself workload seccomp shop/cart/web --also io_uring_setup,io_uring_enter
      calls that the next release will make
"""
_SECCOMP: Final = """\
Print a seccomp profile that allows the calls that a workload was seen to make, and those that a runtime
needs to start it. Everything else fails with EPERM. What the profile lacks is said on standard error.
"""


def add_seccomp(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Add the command; return it."""
    seccomp = actions.add_parser(
        "seccomp",
        help="print what was learned as a seccomp profile",
        description=_SECCOMP,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    seccomp.add_argument("workload", help="id, or name as 'nonself workloads' shows it")
    seccomp.add_argument(
        "--format", choices=("oci", "resource"), default="oci", help="for runtimes, or for the operator (oci)"
    )
    seccomp.add_argument("--also", default="", metavar="CALLS", help="calls to allow beside, with commas")
    seccomp.add_argument("--incomplete", action="store_true", help="also where the baseline is not ready")
    seccomp.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: standard output)")
    return seccomp

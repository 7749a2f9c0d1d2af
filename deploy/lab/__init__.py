"""Real containers on a private containerd: no registry, no kubelet, nothing of the system touched.

Tests, demo and benchmarks import this; nothing that ships does. It needs root
and the packages that `lab.requirements` names.
"""

from lab.containers import Container, Executed, Pod
from lab.errors import LabError, MissingRequirementError, StartError
from lab.lab import Lab

__all__ = ["Container", "Executed", "Lab", "LabError", "MissingRequirementError", "Pod", "StartError"]

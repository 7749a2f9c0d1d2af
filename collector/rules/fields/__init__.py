"""Fields of live events by name, and the value that says which of them this sensor supplies."""

from collections.abc import Mapping
from typing import Final

from collector.rules.fields.containers import CONTAINER_FIELDS
from collector.rules.fields.descriptors import DESCRIPTOR_FIELDS
from collector.rules.fields.events import EVENT_FIELDS
from collector.rules.fields.processes import PROCESS_FIELDS
from collector.rules.live import Getter

GETTERS: Final[Mapping[str, Getter]] = {
    **EVENT_FIELDS,
    **PROCESS_FIELDS,
    **DESCRIPTOR_FIELDS,
    **CONTAINER_FIELDS,
}
"""How each field is found out."""
_EITHER_END: Final = ("fd.ip", "fd.port", "fd.proto", "fd.net", "fd.cnet", "fd.snet", "fd.lnet", "fd.rnet")

SUPPORTED: Final[frozenset[str]] = frozenset(GETTERS) | frozenset(_EITHER_END)
"""Fields that a rule may name, without what stands in their brackets."""

"""What can be set about rules on a node."""

from dataclasses import dataclass
from typing import Final

from collector.settings import require
from wire.settings import setting

_MOST_BYTES: Final = 4096
_MOST_DATA: Final = 2048
_LEAST_RING: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """Settings of the rule engine.

    Raises:
        SettingsError: A value that cannot mean anything.
    """

    ring_bytes: int = setting(16 << 20, "Room for events that wait to be matched; a power of two.")
    env_bytes: int = setting(
        0, "Bytes of each program's environment that rules and outputs may see; 0 reads none. At most 4096."
    )
    data_bytes: int = setting(
        256, "Bytes of buffers that are read where a rule asks for evt.buffer. At most 2048."
    )
    push_down: bool = setting(default=True, help="Let the kernel compare the paths of opens with the rules'.")
    all_matches: bool = setting(
        default=False, help="Report every rule that an event matches, not only the first."
    )
    extra_fields: str = setting(
        "", "Fields that are added to every output, with commas between; proc.env needs --env-bytes too."
    )
    redact_file: str = setting(
        "",
        "File with one regular expression a line; what they find leaves the node as [redacted]. "
        "Empty takes built-in ones.",
    )

    def __post_init__(self) -> None:
        power = self.ring_bytes >= _LEAST_RING and not self.ring_bytes & (self.ring_bytes - 1)
        require(power, "ring_bytes", f"a power of two of at least {_LEAST_RING}", self.ring_bytes)
        require(0 <= self.env_bytes <= _MOST_BYTES, "env_bytes", f"0 to {_MOST_BYTES}", self.env_bytes)
        require(0 <= self.data_bytes <= _MOST_DATA, "data_bytes", f"0 to {_MOST_DATA}", self.data_bytes)

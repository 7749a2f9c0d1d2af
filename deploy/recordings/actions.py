"""The shell scripts of the intruder, as `files/actions.toml` holds them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

TOOL = "/tmp/.t"
"""Where `tool.c` lies in the container, put there from the host: dropping it is an action of its own."""
_DENIED = "ermission denied|not permitted|Read-only|can't|cannot"
_FILE = Path(__file__).parent / "files" / "actions.toml"


@dataclass(frozen=True)
class Action:
    """One post-exploitation action."""

    name: str
    tactic: str
    """ATT&CK tactic."""
    script: str
    proof: str
    """Regular expression of what is seen if and only if it happened or was tried."""


def _read() -> tuple[Action, ...]:
    words = tomllib.loads(_FILE.read_text())["action"]
    return tuple(
        Action(
            each["name"],
            each["tactic"],
            each["script"].replace("\\\n", "").strip().replace("TOOL", TOOL),
            each["proof"].replace("DENIED", _DENIED),
        )
        for each in words
    )


ACTIONS = _read()
"""In the order in which they are done."""

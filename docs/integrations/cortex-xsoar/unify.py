"""Write the one file that XSOAR's "Upload integration" takes: nonself.yml with nonself.py in it.

python3 docs/integrations/cortex-xsoar/unify.py
"""

from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
PROVIDED: Final = ("import demistomock as demisto\n", "from CommonServerPython import *\n")
"""What XSOAR puts before each script by itself."""


def unified() -> str:
    """Return the integration with its script, which is indented to be a block of YAML."""
    script = (HERE / "nonself.py").read_text()
    for line in PROVIDED:
        script = script.replace(line, "")
    block = "".join(f"    {line}" if line.strip() else line for line in script.splitlines(keepends=True))
    return (HERE / "nonself.yml").read_text().replace("  script: '-'\n", f"  script: |\n{block}")


if __name__ == "__main__":
    (HERE / "integration-nonself.yml").write_text(unified())

"""Log lines of service and agent are JSON, one object a line, whoever wrote them: the form others parse."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden" / "logs"
SET_UP = {
    "service": "from api import logs; logs.set_up('info')",
    "agent": "from collector import logs; logs.configure('json', 'info')",
}
PROGRAM = """
import logging, structlog
{set_up}
log = structlog.get_logger()
with structlog.contextvars.bound_contextvars(request_id="r-1", trace_id="4bf92f3577b34da6a3ce929d0e0e4736"):
    log.warning("trouble_opened", kind="disk", subject="service", said='The disk of "Zürich" is full.')
    log.debug("request", path="/v1/alerts")
logging.getLogger("some.library").warning("Said by %s", "a library")
try:
    1 // 0
except ZeroDivisionError:
    log.exception("watch_failed")
"""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.mark.parametrize("side", SET_UP)
def test_a_line_is_one_object_of_known_form(side: str) -> None:
    """As kept, but for time and traceback: names of fields, level, ids of request and trace."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(set_up=SET_UP[side])],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    for each in lines:
        assert TIME.fullmatch(each["timestamp"])
        each["timestamp"] = "TIME"
        if "exception" in each:
            assert each["exception"].endswith("ZeroDivisionError: integer division or modulo by zero")
            each["exception"] = "TRACEBACK"

    assert lines == [json.loads(line) for line in (GOLDEN / f"{side}.jsonl").read_text().splitlines()]

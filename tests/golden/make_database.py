"""Writes a database of the newest schema as SQL, in which something of everything happened.

`python -m tests.golden.make_database > tests/golden/db/REVISION.sql`, once a release has a new schema:
every later release is held to opening it.
"""

import contextlib
import sqlite3
import sys
import tempfile
from pathlib import Path

import structlog

from api.retention.keeper import Keeper
from api.tokens.service import Role
from tests.service import LOOP, Service, a_delta, a_match, serving
from tests.unit.api.test_worker import SHELL

_WHY = {"reason": "golden", "owner": "tests", "days": 30}


def live(service: Service) -> None:
    """Let a workload learn and be promoted, raise alerts of both kinds, and let people handle them."""
    service.learn(6)
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert", "reason": "golden"})
    service.send(a_delta(6, LOOP | SHELL))
    service.match(a_match(1, 6), a_match(2, -1_000, rule="Older"))
    service.worker.drain()

    def post(path: str, body: dict, role: Role = Role.ADMIN) -> None:
        answer = service.request("POST", path, role, json=body)
        if answer.status_code >= 300:
            msg = f"{path}: {answer.text}"
            raise SystemExit(msg)

    key = service.get("/v1/keys/own", Role.ADMIN).json()["public_key"]
    post("/v1/keys", {"public_key": key, "name": "staging", "reason": "golden"})
    post("/v1/channels", {"name": "soc", "kind": "webhook", "address": "https://soc.example/in"})
    post("/v1/tokens", {"name": "shop-soc", "role": "triage", "namespaces": ["shop"]})
    post("/v1/alerts/1/triage", {"action": "assign", "assignee": "ana"}, Role.TRIAGE)
    post("/v1/alerts/1/triage", {"action": "close", "verdict": "benign", "comment": "golden"}, Role.TRIAGE)
    post("/v1/suppressions", {"alert": 2, "by": "rule", **_WHY})
    Keeper(service.core).tidy()


def main() -> None:
    """Write the SQL to standard output."""
    # Standard output is for the SQL alone.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with tempfile.TemporaryDirectory() as folder:
        with serving(Path(folder)) as service:
            live(service)
        with contextlib.closing(sqlite3.connect(Path(folder) / "nonself.db")) as connection:
            sys.stdout.writelines(f"{line}\n" for line in connection.iterdump())


if __name__ == "__main__":
    main()

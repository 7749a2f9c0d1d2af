"""What the agent itself uses, with few and with many real containers under load."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.containers import containers, pace
from bench.context import Context
from bench.service import running
from wire.codec import decode_batch
from wire.profile import Batch

WINDOW_S = 10
LOADS = {4: 50_000, 10: 20_000, 200: 1_000}
"""Containers, and the calls per second each of them makes."""
_START_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


def agent(context: Context) -> dict[str, Any]:
    """Run the real agent against a receiver that keeps what comes, for each load."""
    found = {}
    for count, calls_per_s in LOADS.items():
        with context.timed(f"agent: {count} containers of {calls_per_s} calls/s"):
            found[f"{count} containers"] = _measure(context, count, calls_per_s)
    return found


def _measure(context: Context, count: int, calls_per_s: int) -> dict[str, Any]:
    folder = context.folder / f"agent-{count}"
    folder.mkdir()
    (folder / "token").write_text("token")
    seconds = WINDOW_S * (1 if context.quick else 6)
    commands = [pace(calls_per_s, seed) for seed in range(count)]
    with _receiver() as (port, batches):
        command = ["nonself-agent", "run", "--url", f"http://127.0.0.1:{port}", "--window-s", str(WINDOW_S)]
        command += [
            "--rules",
            "off",
            "--token-file",
            str(folder / "token"),
            "--state-dir",
            str(folder / "state"),
        ]
        with running(command, folder / "log") as process:
            _wait_for_start(process, folder / "log")
            with containers(context.work, folder / "containers", commands) as names:
                _wait_for_all(batches, set(names), folder / "log")
                # From the start of a window, so that each measurement holds the same number of drains.
                time.sleep(WINDOW_S - time.time() % WINDOW_S)
                batches.clear()
                began, used = time.monotonic(), _cpu_s(process.pid)
                time.sleep(seconds)
                used, took = _cpu_s(process.pid) - used, time.monotonic() - began
                status = _status(process.pid)
                taken = list(batches)
    ours = [each for batch in taken for each in batch.deltas if each.container.id in names]
    return {
        "calls_per_s_profiled": round(sum(delta.calls for delta in ours) / took),
        "ngrams_per_window": round(sum(len(delta.ngrams) for delta in ours) / max(seconds // WINDOW_S, 1)),
        "containers_seen": max((batch.agent.containers for batch in taken), default=0),
        "calls_lost": sum(delta.lost_calls for delta in ours),
        "cpu_percent_of_a_core": round(100 * used / took, 2),
        "rss_mib": round(status["VmRSS"] / 1024, 1),
        "peak_rss_mib": round(status["VmHWM"] / 1024, 1),
        "seconds": round(took),
    }


def _wait_for_start(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while "agent_started" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            msg = f"nonself-agent did not start: {log.read_text()[-400:]}"
            raise RuntimeError(msg)
        time.sleep(0.1)


def _wait_for_all(batches: list[Batch], names: set[str], log: Path) -> None:
    deadline = time.monotonic() + _START_S + 2 * WINDOW_S
    while time.monotonic() < deadline:
        if names <= {delta.container.id for batch in list(batches) for delta in batch.deltas}:
            return
        time.sleep(0.2)
    seen = {delta.container.id for batch in batches for delta in batch.deltas}
    msg = (
        f"The agent sent profiles of {len(names & seen)} of {len(names)} containers; {log.read_text()[-400:]}"
    )
    raise RuntimeError(msg)


@contextmanager
def _receiver() -> Iterator[tuple[int, list[Batch]]]:
    batches: list[Batch] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            batch = decode_batch(self.rfile.read(int(self.headers["Content-Length"])))
            batches.append(batch)
            body = b'{"accepted": %d, "duplicates": 0}' % len(batch.deltas)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,))
        thread.start()
        try:
            yield server.server_port, batches
        finally:
            server.shutdown()
            thread.join()


def _cpu_s(pid: int) -> float:
    """Return the CPU time of a process and of the children it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(each) for each in fields[11:15]) / _TICKS


def _status(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    pairs = (line.split(":", 1) for line in lines)
    return {name: int(value.split()[0]) for name, value in pairs if value.strip().endswith("kB")}

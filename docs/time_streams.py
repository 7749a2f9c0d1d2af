"""What live streams cost: a hundred that are idle, and a hundred while fifty alerts a second are raised.

    PYTHONPATH=. .venv/bin/python docs/time_streams.py [seconds of each part]

The service is a process of its own, as users start it; readers and writer are this one. An alert's delay
is from before its match is posted until its event has arrived: ingest, worker, commit and stream.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import urllib3

from tests.service import a_match, a_match_batch
from tests.system.test_service_crash import answers, free_port
from tests.waiting import wait_for
from wire.codec import SIGNATURE_HEADER, sign, signing_key
from wire.match import MATCH_CONTENT_TYPE, encode_match_batch

STREAMS = 100
TIMED = 10
"""Streams of which each event's arrival is noted; of the others, bytes are counted."""
PER_S, PER_BATCH = 50, 5
ROUNDS = 3
"""In turns, since a shared machine is never the same for long."""
NOBODY = "?namespace=nowhere"
TICKS = os.sysconf("SC_CLK_TCK")
RULE = re.compile(rb'"rule":"(Bench \d+)"')


@dataclass
class Usage:
    """What a process has used."""

    cpu_s: float
    rss_mib: float


@dataclass
class Reader:
    """One stream."""

    timed: bool
    bytes: int = 0
    events: int = 0
    arrived: dict[str, float] = field(default_factory=dict)

    async def follow(self, port: int, token: str, query: str) -> None:
        """Read until the connection ends."""
        source, sink = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
        sink.write(
            f"GET /v1/events{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        rest = b""
        while chunk := await source.read(1 << 18):
            now = time.perf_counter()
            self.bytes += len(chunk)
            self.events += chunk.count(b"\nevent: ") + chunk.startswith(b"event: ")
            if self.timed:
                *whole, rest = (rest + chunk).split(b"\n\n")
                for found in filter(None, map(RULE.search, whole)):
                    self.arrived.setdefault(found[1].decode(), now)
        sink.close()


def usage(pid: int) -> Usage:
    """Return what a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Usage(
        (int(fields[11]) + int(fields[12])) / TICKS,
        int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20,
    )


class Writer:
    """Raises alerts at a fixed rate, each of a rule of its own."""

    def __init__(self, port: int, token: str) -> None:
        self._url, self._token = f"http://127.0.0.1:{port}/v1/ingest/matches", token
        self._http = urllib3.PoolManager(retries=False)
        self._number = 0
        self.posted: dict[str, float] = {}

    def run(self, seconds: float) -> None:
        """Raise them for some time."""
        begin = time.perf_counter()
        for batch in range(int(seconds * PER_S / PER_BATCH)):
            time.sleep(max(0.0, begin + batch * PER_BATCH / PER_S - time.perf_counter()))
            numbers = [self._number + each for each in range(PER_BATCH)]
            self._number += PER_BATCH
            rules = [f"Bench {each}" for each in numbers]
            matches = [a_match(each + 1, rule=rule) for each, rule in zip(numbers, rules, strict=True)]
            body = encode_match_batch(a_match_batch(*matches))
            headers = {
                "Authorization": f"Bearer {self._token}",
                "Content-Type": MATCH_CONTENT_TYPE,
                "Content-Encoding": "gzip",
                SIGNATURE_HEADER: sign(body, signing_key(self._token)),
            }
            now = time.perf_counter()
            answer = self._http.request("POST", self._url, body=body, headers=headers)
            if answer.status != 200:
                msg = f"{answer.status} {answer.data!r}"
                raise RuntimeError(msg)
            self.posted |= dict.fromkeys(rules, now)


async def part(
    process: subprocess.Popen[bytes],
    port: int,
    state: Path,
    name: str,
    *,
    streams: int,
    seconds: float,
    writer: Writer | None = None,
    query: str = "",
) -> None:
    """Measure one part, and print a row."""
    token = (state / "token").read_text().strip()
    readers = [Reader(timed=each < TIMED) for each in range(streams)]
    following = [asyncio.create_task(each.follow(port, token, query)) for each in readers]
    await asyncio.sleep(3)
    before = usage(process.pid)
    began = time.perf_counter()
    posted = set(writer.posted) if writer else set()
    if writer:
        await asyncio.to_thread(writer.run, seconds)
    else:
        await asyncio.sleep(seconds)
    took = time.perf_counter() - began
    await asyncio.sleep(2)
    after = usage(process.pid)
    raised = {rule: at for rule, at in writer.posted.items() if rule not in posted} if writer else {}
    delays = [
        (each.arrived[rule] - at) * 1000 for each in readers if each.timed for rule, at in raised.items()
        if rule in each.arrived
    ]  # fmt: skip
    for each in following:
        each.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    missing = sum(len(raised) - each.events for each in readers) if not query else 0
    used_s = after.cpu_s - before.cpu_s
    row = {
        "part": name,
        "cpu_percent": round(used_s / (took + 2) * 100, 1),
        "cpu_ms_per_alert": round(used_s * 1000 / len(raised), 2) if raised else None,
        "rss_mib": round(after.rss_mib),
        "events": sum(each.events for each in readers),
        "missing": missing,
        "delay_ms": [round(float(each)) for each in np.percentile(delays, [50, 99])] if delays else None,
        "load_average": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(row), flush=True)
    await asyncio.sleep(2)


async def stop(process: subprocess.Popen[bytes], port: int, state: Path) -> None:
    """Measure how long the service takes to end with streams open, and without."""
    token = (state / "token").read_text().strip()
    readers = [Reader(timed=False) for _ in range(STREAMS)]
    following = [asyncio.create_task(each.follow(port, token, "")) for each in readers]
    await asyncio.sleep(3)
    began = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    await asyncio.gather(*following)
    streams_s = time.perf_counter() - began
    await asyncio.to_thread(process.wait, 30)
    row = {"part": f"SIGTERM with {STREAMS} streams", "streams_ended_s": round(streams_s, 2)}
    print(json.dumps(row | {"service_ended_s": round(time.perf_counter() - began, 2)}), flush=True)


def main() -> None:
    """Measure, and print a line of JSON for each part."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory() as folder:
        state, port = Path(folder) / "state", free_port()
        command = [
            str(Path(sys.executable).parent / "nonself"),
            "serve",
            f"--state-dir={state}",
            f"--port={port}",
        ]
        command += ["--streams-per-token=500", "--streams=500", "--log-level=error"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                wait_for(lambda: answers(port), 60)
                writer = Writer(port, (state / "agent-token").read_text().strip())

                async def all_parts() -> None:
                    measure = partial(part, process, port, state, seconds=seconds)
                    await measure("nothing", streams=0)
                    await measure(f"{STREAMS} idle streams", streams=STREAMS)
                    for _ in range(ROUNDS):
                        for streams, query in ((0, ""), (1, ""), (STREAMS, ""), (STREAMS, NOBODY)):
                            name = f"{PER_S} alerts a second, {streams} streams" + " that want none" * bool(
                                query
                            )
                            await measure(name, streams=streams, writer=writer, query=query)
                    await stop(process, port, state)

                asyncio.run(all_parts())
            finally:
                if process.poll() is None:
                    process.kill()


if __name__ == "__main__":
    main()

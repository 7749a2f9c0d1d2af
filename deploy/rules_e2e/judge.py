"""Collects the agent's alerts, and judges a test by those that carry its marker."""

import json
import re
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

_MARKER = re.compile(r"E2E_TEST=[0-9a-f-]{36}")


class Alerts:
    """Alerts of a running agent, by the marker in `proc.env`."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log.open("w")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._changed = threading.Condition()
        self.ready = threading.Event()
        self.ended = threading.Event()
        self.total = 0
        self.dropped = 0
        for target, stream in ((self._read, self._process.stdout), (self._hear, self._process.stderr)):
            threading.Thread(target=target, args=(stream,), daemon=True).start()

    @property
    def pid(self) -> int:
        """Process id of the agent."""
        return self._process.pid

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            alert = json.loads(line)
            marker = _MARKER.search(str(alert["output_fields"].get("proc.env")))
            with self._changed:
                self.total += 1
                if marker:
                    self._found[marker.group()].append(alert)
                    self._changed.notify_all()
        self.ended.set()
        self.ready.set()

    def _hear(self, stream: IO[str]) -> None:
        for line in stream:
            self._log.write(line)
            self._log.flush()
            if line.strip() == "ready":
                self.ready.set()
            if line.startswith("dropped "):
                self.dropped = int(line.split("(")[1].split()[0])

    def await_match(self, test: Mapping[str, Any], marker: str, timeout_s: float) -> tuple[bool, str]:
        """Wait until an alert fits a test; return whether one did, and what the nearest one lacked."""
        end = time.monotonic() + timeout_s
        with self._changed:
            while True:
                seen = list(self._found[marker])
                reasons = [differences(test, alert) for alert in seen]
                if [] in reasons:
                    return True, ""
                left = end - time.monotonic()
                if left <= 0 or self.ended.is_set():
                    break
                self._changed.wait(min(left, 1.0))
        if not reasons:
            return False, "no alert with its marker"
        return False, "; ".join(min(reasons, key=len))

    def stop(self) -> None:
        """End the agent."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()


def differences(test: Mapping[str, Any], alert: Mapping[str, Any]) -> list[str]:
    """Return what an alert lacks of a test's expected outcome; nothing where it fits."""
    found = []
    if alert["rule"] != test["rule"]:
        return [f"rule is {alert['rule']!r}"] * 100
    expected = test.get("expectedOutcome") or {}
    for key, value in expected.items():
        if key == "outputFields":
            fields = alert["output_fields"]
            for name, wanted in value.items():
                if name not in fields:
                    found.append(f"{name} is not among the output fields")
                elif text(fields[name]) != str(wanted):
                    found.append(f"{name} is {text(fields[name])!r}, expected {wanted!r}")
        elif key == "priority":
            if alert["priority"].lower() != value.lower():
                found.append(f"priority is {alert['priority']!r}, expected {value!r}")
        elif str(alert.get(key)) != str(value):
            found.append(f"{key} is {alert.get(key)!r}, expected {value!r}")
    return found


def text(value: object) -> str:
    """Return an output field as the expectation writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)

"""The service is killed while it pushes, its receiver is down and its key is rotated; no alert is lost."""

import json
import signal
from pathlib import Path
from typing import Any

import urllib3
from standardwebhooks import Webhook

from tests.hooks import Hook
from tests.service import a_match
from tests.system.test_falco_crash import send
from tests.system.test_service_crash import answers, free_port, start
from tests.waiting import until

BAD = (500, {}, b"broken")
ALERTS = 60


def test_kill_9_an_outage_and_a_new_key_lose_no_alert(tmp_path: Path) -> None:
    """Every alert arrives, those of one alert in order, repeated under the same id, all verifiable."""
    state_dir, port = tmp_path / "state", free_port()
    with Hook() as hook:
        hook.script += [(200, {}, b"")] * 20 + [BAD] * 1000
        options = ["--push-allow=127.0.0.1"]
        service = start(state_dir, port, *options)
        try:
            assert until(lambda: answers(port), 30)
            wish = {"name": "soc", "kind": "webhook", "address": hook.url}
            made = ask(state_dir, port, "/v1/channels", wish)
            opened = [a_match(each, rule=f"Rule {each}") for each in range(ALERTS)]
            assert send(state_dir, port, opened) == 200
            assert hook.wait(lambda: len(hook.requests) >= 21, 60)
            service.send_signal(signal.SIGKILL)
            service.wait()
            service = start(state_dir, port, *options)
            assert until(lambda: answers(port), 30)
            rotated = ask(state_dir, port, "/v1/channels/1/rotate", {"overlap_hours": 1})
            grown = [a_match(1000 + each, rule=f"Rule {each}") for each in range(0, ALERTS, 2)]
            assert send(state_dir, port, grown) == 200
            hook.script.clear()
            # As a person does who has mended the receiver, and does not wait for the next attempt.
            ask(state_dir, port, "/v1/channels/1/enable", {})
            assert hook.wait(lambda: len(seen(hook, "alert.grew")) == ALERTS // 2, 60), hook.ids
            assert hook.wait(lambda: len(seen(hook, "alert.opened")) == ALERTS, 60)
        finally:
            service.kill()
            service.wait()
        requests = list(hook.requests)

    assert seen(hook, "alert.opened") == {f"Rule {each}" for each in range(ALERTS)}
    changes: dict[str, int] = {}
    last: dict[int, int] = {}
    for headers, body in requests:
        data = json.loads(body)["data"]
        change, alert = data["change"]["id"], data["alert"]["id"]
        assert changes.setdefault(headers["webhook-id"], change) == change
        # A repetition may come after the kill; nothing else falls back.
        assert change >= last.get(alert, 0)
        last[alert] = change
        signatures = headers["webhook-signature"].split()
        Webhook(made["secret"] if len(signatures) == 1 else rotated["secret"]).verify(body, headers)
    assert len(requests[-1][0]["webhook-signature"].split()) == 2


def seen(hook: Hook, type_: str) -> set[str]:
    """Return the rules of whose alerts a receiver took an event, and said so."""
    events = [json.loads(body) for _, body in hook.taken]
    return {each["data"]["alert"]["rule"] for each in events if each["type"] == type_}


def ask(state_dir: Path, port: int, path: str, body: Any) -> Any:
    """Do something as the admin."""
    headers = {"Authorization": f"Bearer {(state_dir / 'token').read_text().strip()}"}
    url = f"http://127.0.0.1:{port}{path}"
    answer = urllib3.request("POST", url, json=body, headers=headers, retries=False)
    assert answer.status < 300, answer.data
    return answer.json()

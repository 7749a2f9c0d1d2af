"""The service is killed while a trouble waits to be told; the message comes all the same, once it can."""

import signal
from pathlib import Path

from tests.hooks import Hook
from tests.service import a_match
from tests.system.test_falco_crash import send
from tests.system.test_push_crash import ask
from tests.system.test_service_crash import answers, free_port, start
from tests.waiting import until

BAD = (500, {}, b"broken")
LOOK_S = 30


def test_kill_9_loses_no_trouble(tmp_path: Path) -> None:
    """A target of the Falco output takes nothing; nor, at first, does the one who is to be told of that."""
    state_dir, port = tmp_path / "state", free_port()
    options = ["--push-allow=127.0.0.1", f"--falco-output=http://127.0.0.1:{free_port()}/"]
    with Hook() as hook:
        hook.script += [BAD] * 1000
        service = start(state_dir, port, *options)
        try:
            assert until(lambda: answers(port), 60)
            wish = {"name": "ops", "kind": "webhook", "address": hook.url, "troubles": {"only": True}}
            ask(state_dir, port, "/v1/channels", wish)
            assert send(state_dir, port, [a_match(1)]) == 200
            assert hook.wait(lambda: any("falco" in str(each) for each in hook.events), 3 * LOOK_S)
            service.send_signal(signal.SIGKILL)
            service.wait()
            service = start(state_dir, port, *options)
            assert until(lambda: answers(port), 60)
            hook.script.clear()
            ask(state_dir, port, "/v1/channels/1/enable", {})
            assert hook.wait(lambda: len(hook.taken) >= 1, 3 * LOOK_S)
        finally:
            service.kill()
            service.wait()
        told = [
            (identity, each["type"])
            for identity, each in zip(hook.ids, hook.events, strict=True)
            if each["data"]["trouble"]["kind"] == "falco_output"
        ]

    assert {type_ for _, type_ in told} == {"trouble.opened"}
    assert len(told) > 1, "It was tried before the kill and after it."
    assert len({identity for identity, _ in told}) == 1, "Under one id, by which a receiver can tell."

"""The files for rsyslog, Vector, Fluent Bit and falcosidekick; rsyslog's runs."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.databases import Database
from tests.hooks import a_sender, add, raise_alerts
from tests.programs import free_port, running
from tests.service import Service, a_match, serving
from tests.waiting import wait_for

FOLDER = Path(__file__).parents[2] / "docs" / "integrations"
SHIPPERS = FOLDER / "log-shippers"


@pytest.fixture
def service(tmp_path: Path, database: Database) -> Iterator[Service]:
    """A service whose channels may reach this host."""
    with serving(tmp_path, database, push_allow="127.0.0.0/8") as running_:
        yield running_


def test_rsyslog_takes_the_file() -> None:
    """`rsyslogd -N1` finds nothing in it."""
    if shutil.which("rsyslogd") is None:
        pytest.skip("rsyslogd is missing: deploy/install.sh lab")
    command = ["rsyslogd", "-N1", "-f", str(SHIPPERS / "rsyslog.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower()


def test_rsyslog_writes_a_line_for_each_message(service: Service, tmp_path: Path) -> None:
    """With the file as it is, but for port and path; an alert longer than rsyslog's usual bound is whole."""
    port, out = free_port(), tmp_path / "alerts.log"
    text = (SHIPPERS / "rsyslog.conf").read_text()
    for old, new in (('port="6514"', f'port="{port}"'), ("/var/log/nonself-alerts.log", str(out))):
        assert text.count(old) == 1
        text = text.replace(old, new)
    config = tmp_path / "rsyslog.conf"
    config.write_text(text)
    command = ["rsyslogd", "-n", "-f", str(config), "-i", str(tmp_path / "pid")]
    with running(command, port, tmp_path / "rsyslog.log"):
        add(service, f"tcp://127.0.0.1:{port}", kind="syslog")
        raise_alerts(service, "Shell")
        assert service.match(a_match(2, rule="Long", output="long " * 3000)).status_code == 200
        service.worker.drain()
        a_sender(service).step()
        wait_for(lambda: out.exists() and out.read_text().count("\n") == 2)
        lines = [line.split(" ", 2) for line in out.read_text().splitlines()]

    assert [line[1] for line in lines] == ["alert.opened"] * 2
    assert [json.loads(line[2])["data"]["alert"]["rule"] for line in lines] == ["Shell", "Long"]
    assert len(lines[1][2]) > 8192


def test_vector_leads_from_source_to_sink() -> None:
    """Each part takes its input from one that there is; the sink acknowledges what it has."""
    config = yaml.safe_load((SHIPPERS / "vector.yaml").read_text())
    names = set(config["sources"]) | set(config["transforms"])
    inputs = {
        name for kind in ("transforms", "sinks") for each in config[kind].values() for name in each["inputs"]
    }

    assert inputs == names
    assert config["sources"]["nonself"]["decoding"]["codec"] == "json"
    assert all(each["acknowledgements"]["enabled"] for each in config["sinks"].values())


def test_fluent_bit_takes_what_vector_takes() -> None:
    """On the same port, under a tag that its output matches, with room for a long digest."""
    text = (SHIPPERS / "fluent-bit.conf").read_text()
    settings = dict(re.findall(r"^ +(\w+) +(\S+)$", text, re.MULTILINE))

    assert settings["Tag"] == settings["Match"]
    assert (
        settings["Port"]
        == yaml.safe_load((SHIPPERS / "vector.yaml").read_text())["sources"]["nonself"]["address"].rpartition(
            ":"
        )[2]
    )
    assert settings["Successful_Response_Code"] == "200"


def test_falcosidekick_listens_where_its_page_posts() -> None:
    """The port of the file is that of `--falco-output`."""
    config = yaml.safe_load((FOLDER / "falcosidekick" / "falcosidekick.yaml").read_text())
    page = (FOLDER / "falcosidekick" / "README.md").read_text()

    assert f":{config['listenport']}/" in page
    assert set(config) == {"listenaddress", "listenport", "customfields", "slack", "loki", "webui"}

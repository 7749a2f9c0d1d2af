"""What leaves the node: without secrets, in Falco's shape, with every rule's state said."""

import io
import json
from pathlib import Path

import pytest

from collector.errors import RulesError, SettingsError
from collector.rules.alert import as_json, as_line, to_falco
from collector.rules.command import load_rules
from collector.rules.matches import MatchMaker
from collector.rules.names import NameTable, names_in
from collector.rules.redact import Redactor, read_patterns
from collector.rules.settings import RuleSettings
from collector.rules.supply import states_of, supply
from signatures.loader import RuleFile, load
from signatures.ruleset import RuleSet
from signatures.states import RuleState
from tests.unit.collector.records import exec_
from tests.unit.collector.rules.nodes import make_node, see
from wire.match import Priority, decode_match, encode_match

RULES = """
- rule: Reads
  desc: d
  condition: evt.type = execve and proc.name = cat
  output: Read (cmd=%proc.cmdline parent=%proc.pname missing=%fd.name)
  priority: WARNING
  tags: [b, a]
- rule: Lacks
  desc: d
  condition: evt.type in (execve, futex) and proc.nthreads = 3
  output: x
  priority: INFO
- rule: Never
  desc: d
  condition: evt.type = futex
  output: "%proc.vmsize"
  priority: INFO
- rule: Off
  desc: d
  condition: evt.type = connect and fd.sip.name in (a.example, b.example)
  output: x
  priority: INFO
  enabled: false
"""


def rules(text: str = RULES) -> RuleSet:
    """Load a text."""
    loaded = load([RuleFile(name="r", text=text)])
    assert loaded.ok, loaded.errors
    return RuleSet(loaded.rules)


def test_a_match_carries_ancestors_and_no_secrets(tmp_path: Path) -> None:
    """Arguments are redacted in output, fields and ancestors alike; the codec takes what is made."""
    node = make_node(tmp_path)
    see(node, exec_(b"sh\0-c\0login --password hunter2\0", b"sh", pid=50, ppid=1))
    event = see(node, exec_(b"cat\0token=hunter2\0caf\xc3\xa9\0", ppid=50))
    rule = next(rules().match(event))

    match = MatchMaker("n", "boot", Redactor()).make(rule, event)

    assert match.output == "Read (cmd=cat token=[redacted] café parent=sh missing=<NA>)"
    assert match.output_fields == {
        "proc.cmdline": "cat token=[redacted] café",
        "proc.pname": "sh",
        "fd.name": None,
    }
    assert [each.cmdline for each in match.ancestors] == [
        "cat token=[redacted] café", "sh -c login --password [redacted]",
    ]  # fmt: skip
    assert (match.priority, match.tags, match.sequence) == (Priority.WARNING, ("a", "b"), 1)
    assert decode_match(encode_match(match)) == match


def test_an_alert_has_falcos_shape(tmp_path: Path) -> None:
    """Falcosidekick refuses one without priority, rule, time or output fields."""
    event = see(make_node(tmp_path), exec_(b"cat\0"))
    match = MatchMaker("n", "boot", Redactor()).make(next(rules().match(event)), event)

    alert = json.loads(as_json(match))

    assert alert == to_falco(match)
    assert set(alert) == {"hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time"}
    assert alert["time"] == "1970-01-01T00:16:50.000000000Z"
    assert alert["output"] == "00:16:50.000000000: Warning Read (cmd=cat parent=<NA> missing=<NA>)"
    assert alert["output_fields"]["evt.time"] == 1_010_000_000_000
    assert as_line(match) == alert["output"]


def test_every_rule_has_a_state() -> None:
    """A rule that cannot fire says what it lacks; environments are there where they are read."""
    found = states_of(rules(), supply())

    assert found["Reads"].state is RuleState.EVALUABLE
    assert found["Lacks"].state is RuleState.NOT_EVALUABLE
    assert found["Lacks"].missing_fields == ("proc.nthreads",)
    assert found["Never"].missing_event_types == ("futex",)
    assert found["Never"].missing_outputs == ("proc.vmsize",)
    assert found["Off"].state is RuleState.DISABLED
    assert "proc.env" in supply(environment=True).fields
    assert "evt.buffer" in supply().unsupplied_of_type["openat"]
    assert "evt.buffer" not in supply().unsupplied_of_type["read"]


def test_loading_says_states_and_refuses_bad_files(tmp_path: Path) -> None:
    """One sentence with file, line and code."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(RULES)
    bad.write_text("- rule: x\n  desc: d\n  condition: nope.field = 1\n  output: o\n  priority: INFO\n")
    said = io.StringIO()

    assert len(load_rules([good], RuleSettings(extra_fields="proc.env"), said).rules) == 4
    assert "not evaluable: Never: It can never fire: no events of type futex." in said.getvalue()
    assert "rules: 1 evaluable, 0 partly, 2 not evaluable, 1 disabled" in said.getvalue()
    with pytest.raises(RulesError, match=r"bad\.yaml:3:.*LOAD_ERR_COMPILE_CONDITION"):
        load_rules([bad], RuleSettings(), said)
    with pytest.raises(RulesError, match="Cannot read rules"):
        load_rules([tmp_path / "gone"], RuleSettings(), said)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("export AWS_SECRET_ACCESS_KEY=abc/def+1", "export AWS_SECRET_ACCESS_KEY=[redacted]"),
        ("curl -H 'Authorization: Bearer abcdefghijk' x", "curl -H 'Authorization: Bearer [redacted]' x"),
        ("git clone https://me:s3cret@host/x", "git clone https://me:[redacted]@host/x"),
        ("echo AKIAIOSFODNN7EXAMPLE", "echo [redacted]"),
        ("psql password='x y'", "psql password='[redacted] y'"),
        ("grep aws_secret_access_key /etc", "grep aws_secret_access_key /etc"),
        ("ls /etc/passwd", "ls /etc/passwd"),
        ("sh -c mysql -h db -uroot -psecret9 shop", "sh -c mysql -h db -uroot -p[redacted] shop"),
        ("mysqldump -P 3306 -p shop", "mysqldump -P 3306 -p shop"),
        ("sshpass -p secret9 ssh a", "sshpass -p [redacted] ssh a"),
        ("mongosh -u a -p secret9", "mongosh -u a -p [redacted]"),
        ("redis-cli -h cache -a secret9 get x", "redis-cli -h cache -a [redacted] get x"),
        ("curl -s -u me:secret9 https://h/", "curl -s -u me:[redacted] https://h/"),
        ("mkdir -p /srv/data", "mkdir -p /srv/data"),
    ],
)
def test_secrets_are_found_and_other_words_stay(text: str, clean: str) -> None:
    """The name of a secret is no secret."""
    assert Redactor().text(text) == clean


def test_patterns_come_from_a_file(tmp_path: Path) -> None:
    """Comments and empty lines are passed over; a wrong pattern is named."""
    path = tmp_path / "patterns"
    path.write_text("# ours\n\nORDER-[0-9]+\n")

    assert Redactor(read_patterns(path)).text("x ORDER-17 token=y") == "x [redacted] token=y"
    with pytest.raises(SettingsError, match="'\\('"):
        Redactor(["("])
    with pytest.raises(SettingsError, match="Cannot read"):
        read_patterns(tmp_path / "gone")


def test_names_are_resolved_ahead() -> None:
    """A name that cannot be resolved any more keeps its addresses."""
    text = RULES.replace("enabled: false", "enabled: true")
    answers = {"a.example": ["10.0.0.1"], "b.example": ["10.0.0.2", "::2"]}

    def resolve(name: str) -> list[str]:
        if name not in answers:
            raise OSError
        return answers[name]

    table = NameTable(names_in(rules(text)), resolve)
    table.refresh()
    assert (table.get("10.0.0.1"), table.get("::2"), table.get("10.0.0.9")) == (
        "a.example",
        "b.example",
        None,
    )

    del answers["a.example"]
    answers["b.example"] = ["10.0.0.3"]
    table.refresh()
    assert (table.get("10.0.0.1"), table.get("::2"), table.get("10.0.0.3")) == (
        "a.example",
        None,
        "b.example",
    )


@pytest.mark.parametrize("wrong", [{"ring_bytes": 5000}, {"env_bytes": -1}, {"data_bytes": 4096}])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, int]) -> None:
    """One sentence that names the option."""
    with pytest.raises(SettingsError, match="--" + next(iter(wrong)).replace("_", "-")):
        RuleSettings(**wrong)

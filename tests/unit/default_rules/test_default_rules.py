"""The default rules on events made by hand: each fires on what it is for, and stays silent on a neighbour."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from signatures.default_rules import rule_files
from signatures.event import Event
from signatures.loader import Loaded, RuleFile, load
from signatures.priority import Priority
from signatures.ruleset import Rule, RuleSet
from tests.unit.default_rules import cases_changes, cases_credentials, cases_escape, cases_execution
from tests.unit.default_rules.attack import TECHNIQUES, VERSION_TAG
from tests.unit.default_rules.made import Case, Fields, event, opens, runs

CASES: Sequence[Case] = (
    *cases_escape.CASES, *cases_execution.CASES, *cases_credentials.CASES, *cases_changes.CASES,
)  # fmt: skip
LOADED = load(rule_files())
RULES = RuleSet(LOADED.rules)
_NEAR = [Path(__file__).parents[up] / "shared" / "rules" / "falco" for up in (4, 5)]
_UPSTREAM = next((path for path in _NEAR if path.exists()), _NEAR[0])


def _title(case: Case) -> str:
    return f"{case.rule}: {case.because}"


def _reported(fields: Fields, rules: RuleSet = RULES) -> list[str]:
    return [rule.name for rule in rules.match(Event(fields))]


def _with(text: str) -> Loaded:
    return load((*rule_files(), RuleFile(name="ours.yaml", text=text)))


@pytest.mark.parametrize("case", CASES, ids=_title)
def test_a_rule_speaks_first_of_what_it_is_for(case: Case):
    """Of all rules that an event meets, the one that is for it comes first."""
    assert _reported(case.fires)[:1] == [case.rule]


@pytest.mark.parametrize("case", CASES, ids=_title)
def test_a_benign_neighbour_meets_no_rule_at_all(case: Case):
    """What looks alike and is benign meets neither the rule nor any other."""
    assert _reported(case.neighbour) == []


@pytest.mark.parametrize("case", CASES, ids=_title)
def test_the_host_is_left_alone(case: Case):
    """The same event outside of a container meets no rule."""
    assert _reported({**case.fires, "container.id": "host"}) == []


def test_every_rule_has_its_case():
    """No default rule is without an event that it is for, and no case is for a rule that is gone."""
    assert {case.rule for case in CASES} == {rule.name for rule in LOADED.rules}


def test_of_what_starts_the_most_urgent_is_said_first():
    """Rules about programs are tried by priority, so that a notice never hides what is critical."""
    priorities = [rule.priority for rule in LOADED.rules if rule.place.file == "20-execution.yaml"]

    assert len(priorities) > 15
    assert priorities == sorted(priorities)


def test_they_load_without_a_warning():
    """The default files bring no error and no warning, so that a user's own stand out."""
    assert LOADED.problems == ()
    assert all(rule.enabled for rule in LOADED.rules)


@pytest.mark.parametrize("rule", LOADED.rules, ids=lambda rule: rule.name)
class TestEachRule:
    """What a user can rely on in every default rule."""

    def test_names_techniques_with_their_tactics_and_version(self, rule: Rule):
        """Each technique among the tags is one of ATT&CK's, one of its tactics is there, and no other."""
        techniques = [tag for tag in rule.tags if re.fullmatch(r"T\d{4}(\.\d{3})?", tag)]
        tactics = {tag.removeprefix("mitre_") for tag in rule.tags if tag.startswith("mitre_")}

        assert techniques
        assert VERSION_TAG in rule.tags
        assert all(TECHNIQUES[technique] & tactics for technique in techniques)
        assert tactics <= set().union(*(TECHNIQUES[technique] for technique in techniques))

    def test_tells_what_to_do_and_where_to_read_on(self, rule: Rule):
        """The description has several sentences and refers to each technique's page."""
        said, _, references = rule.desc.partition("References:")

        assert len(said.split()) >= 25
        assert said.count(". ") >= 1
        for tag in rule.tags:
            if re.fullmatch(r"T\d{4}(\.\d{3})?", tag):
                assert f"https://attack.mitre.org/techniques/{tag.replace('.', '/')}/" in references

    def test_shows_who_and_where(self, rule: Rule):
        """Its output names process, parent, command line, user, container, image and pod."""
        assert {
            "proc.name", "proc.pname", "proc.cmdline", "proc.exepath", "user.name", "container.id",
            "container.image.repository", "k8s.pod.name", "k8s.ns.name",
        } <= rule.shown.asked  # fmt: skip

    def test_is_asked_of_few_event_types(self, rule: Rule):
        """Its condition names the calls that it looks at, so that the sensor need not report all."""
        assert not rule.types.inverted
        assert rule.types.names

    def test_is_neither_chatter_nor_panic(self, rule: Rule):
        """It is a notice, a warning or critical; below and above that nobody would look."""
        assert rule.priority in {Priority.NOTICE, Priority.WARNING, Priority.CRITICAL}


def test_an_image_is_allowed_by_appending_to_a_list():
    """A user's own file makes a rule silent for one image and leaves it loud for all others."""
    text = (
        "- list: nonself_package_manager_images\n"
        "  items: [registry.example/ci/runner]\n"
        "  override: {items: append}\n"
    )
    loaded = _with(text)
    rules = RuleSet(loaded.rules)
    install = runs("apk add socat", proc__pname="sh", proc__pexe="sh")

    assert loaded.problems == ()
    assert _reported({**install, "container.image.repository": "registry.example/ci/runner"}, rules) == []
    assert _reported(install, rules) == ["Package manager run in a container"]


def test_a_probe_is_allowed_by_its_exact_command_line():
    """One command line is left out; another in the same container is reported."""
    text = (
        "- list: nonself_probe_command_lines\n"
        "  items: ['\"sh -c /srv/healthy.sh\"']\n"
        "  override: {items: append}\n"
    )
    rules = RuleSet(_with(text).rules)
    outside = {"proc__vpid": 44, "proc__pname": "runc"}

    assert _reported(runs("sh -c /srv/healthy.sh", **outside), rules) == []
    assert _reported(runs("sh -c id", **outside), rules) == ["Shell started from outside in a container"]


def test_a_condition_is_narrowed_and_a_rule_switched_off_from_outside():
    """`override` reaches every default rule: to narrow its condition, and to switch it off."""
    text = (
        "- rule: Configuration below etc changed\n"
        "  condition: and not (proc.name = confd and fd.name startswith /etc/haproxy/)\n"
        "  override: {condition: append}\n"
        "- rule: Times of a file set by hand\n"
        "  enabled: false\n"
        "  override: {enabled: replace}\n"
    )
    loaded = _with(text)
    rules = RuleSet(loaded.rules)

    assert loaded.problems == ()
    assert _reported(opens("/etc/haproxy/haproxy.cfg", "t", proc__name="confd"), rules) == []
    assert _reported(opens("/etc/hosts", "t", proc__name="orders"), rules) == [
        "Configuration below etc changed"
    ]
    assert _reported(runs("touch -r /a /b", proc__pname="sh", proc__pexe="sh"), rules) == []


def test_every_exception_of_an_image_is_a_list_that_can_be_appended_to():
    """Conditions compare images with lists only, so no image is built into a rule."""
    text = "".join(file.text for file in rule_files())
    compared = re.findall(r"container\.image\.repository (\S+ \S+)", text)
    compared = [each for each in compared if not each.startswith("namespace")]

    assert compared
    assert all(re.fullmatch(r"in \(nonself_\w+_images\)", each) for each in compared)


def test_macros_and_lists_keep_to_names_of_their_own():
    """Each begins with `nonself_`, so no other file can redefine one by chance; Falco's serve others only."""
    own = [file for file in rule_files() if not file.is_library]
    text = "".join(file.text for file in own)

    names = re.findall(r"^- (?:macro|list): (\S+)", text, re.MULTILINE)
    assert all(name.startswith("nonself_") for name in names)
    assert len(own) == len(rule_files()) - 1
    assert [each.condition for each in load(own).rules] == [each.condition for each in LOADED.rules]


@pytest.mark.skipif(not _UPSTREAM.exists(), reason="upstream's rule files are not at hand")
def test_they_load_beside_falcos_files_in_either_order():
    """Neither set takes a rule, macro or list from the other."""
    paths = sorted(_UPSTREAM.glob("*.yaml"))
    upstream = tuple(RuleFile(name=path.name, text=path.read_text()) for path in paths)
    alone = {rule.name: rule.condition for rule in load(upstream).rules}
    ours = {rule.name: rule.condition for rule in LOADED.rules}

    for both in ((*upstream, *rule_files()), (*rule_files(), *upstream)):
        loaded = load(both)
        assert loaded.ok
        assert {rule.name: rule.condition for rule in loaded.rules} == {**alone, **ours}


def test_a_process_that_only_calls_itself_a_runtime_is_reported():
    """The exception for the runtime asks for the parent's name as well."""
    mount = event("mount", evt__arg__type="ext4", proc__name="runc:[2:INIT]", proc__pname="orders")

    assert _reported(mount) == ["Mount in a container"]

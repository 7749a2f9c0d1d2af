"""The kernel is never told to keep back an open that a rule would match."""

from pathlib import Path

from hypothesis import given, strategies as st

from collector.events.layout import Access
from collector.rules.pushdown import Opens, opens_of, subscription
from signatures.loader import RuleFile, load
from signatures.ruleset import RuleSet
from tests.unit.collector.records import openat
from tests.unit.collector.rules.nodes import make_node, see

OPENS = "evt.type in (open, openat, openat2)"


def rules(*conditions: str) -> RuleSet:
    """Return a rule for each condition."""
    text = "".join(
        f"- rule: r{at}\n  desc: d\n  condition: >\n    {condition}\n  output: o\n  priority: INFO\n"
        for at, condition in enumerate(conditions)
    )
    loaded = load([RuleFile(name="r", text=text)])
    assert loaded.ok, loaded.errors
    return RuleSet(loaded.rules)


def opens(*conditions: str) -> Opens:
    """Return what the kernel is asked for."""
    return opens_of(rules(*conditions).enabled)


def test_paths_and_access_are_pushed_down() -> None:
    """A rule for reading certain files asks for nothing else."""
    found = opens(
        f"{OPENS} and evt.is_open_read=true and (fd.name startswith /etc/sh or fd.name in (/root/a, /root/b))"
    )

    assert found == {"/etc/sh": Access.READ, "/root/a": Access.READ, "/root/b": Access.READ}


def test_what_is_not_understood_asks_for_all() -> None:
    """A suffix, a name in any folder, a negation, another field."""
    for condition in (
        "fd.name endswith x",
        "fd.filename = x",
        "not fd.name startswith /etc",
        "proc.name = x",
        "fd.name != /x",
    ):
        assert opens(f"{OPENS} and {condition}") == {"": Access.READ | Access.WRITE}, condition


def test_the_narrower_of_two_demands_counts() -> None:
    """Both must hold, so one of them is enough to keep others back."""
    assert opens(f"{OPENS} and fd.name startswith /etc and fd.name endswith shadow") == {
        "/etc": Access.READ | Access.WRITE
    }
    assert opens(f"{OPENS} and fd.name startswith /etc and fd.directory = /etc/ssh") == {
        "/etc/ssh": Access.READ | Access.WRITE
    }
    assert opens(f"{OPENS} and fd.name startswith /etc and fd.name startswith /var") == {}


def test_branches_for_other_events_do_not_count() -> None:
    """An exec in the same rule has no path to compare."""
    found = opens("(evt.type = execve and proc.name = x) or (evt.type = openat and fd.name = /x)")

    assert found == {"/x": Access.READ | Access.WRITE}


def test_a_shorter_prefix_makes_longer_ones_needless() -> None:
    """Unless they are for something else."""
    reads, writes = f"{OPENS} and evt.is_open_read=true", f"{OPENS} and evt.is_open_write=true"
    found = opens(
        f"{reads} and fd.name startswith /etc",
        f"{reads} and fd.name = /etc/x",
        f"{writes} and fd.name = /etc/y",
    )

    assert found == {"/etc": Access.READ, "/etc/y": Access.WRITE}


def test_only_event_types_that_can_match_are_subscribed() -> None:
    """A rule that is off, or never holds, costs nothing."""
    found = subscription(rules("evt.type = connect and fd.sport = 1", "evt.type = ptrace and evt.num = 0"))

    assert found.types == {"connect"}
    assert not found.any_path
    assert not found.always_cwd


def test_the_working_directory_is_asked_for_where_a_rule_needs_it() -> None:
    """An exec tells it anyway."""
    assert not subscription(rules("evt.type = execve and proc.cwd = /tmp/")).always_cwd
    assert subscription(rules("evt.type = connect and proc.cwd = /tmp/")).always_cwd


PATHS = st.sampled_from(
    [
        "/etc/shadow",
        "/etc/passwd",
        "/etc",
        "/etc/ssh/key",
        "/var/log/x",
        "/x",
        "/etc/../x",
        "shadow",
        "//etc/shadow",
    ]
)
TEXTS = st.sampled_from(["/etc", "/etc/", "/etc/s", "/etc/shadow", "/var", "/x", "shadow", "..", "/etc/*"])
CHECKS = st.one_of(
    st.builds(
        "{} {} {}".format,
        st.sampled_from(["fd.name", "fd.nameraw", "fd.directory", "fd.filename", "fs.path.name"]),
        st.sampled_from(["=", "!=", "startswith", "endswith", "contains", "glob"]),
        TEXTS,
    ),
    st.builds("{} in ({}, {})".format, st.sampled_from(["fd.name", "fd.directory"]), TEXTS, TEXTS),
    st.builds("{} pmatch ({})".format, st.just("fd.name"), TEXTS),
    st.builds(
        "{}={}".format,
        st.sampled_from(["evt.is_open_read", "evt.is_open_write"]),
        st.sampled_from(["true", "false"]),
    ),
    st.builds("evt.arg.flags contains {}".format, st.sampled_from(["O_TRUNC", "O_CREAT", "O_CLOEXEC"])),
    st.sampled_from(["evt.type = openat", "evt.type = execve", "evt.res = SUCCESS"]),
)
CONDITIONS = st.recursive(
    CHECKS,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=6,
)


def passes(found: Opens, path: str, flags: int) -> bool:
    """Decide as `is_wanted` of collector/bpf/events.c does."""
    access = (Access.READ if flags & 3 != 1 else Access(0)) | (Access.WRITE if flags & 0o1103 else Access(0))
    plain = path.startswith("/") and not any(part in path for part in ("//", "/."))
    return not plain or any(path.startswith(prefix) and wanted & access for prefix, wanted in found.items())


@given(condition=CONDITIONS, path=PATHS, flags=st.sampled_from([0, 1, 2, 0o101, 0o1101, 0o100, 0o2000000]))
def test_no_open_that_a_rule_matches_is_kept_back(condition: str, path: str, flags: int) -> None:
    """For whatever condition, path and flags: if the rule holds, the kernel reports."""
    found = rules(f"{OPENS} and {condition}")
    event = see(make_node(Path("/nowhere")), openat(path.encode(), flags, directory=b"etc\0"))

    if next(found.match(event), None) is not None:
        assert passes(opens_of(found.enabled), path, flags)

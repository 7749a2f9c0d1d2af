"""The kernel is never told to keep back an open that a rule would match."""

from pathlib import Path

from hypothesis import given, strategies as st

from collector.events.layout import Access, Kind
from collector.events.sensor import Subscription
from collector.rules.pushdown import (
    ALL,
    CONTAINED,
    HOST,
    READING,
    WRITING,
    Opens,
    asks_for_containers,
    opens_of,
    subscription,
)
from signatures.loader import RuleFile, load
from signatures.ruleset import RuleSet
from tests.unit.collector.records import openat, record
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

    assert found == {"/etc/sh": READING, "/root/a": READING, "/root/b": READING}


def test_what_is_not_understood_asks_for_all() -> None:
    """A suffix, a name in any folder, a negation, another field."""
    for condition in (
        "fd.name endswith x",
        "fd.filename = x",
        "not fd.name startswith /etc",
        "proc.name = x",
        "fd.name != /x",
    ):
        assert opens(f"{OPENS} and {condition}") == {"": ALL}, condition


def test_the_narrower_of_two_demands_counts() -> None:
    """Both must hold, so one of them is enough to keep others back."""
    assert opens(f"{OPENS} and fd.name startswith /etc and fd.name endswith shadow") == {"/etc": ALL}
    assert opens(f"{OPENS} and fd.name startswith /etc and fd.directory = /etc/ssh") == {"/etc/ssh": ALL}
    assert opens(f"{OPENS} and fd.name startswith /etc and fd.name startswith /var") == {}


def test_branches_for_other_events_do_not_count() -> None:
    """An exec in the same rule has no path to compare."""
    found = opens("(evt.type = execve and proc.name = x) or (evt.type = openat and fd.name = /x)")

    assert found == {"/x": ALL}


def test_a_shorter_prefix_makes_longer_ones_needless() -> None:
    """Unless they are for something else."""
    reads, writes = f"{OPENS} and evt.is_open_read=true", f"{OPENS} and evt.is_open_write=true"
    found = opens(
        f"{reads} and fd.name startswith /etc",
        f"{reads} and fd.name = /etc/x",
        f"{writes} and fd.name = /etc/y",
    )

    assert found == {"/etc": READING, "/etc/y": WRITING}


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


def test_where_all_rules_ask_for_containers_the_host_is_kept_back() -> None:
    """Directly or by a macro; a single rule that asks for the host too lets its events pass."""
    contained = "evt.type in (connect, openat) and container.id != host"
    found = subscription(rules(contained, "evt.type = ptrace and container.id = host"))
    assert found.contained == {"connect", "openat"}
    assert found.any_path == CONTAINED
    assert asks_for_containers(found)

    mixed = subscription(rules(contained, "evt.type = connect and fd.sport = 1"))
    assert mixed.contained == {"openat"}
    assert asks_for_containers(mixed)
    assert not asks_for_containers(subscription(rules("evt.type = connect and fd.sport = 1")))
    assert not subscription(rules(contained), push_down=False).contained


def test_macros_are_seen_through() -> None:
    """As nearly all rule files have it."""
    text = """
- {macro: container, condition: (container.id != host)}
- {rule: r, desc: d, condition: evt.type = dup2 and container and fd.num = 0, output: o, priority: INFO}
"""
    loaded = load([RuleFile(name="r", text=text)])

    assert subscription(RuleSet(loaded.rules)).contained == {"dup2"}


def test_places_are_understood_turned_around_and_in_lists() -> None:
    """What is not understood is both."""
    for condition, place in (
        ("container.id = host", HOST),
        ("not container.id = host", CONTAINED),
        ("not container.id != host", HOST),
        ("container.id in (host, abc)", ALL),
        ("not container.id in (host, abc)", CONTAINED),
        ("not container.id in (abc)", ALL),
        ("container.id = abc", CONTAINED),
        ("container.id startswith h", ALL),
        ("toupper(container.id) != HOST", ALL),
        ("container.id exists", ALL),
        ("container.id != host and not container.id = abc", CONTAINED),
        ("(container.id = host and fd.num = 3) or container.id != host", ALL),
    ):
        assert opens(f"{OPENS} and ({condition})") == {"": place}, condition


def test_a_path_is_asked_for_in_its_place() -> None:
    """One rule's files on the host do not make another's."""
    found = opens(
        f"{OPENS} and container.id != host and fd.name startswith /etc",
        f"{OPENS} and evt.is_open_read=true and fd.name = /etc/shadow",
    )

    assert found == {"/etc": CONTAINED, "/etc/shadow": READING}


def test_ways_out_of_the_filter_are_not_taken_for_a_place() -> None:
    """A rule about winding paths alone needs no prefix, but does need the host."""
    assert subscription(rules(f"{OPENS} and fd.nameraw contains ..")).contained == frozenset()


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
    st.sampled_from(["evt.type = openat", "evt.type = execve", "evt.type = dup2", "evt.res = SUCCESS"]),
    st.builds(
        "container.id {} {}".format,
        st.sampled_from(["=", "!=", "startswith"]),
        st.sampled_from(["host", "4f4f"]),
    ),
    st.builds("container.id in ({}, {})".format, *[st.sampled_from(["host", "4f4f4f4f4f4f"])] * 2),
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


def passes(wanted: Subscription, path: str, flags: int, *, marked: bool) -> bool:
    """Decide on an openat as `on_call` and `is_wanted` of collector/bpf/events.c do."""
    if marked and "openat" in wanted.contained:
        return False
    access = (Access.READ if flags & 3 != 1 else Access(0)) | (Access.WRITE if flags & 0o1103 else Access(0))
    asked = Access(access << 2) if marked else Access(access | access << 2)
    plain = path.startswith("/") and not any(part in path for part in ("//", "/."))
    return (
        not plain
        or bool(wanted.any_path & asked)
        or any(path.startswith(prefix) and found & asked for prefix, found in wanted.prefixes.items())
    )


@given(
    condition=CONDITIONS,
    path=PATHS,
    flags=st.sampled_from([0, 1, 2, 0o101, 0o1101, 0o100, 0o2000000]),
    cgroup=st.sampled_from([5, 1]),
    marked=st.sampled_from(["marked", ""]),
)
def test_no_open_that_a_rule_matches_is_kept_back(
    condition: str, path: str, flags: int, cgroup: int, marked: str
) -> None:
    """For whatever condition, path, flags and place: if the rule holds, the kernel reports.

    A container (cgroup 5) is never marked as the host; the host may be or not yet.
    """
    found = rules(f"{OPENS} and {condition}")
    event = see(
        make_node(Path("/nowhere")),
        openat(path.encode(), flags, directory=b"etc\0", cgroup=cgroup),
    )

    if next(found.match(event), None) is not None:
        assert passes(subscription(found), path, flags, marked=bool(marked) and cgroup != 5)


@given(condition=CONDITIONS, cgroup=st.sampled_from([5, 1]))
def test_no_other_call_that_a_rule_matches_is_kept_back(condition: str, cgroup: int) -> None:
    """What is said of paths and access decides nothing of a call that opens nothing."""
    found = rules(f"evt.type in (openat, dup2, connect) and {condition}")
    event = see(make_node(Path("/nowhere")), record(Kind.CALL, "dup2", cgroup=cgroup))

    if next(found.match(event), None) is not None:
        assert cgroup == 5 or "dup2" not in subscription(found).contained


def test_a_prefix_beyond_ascii_is_pushed_down_as_its_bytes() -> None:
    """The kernel compares bytes; the prefix has one character for each."""
    assert list(opens("evt.type=openat and fd.name startswith /tmp/é")) == [
        "/tmp/é".encode().decode("latin-1")
    ]

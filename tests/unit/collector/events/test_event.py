"""Records of the kernel become values, and wrong ones a sentence."""

from pathlib import Path

import pytest

from collector.errors import SensorError
from collector.events import layout
from collector.events.catalogue import CALLS, event_name, reportable, slots
from collector.events.event import decode
from collector.events.layout import How, Kind, Mark, Tag
from signatures.event_types import known_event_types
from tests.unit.collector.records import exec_, raw

GOLDEN = Path(__file__).parents[3] / "golden" / "events"
OPENAT = raw(
    Kind.CALL,
    "openat",
    {Tag.PATH: b"shadow", Tag.DIRECTORY: b"etc\0"},
    (0xFFFFFF9C, 0x7F00, 0o2000000, 0),
    result=-13,
    marks=Mark.TRUNCATED,
    comm=b"cat",
)


def test_the_bytes_of_a_record_mean_what_they_meant() -> None:
    """The stored record of an openat decodes field by field."""
    stored = (GOLDEN / "openat-v1.bin").read_bytes()

    found = decode(stored)

    assert stored == OPENAT
    assert found.kind is Kind.CALL
    assert found.call.name == "openat"
    assert found.head.result == -13
    assert found.head.arg2 == 0o2000000
    assert found.text(Tag.PATH) == "shadow"
    assert found.path(Tag.DIRECTORY) == "/etc"
    assert found.truncated


def test_an_exec_tells_program_and_arguments() -> None:
    """Arguments are split at zeros, and an empty one stays."""
    found = exec_(b"cat\0\0-n\0", env=b"A=1\0B=2\0", flags=layout.UPPER)

    assert found.texts(Tag.ARGS) == ("cat", "", "-n")
    assert found.texts(Tag.ENV) == ("A=1", "B=2")
    assert found.path(Tag.EXE) == "/usr/bin/cat"
    assert found.program is not None
    assert found.program.flags == layout.UPPER


@pytest.mark.parametrize("cut", [0, 10, layout.HEAD.size - 1, layout.HEAD.size + 3])
def test_a_record_that_is_cut_off_is_refused(cut: int) -> None:
    """Nothing is read beyond the end."""
    with pytest.raises(SensorError, match="bytes; got"):
        decode(OPENAT[:cut])


def test_every_reportable_event_type_is_one_of_the_language() -> None:
    """A name that rules could not write would never be asked for."""
    assert reportable() <= known_event_types() | {"kexec_load", "pivot_root", "truncate", "ftruncate"}


def test_an_i386_call_is_captured_as_the_native_one() -> None:
    """open(2) is 2 natively and 5 on i386; both are reported as open."""
    found = slots(["open"])

    assert set(found) == {2, layout.COMPAT_SLOT + 5}
    assert {layout.CALL.unpack(call)[0] for call in found.values()} == {2}


def test_the_kernel_is_told_how_to_read_openat2() -> None:
    """Its flags lie in a structure, its path in the second argument, its directory in the first."""
    number, how, path, path2, directory, _, text, flags, *_ = layout.CALL.unpack(slots(["openat2"])[437])

    assert number == 437
    assert How(how) == How.ON | How.OPEN | How.HOW
    assert (path, path2, directory, text, flags) == (2, 0, 1, 0, 3)


def test_nothing_else_is_subscribed() -> None:
    """What no rule names costs one lookup in the kernel, and no record."""
    assert slots([]) == {}
    assert len(slots(["connect"])) == 2


def test_names_of_events_differ_from_those_of_calls_where_rules_differ() -> None:
    """pread64 is pread in a rule."""
    assert event_name("pread64") == "pread"
    assert all(event_name(name) in reportable() for name in CALLS)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    (GOLDEN / "openat-v1.bin").write_bytes(OPENAT)

"""The C header and its Python twin describe the same bytes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from collector.probe import CgroupEventKind
from collector.sensor import layout, ring
from collector.sensor.btf import read_kernel_types
from collector.sensor.compiler import SOURCES, defines
from collector.sensor.source import COUNTING
from wire import ngram, syscalls

PROGRAM = """
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
typedef uint64_t u64;
typedef uint32_t u32;
#include "layout.h"
#define FIELD(type, field) printf("%s.%s %zu\\n", #type, #field, offsetof(struct type, field))
#define SIZE(type) printf("%s %zu\\n", #type, sizeof(struct type))
#define NUMBER(name) printf("%s %llu\\n", #name, (unsigned long long)(name))
int main(void) {
    SIZE(line); FIELD(line, gram); FIELD(line, owner); FIELD(line, count);
    SIZE(control); FIELD(control, epoch); FIELD(control, generation);
    SIZE(container); FIELD(container, adopted_before); FIELD(container, ignored);
    SIZE(losses); FIELD(losses, epoch); FIELD(losses, claimed);
    FIELD(losses, table_full); FIELD(losses, quota); FIELD(losses, untracked);
    FIELD(event, cgroup_id); FIELD(event, kind); FIELD(event, pid); FIELD(event, path);
    NUMBER(WAYS); NUMBER(PATH_BYTES); NUMBER(EVENT_BORN); NUMBER(EVENT_DIED); NUMBER(EVENT_WATCHED);
    NUMBER(STAT_DROPPED_EVENTS); NUMBER(STAT_UNWATCHED);
    NUMBER(TOKEN_BITS); NUMBER(GRAM_MASK); NUMBER(INJECTED); NUMBER(OVER_QUOTA);
    NUMBER(NATIVE_OTHER); NUMBER(COMPAT_BASE); NUMBER(COMPAT_OTHER);
}
"""


@pytest.fixture
def compiled(tmp_path: Path) -> dict[str, int]:
    """What the host's C compiler says of the header."""
    if not shutil.which("gcc"):
        pytest.skip("needs gcc to ask for the header's offsets")
    source, program = tmp_path / "layout.c", tmp_path / "layout"
    source.write_text(PROGRAM)
    subprocess.run(["gcc", f"-I{SOURCES}", "-o", program, source], check=True)
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in (line.split() for line in said.splitlines())}


def test_every_offset_and_number_is_the_same_in_c_and_python(compiled: dict[str, int]) -> None:
    """A field that moves on one side alone would be read as another."""
    ours = {
        "WAYS": layout.WAYS,
        "PATH_BYTES": layout.PATH_BYTES,
        "EVENT_BORN": layout.BORN,
        "EVENT_DIED": layout.DIED,
        "EVENT_WATCHED": layout.WATCHED,
        "STAT_DROPPED_EVENTS": layout.STAT_DROPPED_EVENTS,
        "STAT_UNWATCHED": layout.STAT_UNWATCHED,
        "TOKEN_BITS": ngram.TOKEN_BITS,
        "GRAM_MASK": ngram.GRAM_MASK,
        "INJECTED": ngram.INJECTED,
        "OVER_QUOTA": layout.OVER_QUOTA,
        "NATIVE_OTHER": syscalls.NATIVE_OTHER,
        "COMPAT_BASE": syscalls.COMPAT_BASE,
        "COMPAT_OTHER": syscalls.COMPAT_OTHER,
        "event.cgroup_id": 0,
        "event.kind": 8,
        "event.pid": 12,
        "event.path": layout.EVENT.size,
    }
    for name in ("line", "control", "container", "losses"):
        kind = getattr(layout, name.upper())
        ours[name] = kind.itemsize
        ours |= {f"{name}.{field}": at for field, (_, at, *_) in kind.fields.items() if field != "unused"}

    assert compiled == ours


def test_a_line_is_one_cache_line() -> None:
    """A hit touches one line of the processor's cache, never two."""
    assert layout.LINE.itemsize == 64


def test_every_kind_of_event_is_read() -> None:
    """No record of the ring buffer is of a kind that Python does not know."""
    assert set(ring._KINDS.values()) == set(CgroupEventKind)


@pytest.mark.kernel
def test_every_macro_the_source_uses_is_given() -> None:
    """Each offset in the C source is one that user space looks up, and none is looked up in vain."""
    used = set(re.findall(r"\bOFF_\w+", (SOURCES / "sensor.c").read_text())) - {"OFF_"}

    assert used == set(defines(read_kernel_types(), COUNTING, {}))

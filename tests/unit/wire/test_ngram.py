"""N-grams and syscall tables: packing loses nothing, names are the kernel's."""

import pytest
from hypothesis import given, strategies as st

from wire.errors import MalformedError, UnknownSyscallTableError
from wire.ngram import INJECTED, N, is_injected, names, pack, tokens
from wire.syscalls import COMPAT_BASE, TOKENS, load_table

TABLE = load_table("x86_64")


@given(st.lists(st.integers(0, TOKENS - 1), min_size=N, max_size=N), st.booleans())
def test_packing_is_reversible(sequence: list[int], injected: bool) -> None:  # noqa: FBT001 - drawn
    """Six tokens and the mark come back as they went in."""
    packed = pack(sequence, injected=injected)

    assert tuple(sequence) == tokens(packed)
    assert injected == is_injected(packed)
    assert 0 <= packed < INJECTED << 1


@pytest.mark.parametrize("sequence", [[0] * 7, [-1], [TOKENS]])
def test_what_does_not_fit_is_refused(sequence: list[int]) -> None:
    """Seven tokens, or a token out of range, raise MalformedError."""
    with pytest.raises(MalformedError):
        pack(sequence)


@given(st.integers(1, TOKENS - 1))
def test_every_token_has_a_name(token: int) -> None:
    """A number newer than the table is shown by number, never dropped."""
    assert TABLE.name(token)


@pytest.mark.parametrize(
    ("name", "number"), [("read", 0), ("execve", 59), ("exit_group", 231), ("mseal", 462)]
)
def test_native_numbers_are_the_kernels(name: str, number: int) -> None:
    """A token is the call's number plus one (arch/x86/entry/syscalls/syscall_64.tbl)."""
    assert number + 1 == TABLE.token(name)


@pytest.mark.parametrize(("name", "number"), [("exit", 1), ("open", 5), ("socketcall", 102)])
def test_compat_numbers_are_a_table_of_their_own(name: str, number: int) -> None:
    """A 32-bit call is marked, since its number means another call (syscall_32.tbl)."""
    assert COMPAT_BASE + number == TABLE.token(name, compat=True)
    assert TABLE.name(COMPAT_BASE + number) == f"compat:{name}"


def test_names_leave_out_the_filling() -> None:
    """A thread's first call is shown alone."""
    assert names(pack([TABLE.token("brk")]), TABLE) == ["brk"]


def test_an_unknown_architecture_is_refused_by_name() -> None:
    """The message names what was asked for and what there is."""
    with pytest.raises(UnknownSyscallTableError, match=r"'vax'.*x86_64"):
        load_table("vax")


def test_an_unknown_call_is_refused() -> None:
    """Asking for a call that the table lacks raises KeyError."""
    with pytest.raises(KeyError):
        TABLE.token("frobnicate")

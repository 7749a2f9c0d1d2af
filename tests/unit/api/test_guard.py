"""Which addresses a channel may reach."""

import pytest
from hypothesis import given, strategies as st

from api.guard import Guard, GuardError


def guard(*found: str, allow: str = "") -> Guard:
    """Return a guard for whom every name has these addresses."""
    made = Guard.of(allow)
    return Guard(made.allowed, made.names, lambda _host, _port: found)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_what_is_not_public_is_refused(address: str) -> None:
    """Whatever name leads there, and in whatever form of IPv6 it is wrapped."""
    with pytest.raises(GuardError, match="not a public address"):
        guard(address).check("hooks.example", 443)


def test_one_forbidden_address_is_enough() -> None:
    """A name with a public address beside a private one is refused."""
    with pytest.raises(GuardError, match=r"hooks.example is 10.0.0.1, which is not"):
        guard("93.184.216.34", "10.0.0.1").check("hooks.example", 443)


@pytest.mark.parametrize(
    ("allow", "address", "fine"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.0.0.1", True),
        ("10.0.0.0/8", "192.168.0.1", False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("fd00::/8", "fd00::5", True),
        ("10.0.0.0/8", "169.254.169.254", False),
        ("alertmanager.monitoring", "10.1.2.3", False),
        ("HOOKS.example., 1.2.3.4", "10.1.2.3", True),
    ],
)
def test_settings_allow_networks_and_names(allow: str, address: str, fine: bool) -> None:  # noqa: FBT001
    """And nothing beside them."""
    made = guard(address, allow=allow)
    if fine:
        assert made.check("hooks.example", 443) == address
    else:
        with pytest.raises(GuardError):
            made.check("hooks.example", 443)


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "10.0.0", "host/24", "1.2.3.4.5"])
def test_a_setting_that_is_neither_network_nor_name_is_refused(wrong: str) -> None:
    """A network with bits beyond its length too: which one was meant?"""
    with pytest.raises(ValueError, match="networks or names"):
        Guard.of(wrong)


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "64:ff9b::{}"]))
def test_no_form_of_ipv6_makes_an_address_public(address, form: str) -> None:
    """What is refused as IPv4 is refused within IPv6."""
    plain, wrapped = guard(str(address)), guard(form.format(address))
    try:
        plain.check("hooks.example", 443)
    except GuardError:
        with pytest.raises(GuardError):
            wrapped.check("hooks.example", 443)
    else:
        assert wrapped.check("hooks.example", 443)

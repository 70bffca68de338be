"""The guarded network: which addresses may be connected to, in all their spellings."""

from __future__ import annotations

import ipaddress
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.guarded_network import Reach, Unresolved, checked, literal, reach
from sekisho_feeds.harvest import FeedError

PRIVATE = (
    "127.0.0.1", "127.255.255.254", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:a00:1",
    "::127.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::",
    "2002:c0a8:101::1", "2001:0:5db8:d822:0:0:80ff:fffe", "2001:db8::1", "2606:4700::5efe:7f00:1",
)  # fmt: skip
NOWHERE = (
    "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "ff02::1",
    "::ffff:0.0.0.0", "64:ff9b::e000:1", "64:ff9b::", "2002:e000:1::", "4000::1", "100::1:0:1",
)  # fmt: skip
PUBLIC = ("1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1")


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses(text: str) -> None:
    """Private, loopback and link-local addresses are known, also inside IPv6 addresses that carry them (C28)."""
    assert reach(ipaddress.ip_address(text)) is Reach.PRIVATE
    with pytest.raises(FeedError, match="a private address"):
        checked(text, 443, False, 1.0)


@pytest.mark.parametrize("text", NOWHERE)
def test_addresses_of_no_host(text: str) -> None:
    """Multicast, reserved and unspecified addresses are refused even where private ones are allowed (C28)."""
    assert reach(ipaddress.ip_address(text)) is not Reach.PUBLIC
    with pytest.raises(FeedError):
        checked(text, 443, False, 1.0)


@pytest.mark.parametrize("text", [text for text in NOWHERE if text != "100::1:0:1"])
def test_addresses_of_no_host_are_never_allowed(text: str) -> None:
    """Leave for private addresses is no leave for those."""
    with pytest.raises(FeedError, match="an address that no host has"):
        checked(text, 443, True, 1.0)


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses(text: str) -> None:
    """Public addresses pass, and the answer is the very address that was checked."""
    assert [ipaddress.ip_address(one) for one in checked(text, 443, False, 1.0)] == [ipaddress.ip_address(text)]


@pytest.mark.parametrize(
    "host",
    ["127.1", "0x7f000001", "0x7f.1", "2130706433", "017700000001", "0177.0.0.1", "127.0.0.01", "[::1]",
     "127.0.0.1.", "[::ffff:7f00:1]", "0x7f.0x0.0x0.0x1", "::1%lo"],
)  # fmt: skip
def test_spellings_of_loopback(host: str) -> None:
    """Hexadecimal, octal, decimal and shortened spellings are the addresses that a resolver makes of them (C28)."""
    found = literal(host)
    assert found is not None and reach(found) is Reach.PRIVATE


@pytest.mark.parametrize("host", ["", "example.jp", "0x7f.example.jp", "1.2.3.4.5", "127.0.0.1 x", "٣.٣.٣.٣", "a\0b"])
def test_names_are_no_addresses(host: str) -> None:
    """What is a name is left to the resolver."""
    assert literal(host) is None


@given(st.integers(0, 2**32 - 1))
def test_carried_addresses_reach_no_farther(bits: int) -> None:
    """An IPv6 address that carries an IPv4 address is let through only where that one is."""
    bare = ipaddress.IPv4Address(bits)
    for network in ("::ffff:0:0", "64:ff9b::"):
        carrier = ipaddress.IPv6Address(int(ipaddress.IPv6Address(network)) | bits)
        assert reach(carrier) is reach(bare)


@given(st.ip_addresses())
def test_public_is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Nothing is public that the registries of special addresses do not call globally reachable."""
    if reach(address) is Reach.PUBLIC and address.version == 4:
        assert address.is_global and not address.is_multicast


def test_one_bad_address_refuses_all() -> None:
    """A name that has a private address beside a public one is refused whole."""
    with pytest.raises(FeedError, match=r"mixed\.example is at 10\.0\.0\.1"):
        checked("mixed.example", 443, False, 1.0, lambda host, port: ["1.1.1.1", "10.0.0.1"])


def test_name_without_an_answer() -> None:
    """No address, a fault and no answer in time each say so."""

    def fails(host: str, port: int) -> list[str]:
        raise OSError("no")

    with pytest.raises(Unresolved, match="cannot be resolved"):
        checked("none.example", 443, False, 5.0, fails)
    with pytest.raises(Unresolved, match="cannot be resolved"):
        checked("none.example", 443, False, 5.0, lambda host, port: [])
    never = threading.Event()
    with pytest.raises(Unresolved, match="in time"):
        checked("slow.example", 443, False, 0.05, lambda host, port: [str(never.wait(5))])
    never.set()

from __future__ import annotations

import pytest

from strongroom.providers.addresses import AddressRefused, Origin, Reach, is_loopback

PLACE = Origin("https", "files.example", 443)

PRIVATE = [
    "10.0.0.1", "172.16.5.5", "192.168.1.1", "100.64.0.1", "169.254.169.254", "192.0.0.192", "198.18.0.1",
    "203.0.113.7", "240.0.0.1", "255.255.255.255", "fe80::1", "fe80::1%eth0", "fd00::1", "fec0::1", "2001:db8::1",
    "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:0a00:0001::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::10.0.0.1",
    "2001:0:0a00:1::1",
]  # fmt: skip
LOOPBACK = ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"]
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:0808:0808::1"]
NEVER = ["0.0.0.0", "::", "224.0.0.1", "239.1.1.1", "ff02::1", "::ffff:224.0.0.1", "::ffff:0.0.0.0"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_reached(address: str) -> None:
    Reach().check(PLACE, [address])


@pytest.mark.parametrize("address", [*PRIVATE, *LOOPBACK, *NEVER])
def test_no_other_address_is_reached_by_default(address: str) -> None:
    with pytest.raises(AddressRefused):
        Reach().check(PLACE, [address])


@pytest.mark.parametrize("address", [*PRIVATE, *LOOPBACK])
def test_private_addresses_can_be_allowed(address: str) -> None:
    Reach(allow_private=True).check(PLACE, [address])


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_no_servers_at_all(address: str) -> None:
    with pytest.raises(AddressRefused):
        Reach(allow_private=True, allow_loopback=True).check(PLACE, [address])


@pytest.mark.parametrize("address", PRIVATE)
def test_allowing_loopback_allows_no_private_network(address: str) -> None:
    with pytest.raises(AddressRefused):
        Reach(allow_loopback=True).check(PLACE, [address])


@pytest.mark.parametrize("bad", ["10.0.0.1", "127.0.0.1", "not-an-address"])
def test_one_bad_address_among_good_ones_is_enough(bad: str) -> None:
    with pytest.raises(AddressRefused):
        Reach().check(PLACE, ["8.8.8.8", bad, "8.8.4.4"])


@pytest.mark.parametrize("address", ["8.8.8.8", "10.0.0.1"])
def test_plain_http_is_for_loopback_even_when_all_else_is_allowed(address: str) -> None:
    generous = Reach(allow_private=True, allow_loopback=True)
    with pytest.raises(AddressRefused, match="without encryption"):
        generous.check(Origin("http", "files.example", 80), [address])
    with pytest.raises(AddressRefused, match="without encryption"):
        generous.admit(Origin("http", "files.example", 80))
    generous.check(Origin("http", "localhost", 80), ["127.0.0.1", "::1"])


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("zavu.dev", True),
        ("storage.zavu.dev", True),
        ("evilzavu.dev", False),
        ("zavu.dev.evil.example", False),
        ("8.8.8.8", False),
    ],
)
def test_host_suffixes_match_whole_labels(host: str, admitted: bool) -> None:
    reach = Reach(hosts=(".Zavu.dev",))
    if admitted:
        reach.admit(Origin("https", host, 443))
    else:
        with pytest.raises(AddressRefused, match="allowed download hosts"):
            reach.admit(Origin("https", host, 443))


def test_only_numbers_and_localhost_name_this_machine_by_themselves() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "localhost.evil.example", "8.8.8.8")] == [
        True, True, True, False, False,
    ]  # fmt: skip

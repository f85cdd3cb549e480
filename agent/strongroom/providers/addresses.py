"""Addresses: links read by one strict grammar, and which machines may be connected to.

With one grammar, no two readers can disagree about a link's host. A link's target may carry a token, so neither `str`
nor `repr` shows it. Names are resolved once, every address is checked, and only a checked one is connected to, so that
a second look-up cannot lead elsewhere (DNS rebinding).

Refused unless configured: every address that is not globally reachable (IANA special-purpose registries, RFC 6890),
also when it hides inside an IPv6 address (mapped, NAT64, 6to4, Teredo). Plain http is only for loopback.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin

from msgspec import Struct

_ADDRESS = re.compile(
    r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][\x21-\x7e]*)?"
)
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_OPENING = re.compile(r"[A-Za-z]+://[^/?#]*")
_UNWRITABLE = re.compile(r"[^\x00-\x1f\x21-\x7f]+")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_PORTS = {"http": 80, "https": 443}
_LONGEST = 16_384


class BadLink(ValueError):
    """The text is not an http or https address that we accept. The message never quotes it."""


class Origin(Struct, frozen=True):
    """Scheme, host and port: two addresses belong together only when all three are equal."""

    scheme: str
    host: str  # lower case; an IPv6 address without its brackets
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


@dataclass(frozen=True, slots=True)
class Link:
    """An address: where to connect, and what to request there, byte for byte as given (signatures cover it)."""

    origin: Origin
    target: str = field(default="/", repr=False)

    def __str__(self) -> str:
        return str(self.origin)


def parse_link(text: str) -> Link:
    """Read an absolute address; user names, other schemes, odd characters and odd hosts raise BadLink."""
    address = _ADDRESS.fullmatch(text.partition("#")[0]) if len(text) <= _LONGEST else None
    if address is None:
        raise BadLink("not a plain http or https address")
    scheme = address["scheme"].lower()
    port = int(address["port"]) if address["port"] else _PORTS[scheme]
    if not 0 < port < 65_536:
        raise BadLink(f"the port must be 1 to 65535, got {port}")
    target = address["target"] or "/"
    origin = Origin(scheme, _read_host(address["host"]), port)
    return Link(origin, target if target.startswith("/") else f"/{target}")


def parse_locator(text: str) -> Link:
    """Read a download link as a provider gives it; raises BadLink.

    A space or a letter beyond ASCII after the host is percent-encoded; existing escapes stay as they are.
    Control characters are refused.
    """
    text = text.strip()
    opening = _OPENING.match(text)
    start = opening.end() if opening else 0
    try:
        return parse_link(text[:start] + _UNWRITABLE.sub(lambda found: quote(found[0]), text[start:]))
    except UnicodeEncodeError:
        raise BadLink("not a plain http or https address") from None


def follow_link(base: Link, location: str) -> Link:
    """Return where a redirect from `base` leads; raises BadLink."""
    location = quote(location, safe=_PRINTABLE)
    if _ABSOLUTE.match(location):
        return parse_link(location)
    try:
        return parse_link(urljoin(f"{base.origin}{base.target}", location))
    except ValueError:
        raise BadLink("not a plain http or https address") from None


def _read_host(host: str) -> str:
    """Return the host in lower case; a number must be an address, a name must be made of labels."""
    bare = host.strip("[]")
    try:
        if bare != host:
            return str(ipaddress.IPv6Address(bare))
        if re.fullmatch(r"[0-9]+(?:\.[0-9]+){3}", host):
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise BadLink("its host is not an address") from None
    if not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise BadLink("its host is not a name")
    return host.lower()


Resolver = Callable[[str, int], Sequence[str]]
"""Gives the numeric addresses of a host; raises OSError where there are none."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "100::/64", "3fff::/20", "5f00::/16")
)


class AddressRefused(Exception):
    """Policy forbids connecting there. The message is for a person; `hint` says how to allow it, or is empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def resolve_by_system(host: str, port: int) -> list[str]:
    """Ask the operating system for a host's addresses, in its order of preference. May block for long."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Reach(Struct, frozen=True):
    """How far connections may go."""

    allow_private: bool = False
    allow_loopback: bool = False  # the configured API itself is on loopback
    hosts: tuple[str, ...] = ()  # suffixes that download hosts must have; empty allows every public host

    def admit(self, origin: Origin) -> None:
        """Check what is known without a look-up: suffix, scheme, a numeric host. Raises AddressRefused."""
        if self.hosts and not any(_under(origin.host, suffix) for suffix in self.hosts):
            raise AddressRefused(
                f"{origin.host} is not one of the allowed download hosts ({', '.join(self.hosts)})",
                "add the host to download_hosts if it belongs to the provider",
            )
        if origin.scheme != "https" and not is_loopback(origin.host):
            raise _unencrypted(origin)
        if (address := _numeric(origin.host)) is not None:
            self._check(origin, address)

    def check(self, origin: Origin, addresses: Sequence[str]) -> None:
        """Check all resolved addresses; a single forbidden one raises AddressRefused."""
        for text in addresses:
            address = _numeric(text)
            if address is None:
                raise AddressRefused(f"{origin.host} has an address that cannot be read")
            self._check(origin, address)

    def _check(self, origin: Origin, address: Address) -> None:
        faces = list(_faces(address))
        if any(face.is_multicast or face.is_unspecified for face in faces):
            raise AddressRefused(f"{origin.host} resolves to {address}, which no server can have")
        if faces[-1].is_loopback:
            self._check_loopback(origin, address)
            return
        if origin.scheme != "https":
            raise _unencrypted(origin)
        if not self.allow_private and any(map(_is_special, faces)):
            raise AddressRefused(
                f"{origin.host} resolves to the private or reserved address {address}",
                "set allow_private_addresses = true for this source if you mean it",
            )

    def _check_loopback(self, origin: Origin, address: Address) -> None:
        if not (self.allow_loopback or self.allow_private):
            raise AddressRefused(
                f"{origin.host} resolves to this machine ({address})",
                "set allow_private_addresses = true for this source if you mean it",
            )


def _unencrypted(origin: Origin) -> AddressRefused:
    return AddressRefused(
        f"{origin.host} cannot be used without encryption (http)", "use https: http is allowed only for loopback"
    )


def is_loopback(host: str) -> bool:
    """Say whether the host names this machine by itself, without a look-up."""
    address = _numeric(host)
    return host == "localhost" if address is None else address.is_loopback


def _numeric(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _faces(address: Address) -> Iterator[Address]:
    """Yield the address and every IPv4 address inside it; the last is where a packet would end."""
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped


def _is_special(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None or address.sixtofour is not None or address in _NAT64:
            return False  # judged by the address inside; versions of Python disagree about 6to4 itself
        if address.is_site_local or address.scope_id:
            return True
    listed = any(address.version == network.version and address in network for network in _SPECIAL)
    return listed or address.is_reserved or not address.is_global


def _under(host: str, suffix: str) -> bool:
    suffix = suffix.lower().lstrip(".")
    return host == suffix or host.endswith(f".{suffix}")

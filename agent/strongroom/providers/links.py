"""Links: an http or https address read by one strict grammar, so that no two readers can disagree about its host.

A link's target may carry a token. Neither `str` nor `repr` shows it.
"""

from __future__ import annotations

import ipaddress
import re
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
    """An address: where to connect, and what to ask for there, byte for byte as it was given (signatures cover it)."""

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

    A raw space or a letter beyond ASCII behind the host is percent-encoded, once; escapes that are there stay as they
    are. Control characters are refused.
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

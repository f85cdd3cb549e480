"""Addresses in a configuration: encrypted, without credentials in them, and private ones only where allowed."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from strongroom.config.problem import Unfit, describe

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"localhost|{_LABEL}(?:\.{_LABEL})+", re.ASCII)
_URL = re.compile(r"[!-~]{1,2000}", re.ASCII)


def parse_base_url(value: object) -> str:
    """Take an API's address: https, or http to this very machine; no query, fragment or credentials in it."""
    parts = _split(value)
    allowed = parts is not None and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(value)))
    if parts is None or not isinstance(value, str) or not allowed or parts.query or parts.fragment:
        raise Unfit("an https address such as https://api.example.com (http only on this machine)", _got(value, parts))
    return value.rstrip("/")


def parse_proxy(value: object) -> str:
    """Take a proxy's address: http or https, a host and perhaps a port; no credentials in it."""
    parts = _split(value)
    if parts is None or not isinstance(value, str) or parts.scheme not in ("http", "https") or parts.path.strip("/"):
        raise Unfit("a proxy such as http://proxy.example.com:3128", _got(value, parts))
    return value.rstrip("/")


def parse_host(value: object) -> str:
    """Read a host name that covers itself and all names under it; a top-level domain alone is too wide."""
    if not isinstance(value, str) or not _HOST.fullmatch(value.lower()):
        raise Unfit("a host name such as storage.example.com, without https:// and *", describe(value))
    return value.lower()


def is_loopback(url: object) -> bool:
    """Say whether an address names this very machine."""
    host = _host(url)
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_private(url: object) -> bool:
    """Say whether an address names, without looking it up, something that is not on the public internet."""
    host = _host(url)
    address = _address(host)
    return host == "localhost" or (address is not None and not address.is_global)


def _host(url: object) -> str:
    parts = _split(url)
    return (parts.hostname or "") if parts else ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _split(value: object) -> SplitResult | None:
    """Return the parts of a sound address without credentials, or None."""
    if not isinstance(value, str) or not _URL.fullmatch(value):
        return None
    try:
        parts = urlsplit(value)
        sound = parts.hostname and parts.port != 0 and "@" not in parts.netloc and "\\" not in value
    except ValueError:
        return None
    return parts if sound else None


def _got(value: object, parts: SplitResult | None) -> str:
    if parts is None or not parts.hostname:
        if isinstance(value, str) and "@" in value:
            return "an address with credentials in it (not shown)"
        return describe(value)
    extra = " with a query or fragment" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{parts.hostname}{extra}"

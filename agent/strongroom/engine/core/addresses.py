"""Where each source is asked, in the log: who changes an address can put a server of their own behind it.

What was entered last stands in the catalogue too, so that a start needs not read the log. It decides nothing: an
address vouches for the time only where the log records it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from strongroom.config.schema import NetworkSettings, SourceSettings
from strongroom.engine.core.engine import SourceAccount
from strongroom.evidence.line import Entry
from strongroom.model.time_log import ADDRESS, BUILT_IN
from strongroom.vault.catalogue import FACT, PUT_FACT, Catalogue
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault

_SHORT = 16  # hex digits that stand for what is not written out


def address_of(settings: SourceSettings, network: NetworkSettings) -> str:
    """Return where a source is asked: its origin, and what stands for a proxy and for authorities of the house.

    Empty where the adapter's own address is asked directly, under the built-in roots.
    """
    parts = [_origin(settings.base_url)] if settings.base_url else []
    parts += [f"proxy:{_digest(network.proxy.encode())}"] if network.proxy else []
    parts += [f"authorities:{_digest(_content(network.ca_file))}"] if network.ca_file else []
    return " ".join(parts)


def note_addresses(vault: Vault, sources: Mapping[str, SourceAccount], now: datetime) -> None:
    """Enter each source's address that is another than the last one; a built-in one only after another."""
    if not _changed(vault.catalogue, sources):
        return
    with vault.catalogue.transaction():
        for source in _changed(vault.catalogue, sources):
            vault.catalogue.write(PUT_FACT, _fact(source.name), source.address)
            facts = {"source": source.name, "address": source.address}
            add_entry(vault.catalogue, Entry(ADDRESS, now, facts=facts))
    vault.write_log()


def _changed(catalogue: Catalogue, sources: Mapping[str, SourceAccount]) -> list[SourceAccount]:
    return [each for each in sources.values() if each.address != _entered(catalogue, each.name)]


def _entered(catalogue: Catalogue, source: str) -> str:
    row = catalogue.read_one(FACT, _fact(source))
    return str(row["value"]) if row else BUILT_IN


def _fact(source: str) -> str:
    return f"address of {source}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or {'http': 80}.get(parts.scheme, 443)}"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # whoever connects says what is wrong with it


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_SHORT]

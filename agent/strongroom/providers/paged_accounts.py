"""The lists of the built-in providers whose records can be collected by paging: as manifests, for the option `collect`.

Sources: the vendors' pages on listing messages, November 2026. Not tried on a live account.

* Zavu, `GET /v1/messages`: cursor, limit, channel, status and to, no range of time. Its order is not documented; from
  the newest to the oldest is expected, and checked on every page.
* Qlara, `GET /messages/history`: one channel, a range with both ends, numbered pages. Its order is not documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from strongroom.model.errors import UsageError
from strongroom.model.manifest import About, AccountLimits, Auth, CollectRequest, ErrorWords, FilterKey, Manifest
from strongroom.model.manifest import ManifestDataset as Dataset
from strongroom.model.manifest import RequestedWindow as Range
from strongroom.model.manifest_words import AuthKind, Paging, Precision, WindowEnds
from strongroom.providers.manifest_provider import build_manifest
from strongroom.providers.port import Provider, ProviderSettings

_LOOK = timedelta(seconds=1)

_ZAVU = Manifest(
    About("Zavu", "https://api.zavu.dev"),
    {"messages": Dataset(id="id", time="createdAt", always=("id", "to", "channel", "status", "createdAt"))},
    collect=CollectRequest(
        "/v1/messages", "items", paging=Paging.CURSOR, next="nextCursor", page_key="cursor", size_key="limit"
    ),
    window=Range(WindowEnds.HALF_OPEN, precision=Precision.MICROSECOND),
    limits=AccountLimits(1, None, _LOOK, timedelta(seconds=5), 90),
    errors=ErrorWords("code", "message", retry_after="details.retryAfter"),
    filters={name: FilterKey() for name in ("channel", "status", "to")},
)
_QLARA = Manifest(
    About("Qlara", "https://lora-api.agiletelecom.com/api/partner-gateway/v1"),
    {"message-history": Dataset(id="messageId", time="sendDate")},
    auth=Auth(AuthKind.HEADER, "X-Api-Key"),
    collect=CollectRequest(
        "/messages/history",
        "messages || @",
        {"from": "{lower}", "to": "{upper}"},
        Paging.PAGE,
        page_key="page",
        size_key="limit",
    ),
    window=Range(WindowEnds.INCLUSIVE, precision=Precision.SECOND),
    limits=AccountLimits(1, None, _LOOK, timedelta(seconds=5)),
    errors=ErrorWords("error", "message", retry_after="retryAfter"),
    filters={"channel": FilterKey(values=("SMS", "RCS", "WHATSAPP")), "status": FilterKey()},
)

PAGED: Mapping[str, Manifest] = MappingProxyType({"zavu": _ZAVU, "qlara": _QLARA})
"""By the name of the adapter."""


def build_paged(provider: str, settings: ProviderSettings) -> Provider:
    """Return the adapter that collects a built-in provider's records by paging. Raises UsageError."""
    how, manifest = settings.options["collect"], PAGED.get(provider)
    if manifest is None:
        raise UsageError(f"{provider} has no list to collect records from", hint="remove the option collect")
    if how != "paging":
        raise UsageError(f"the option collect is {how!r}", hint='write collect = "paging", or remove it')
    options = {name: value for name, value in settings.options.items() if name != "collect"}
    return build_manifest(manifest, replace(settings, options=MappingProxyType(options)))

"""A Zavu adapter with canary secrets, and the two exports that the vendor's guide shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from kit.http_policies import KEY, NOW, SMALL, TOKEN
from strongroom.model.plan import ExportSpec
from strongroom.model.window import Window
from strongroom.providers.port import Provider
from strongroom.providers.registry import ProviderSettings, build

DAY = Window(datetime(2026, 10, 30, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC))
SPEC = ExportSpec(("conversations", "messages"), DAY)
PENDING = {
    "id": "exp_abc123",
    "status": "pending",
    "dataTypes": ["messages", "conversations"],
    "dateFrom": "2026-10-30T00:00:00.000Z",
    "dateTo": "2026-10-31T00:00:00.000Z",
    "expiresAt": "2026-11-02T10:30:00.000Z",
    "createdAt": "2026-11-01T10:30:00.000Z",
}
LINK = f"https://storage.zavu.dev/exports/exp_abc123.zip?token={TOKEN}"
COMPLETED = PENDING | {
    "status": "completed",
    "downloadUrl": LINK,
    "fileSize": 1048576,
    "completedAt": "2026-11-01T10:32:00.000Z",
}


def zavu(url: str = "https://api.example", **more: Any) -> Provider:
    return build("zavu", ProviderSettings(api_key=lambda: KEY, clock=lambda: NOW, base_url=url, bounds=SMALL, **more))


def body(**content: object) -> bytes:
    return json.dumps(content).encode()

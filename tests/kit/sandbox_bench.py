"""A sandbox with a client at its API and a clock that stands still until it is moved."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.options import ZavuOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings
from strongroom_sandbox.zavu_records import DataOptions

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = {"dateFrom": "2026-11-10T00:00:00Z", "dateTo": "2026-11-10T23:59:59.999Z"}


class Bench:
    def __init__(self, **settings: Any) -> None:
        self.sandbox = Sandbox(SandboxSettings(**settings), clock=SandboxClock.stopped_at(NOW)).start()
        self.api = httpx.Client(
            base_url=self.sandbox.api_url,
            headers={"Authorization": f"Bearer {self.sandbox.api_key}"},
            timeout=60,
            trust_env=False,
            verify=False,  # plain HTTP only; reading the system's certificates would take most of a test's time
        )
        self.plain = httpx.Client(timeout=60, trust_env=False, verify=False)

    def close(self) -> None:
        self.api.close()
        self.plain.close()
        self.sandbox.stop()

    def create(self, *data_types: str, **body: Any) -> httpx.Response:
        return self.api.post("/v1/exports", json={"dataTypes": list(data_types or ("messages",)), **(body or DAY)})

    def get(self, job_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.api.get(f"/v1/exports/{job_id}").raise_for_status().json()["export"]
        return answer

    def advance(self, **by: float) -> None:
        self.sandbox.clock.advance(timedelta(**by))

    def completed(self, *data_types: str, **body: Any) -> dict[str, Any]:
        job_id = self.create(*data_types, **body).raise_for_status().json()["export"]["id"]
        self.advance(minutes=1)
        return self.get(job_id)

    def url(self, *data_types: str, **body: Any) -> str:
        return str(self.completed(*data_types, **body)["downloadUrl"])

    def fetch(self, url: str, **headers: str) -> httpx.Response:
        return self.plain.get(url, headers=headers)

    def members(self, url: str) -> dict[str, bytes]:
        return unzip(self.fetch(url).raise_for_status().content)


def unzip(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zavu(**options: Any) -> dict[str, Any]:
    return {"zavu": ZavuOptions(**options)}


def data(**options: Any) -> dict[str, Any]:
    return {"data": DataOptions(**options)}

"""Sandboxes of HookBridge and of Qlara with a client at their API, and CSVs read back with the standard library."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import httpx

from kit.sandbox_bench import NOW
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions
from strongroom_sandbox.records import RowOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings

DAY = {"start_time": "2026-11-10T00:00:00Z", "end_time": "2026-11-10T23:59:59Z"}
QDAY = {"startDateTime": "2026-11-10T00:00:00Z", "endDateTime": "2026-11-10T23:59:59+00:00"}


class CsvBench:
    def __init__(self, settings: SandboxSettings) -> None:
        self.sandbox = Sandbox(settings, clock=SandboxClock.stopped_at(NOW)).start()
        self.plain = httpx.Client(timeout=60, trust_env=False, verify=False)

    def client(self, base_url: str, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=base_url, headers=headers, timeout=60, trust_env=False, verify=False)

    def close(self) -> None:
        self.plain.close()
        self.sandbox.stop()

    def advance(self, **by: float) -> None:
        self.sandbox.clock.advance(timedelta(**by))

    def fetch(self, url: str, **headers: str) -> httpx.Response:
        return self.plain.get(url, headers=headers)


class HookBench(CsvBench):
    def __init__(self, rows: RowOptions | None = None, **options: Any) -> None:
        super().__init__(SandboxSettings(hookbridge=HookBridgeOptions(**options), rows=rows or RowOptions()))
        self.api = self.client(
            self.sandbox.hookbridge_url, Authorization=f"Bearer {self.sandbox.settings.hookbridge_key}"
        )

    def close(self) -> None:
        self.api.close()
        super().close()

    def create(self, **body: Any) -> httpx.Response:
        return self.api.post("/v1/exports", json={**DAY, **body})

    def made(self, **body: Any) -> str:
        return str(self.create(**body).raise_for_status().json()["data"]["id"])

    def get(self, job_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.api.get(f"/v1/exports/{job_id}").raise_for_status().json()["data"]
        return answer

    def listed(self) -> list[str]:
        return [item["id"] for item in self.api.get("/v1/exports").raise_for_status().json()["data"]]

    def completed(self, **body: Any) -> str:
        job_id = self.made(**body)
        self.advance(minutes=1)
        return job_id

    def download(self, job_id: str) -> httpx.Response:
        return self.api.get(f"/v1/exports/{job_id}/download")

    def url(self, **body: Any) -> str:
        return self.download(self.completed(**body)).headers["location"]

    def rows(self, **body: Any) -> list[dict[str, str]]:
        return read_csv(self.fetch(self.url(**body)).raise_for_status().content)


class QlaraBench(CsvBench):
    def __init__(self, rows: RowOptions | None = None, **options: Any) -> None:
        super().__init__(SandboxSettings(qlara=QlaraOptions(**options), rows=rows or RowOptions()))
        self.api = self.client(self.sandbox.qlara_url, **{"X-Api-Key": self.sandbox.settings.qlara_key})

    def close(self) -> None:
        self.api.close()
        super().close()

    def reports(self, **body: Any) -> httpx.Response:
        return self.api.post("/exports/delivery-reports", json=body or QDAY)

    def history(self, **body: Any) -> httpx.Response:
        return self.api.post("/messages/history/export", json={**QDAY, **body})

    def contacts(self, **body: Any) -> httpx.Response:
        return self.api.post("/exports/contacts", json=body)

    def listed(self, **params: Any) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self.api.get("/exports", params=params).raise_for_status().json()["content"]
        return answer

    def link(self, job_id: object) -> httpx.Response:
        return self.api.get(f"/exports/{job_id}")

    def renew(self, job_id: object) -> httpx.Response:
        return self.api.post(f"/exports/{job_id}")

    def completed(self, created: httpx.Response) -> str:
        created.raise_for_status()
        self.advance(minutes=1)
        return self.sandbox.qlara.jobs[-1].id

    def content(self, created: httpx.Response) -> bytes:
        return self.file(self.completed(created))

    def file(self, job_id: str) -> bytes:
        return self.fetch(self.link(job_id).raise_for_status().json()["url"]).raise_for_status().content

    def rows(self, created: httpx.Response) -> list[dict[str, str]]:
        return read_csv(self.content(created))


def read_csv(content: bytes, encoding: str = "utf-8", delimiter: str = ",") -> list[dict[str, str]]:
    lines = csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=delimiter, strict=True)
    titles, *rows = list(lines)
    assert all(len(row) == len(titles) for row in rows)
    return [dict(zip(titles, row, strict=True)) for row in rows]

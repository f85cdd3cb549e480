"""The sandbox's own endpoints under `/_sandbox/`, for a process that does not hold the object. Not recorded.

They answer on Zavu's origin for all providers; `provider` in the query or in a body says which one, Zavu by default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Protocol

import msgspec
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strongroom.model.times import parse_instant
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.faults import FaultBook, InjectedFault, read_fault
from strongroom_sandbox.recorder import ProviderName, Recorder
from strongroom_sandbox.zavu import ZavuApi


class Described(Protocol):
    """An API beside Zavu's, as far as it is controlled from outside."""

    @property
    def jobs(self) -> tuple[Any, ...]:
        """Every export ever created there, as dataclasses."""

    def add_described(self, body: dict[str, Any], faults: Iterable[InjectedFault]) -> str:
        """Create an export as another client would and return its id; raise ValueError and KeyError."""


class Control:
    """Answers the control endpoints; bodies and answers are JSON."""

    def __init__(
        self,
        faults: FaultBook,
        recorder: Recorder,
        clock: SandboxClock,
        zavu: ZavuApi,
        hookbridge: Described | None = None,
        qlara: Described | None = None,
    ) -> None:
        self._others = {ProviderName.HOOKBRIDGE: hookbridge, ProviderName.QLARA: qlara}
        self._faults = faults
        self._recorder = recorder
        self._clock = clock
        self._zavu = zavu

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [
            Route("/_sandbox/faults", _guarded(self._add_faults), methods=["POST"]),
            Route("/_sandbox/faults", _guarded(self._show_faults), methods=["GET"]),
            Route("/_sandbox/faults", _guarded(self._clear_faults), methods=["DELETE"]),
            Route("/_sandbox/requests", _guarded(self._show_requests), methods=["GET"]),
            Route("/_sandbox/requests", _guarded(self._clear_requests), methods=["DELETE"]),
            Route("/_sandbox/jobs", _guarded(self._show_jobs), methods=["GET"]),
            Route("/_sandbox/jobs", _guarded(self._add_job), methods=["POST"]),
            Route("/_sandbox/clock", _guarded(self._show_clock), methods=["GET"]),
            Route("/_sandbox/clock", _guarded(self._move_clock), methods=["POST"]),
        ]

    def _add_faults(self, body: Any) -> Any:
        faults = [read_fault(item) for item in (body if isinstance(body, list) else [body])]
        return {"added": [self._faults.add(fault) for fault in faults]}

    def _show_faults(self, _body: Any) -> Any:
        standing = self._faults.standing()
        return [{"number": n, "hits": self._faults.hits(n), **asdict(fault)} for n, fault in standing.items()]

    def _clear_faults(self, _body: Any) -> Any:
        self._faults.clear()
        return {}

    def _show_requests(self, _body: Any) -> Any:
        return [
            {**asdict(entry), "body": entry.body.decode("utf-8", "replace")} for entry in self._recorder.snapshot().all
        ]

    def _clear_requests(self, _body: Any) -> Any:
        self._recorder.clear()
        return {}

    def _show_jobs(self, body: Any) -> Any:
        other = self._other(body)
        return [asdict(job) for job in (self._zavu.jobs if other is None else other.jobs)]

    def _add_job(self, body: Any) -> Any:
        """Add another client's export: a body as the API takes it, with createdAt, faults, and for Qlara the kind."""
        faults = [read_fault(item) for item in body.get("faults", ())]
        other = self._other(body)
        if other is not None:
            return {"id": other.add_described(body, faults)}
        instants = {name: parse_instant(body[name]) for name in ("dateFrom", "dateTo", "createdAt") if name in body}
        job_id = self._zavu.add_foreign_job(
            body["dataTypes"],
            instants.get("dateFrom"),
            instants.get("dateTo"),
            created_at=instants.get("createdAt"),
            faults=faults,
        )
        return {"id": job_id}

    def _other(self, body: Any) -> Described | None:
        name = ProviderName(body.get("provider", ProviderName.ZAVU) if isinstance(body, dict) else ProviderName.ZAVU)
        if name is ProviderName.ZAVU:
            return None
        other = self._others[name]
        if other is None:
            raise ValueError(f"this sandbox has no {name}")
        return other

    def _show_clock(self, _body: Any) -> Any:
        return {"now": self._clock()}

    def _move_clock(self, body: Any) -> Any:
        """Move the clock: `advanceSeconds`, or `set` to an instant."""
        if "set" in body:
            return {"now": self._clock.set(parse_instant(body["set"]))}
        return {"now": self._clock.advance(timedelta(seconds=float(body["advanceSeconds"])))}


def _guarded(action: Callable[[Any], Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            answer = action(msgspec.json.decode(raw) if raw else dict(request.query_params))
        except (ValueError, TypeError, KeyError) as problem:
            return JSONResponse({"error": f"{type(problem).__name__}: {problem}"}, 400)
        return Response(msgspec.json.encode(answer), media_type="application/json")

    return endpoint

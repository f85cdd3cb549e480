"""The sandbox's own endpoints under `/_sandbox/`, for a process without the Sandbox object. They are not recorded.

They answer at Zavu's origin for all providers; `provider` in the query or in a body says which one, Zavu by default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strongroom.model.times import parse_instant
from strongroom_sandbox.api import ProviderApi
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.faults import FaultBook, read_fault
from strongroom_sandbox.recorder import ProviderName, Recorder


class Control:
    """Answers the control endpoints; bodies and answers are JSON."""

    def __init__(
        self,
        faults: FaultBook,
        recorder: Recorder,
        clock: SandboxClock,
        apis: Mapping[ProviderName, ProviderApi[Any]],
    ) -> None:
        self._faults = faults
        self._recorder = recorder
        self._clock = clock
        self._apis = apis

    def routes(self) -> list[Route]:
        """Return what is served."""
        actions: dict[str, dict[str, Callable[[Any], Any]]] = {
            "faults": {"POST": self._add_faults, "GET": self._show_faults, "DELETE": self._clear_faults},
            "requests": {"GET": self._show_requests, "DELETE": self._clear_requests},
            "jobs": {"GET": self._show_jobs, "POST": self._add_job},
            "clock": {"GET": self._show_clock, "POST": self._move_clock},
        }
        return [
            Route(f"/_sandbox/{name}", _guarded(action), methods=[method])
            for name, methods in actions.items()
            for method, action in methods.items()
        ]

    def _add_faults(self, body: Any) -> Any:
        faults = [read_fault(item) for item in (body if isinstance(body, list) else [body])]
        return {"added": [self._faults.add(fault) for fault in faults]}

    def _show_faults(self, _body: Any) -> Any:
        active = self._faults.active()
        return [{"number": n, "hits": self._faults.hits(n), **asdict(fault)} for n, fault in active.items()]

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
        return self._api(body).jobs

    def _add_job(self, body: Any) -> Any:
        """Add another client's export: a body as the API takes it, with createdAt, faults, and for Qlara the kind."""
        return {"id": self._api(body).add_described(body, [read_fault(item) for item in body.get("faults", ())])}

    def _api(self, body: Any) -> ProviderApi[Any]:
        name = ProviderName(body.get("provider", ProviderName.ZAVU) if isinstance(body, dict) else ProviderName.ZAVU)
        if name not in self._apis:
            raise ValueError(f"this sandbox has no {name}")
        return self._apis[name]

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

"""Answers that are well made and odd: zero times, raw or foreign links, empty pages, lists without end.

Each is a thing that a real API or storage was seen to answer; none of them is documented.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from strongroom_sandbox.faults import ANSWER_BODIES, FaultKind, InjectedFault, first, only

ZERO = "0001-01-01T00:00:00Z"
ELSEWHERE = "https://10.0.0.7/export?token=none"
RAW = "&file=Bericht Mä 1.csv"
_ENDS = frozenset({"expiresAt", "expires_at", "expirationDate", "completedAt", "completed_at"})


def bend(response: Response, faults: tuple[InjectedFault, ...]) -> Response:
    """Return the answer with its times and links bent; any other than a sound one as it is."""
    bent = only(faults, ANSWER_BODIES)
    if not bent or response.status_code >= 400:
        return response
    if "location" in response.headers:
        link = _bend_link(response.headers["location"], bent)
        raw = [(name, value) for name, value in response.raw_headers if name != b"location"]
        response.raw_headers = [*raw, (b"location", link.encode())]
        return response
    if "json" in response.headers.get("content-type", ""):
        text = json.dumps(_bend(json.loads(bytes(response.body)), "", bent), ensure_ascii=False)
    else:
        text = _bend_link(bytes(response.body).decode(), bent)
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(text.encode(), response.status_code, headers)


def _bend(value: Any, name: str, faults: tuple[InjectedFault, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _bend(each, key, faults) for key, each in value.items()}
    if isinstance(value, list):
        return [_bend(each, name, faults) for each in value]
    zero = first(faults, FaultKind.ZERO_TIMES)
    if zero is not None and name in _ENDS:
        return zero.name or ZERO
    return _bend_link(value, faults) if isinstance(value, str) else value


def _bend_link(text: str, faults: tuple[InjectedFault, ...]) -> str:
    if not text.startswith(("http", "/")) or "token=" not in text:
        return text
    foreign = first(faults, FaultKind.FOREIGN_LINK)
    if foreign is not None:
        return foreign.to or ELSEWHERE
    return text + RAW if first(faults, FaultKind.RAW_LINK) else text

"""Zavu's list of messages, newest first, by pages: `GET /v1/messages` with cursor, limit, channel, status and to."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta

from strongroom_sandbox.records import SlotSpan
from strongroom_sandbox.zavu_records import RecordSource

_DAY = timedelta(days=1)
_FILTERS = ("channel", "status", "to")
_KEPT = 8  # days of records in memory

Listed = tuple[str, str, bytes]  # its time, its ID and the record itself


class MessageList:
    """The messages of one project."""

    def __init__(self, source: RecordSource, retention: timedelta) -> None:
        self._source, self._retention = source, retention
        self._days: dict[datetime, list[Listed]] = {}

    def page(self, query: Mapping[str, str], limit: int, now: datetime) -> bytes:
        """Return a page as it is answered. Raises ValueError for a cursor that is not one of ours."""
        after = _read_cursor(query["cursor"]) if query.get("cursor") else ("~", "")
        wanted = {name: query[name] for name in _FILTERS if query.get(name)}
        found: list[Listed] = []
        for each in self._newest_first(after, now):
            if len(found) > limit:
                break
            if not wanted or all(str(json.loads(each[2]).get(name)) == value for name, value in wanted.items()):
                found.append(each)
        cursor = _write_cursor(found[limit - 1]) if len(found) > limit else None
        items = b",".join(record for _at, _name, record in found[:limit])
        return b'{"items":[' + items + b'],"nextCursor":' + json.dumps(cursor).encode() + b"}"

    def _newest_first(self, after: tuple[str, str], now: datetime) -> Iterator[Listed]:
        last = now if after[0] == "~" else min(now, datetime.fromisoformat(after[0]))
        day, present = datetime.combine(last.date(), time(), UTC), _stamp(now)
        while day > now - self._retention - _DAY:
            for each in reversed(self._day(day)):
                if (each[0], each[1]) < after and _stamp(now - self._retention) <= each[0] <= present:
                    yield each
            day -= _DAY

    def _day(self, day: datetime) -> list[Listed]:
        if day not in self._days:
            while len(self._days) >= _KEPT:
                del self._days[next(iter(self._days))]
            span = SlotSpan.between(day, day + _DAY - timedelta(microseconds=1))
            records = [(json.loads(record), record) for record in self._source.records("messages", span)]
            self._days[day] = sorted((each["createdAt"], each["id"], record) for each, record in records)
        return self._days[day]


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write_cursor(record: Listed) -> str:
    return base64.urlsafe_b64encode(f"{record[0]}|{record[1]}".encode()).decode()


def _read_cursor(text: str) -> tuple[str, str]:
    at, found, name = base64.urlsafe_b64decode(text).decode().partition("|")
    datetime.fromisoformat(at)
    if not found:
        raise ValueError("the cursor has no position")
    return at, name

"""The records of a simulated Zavu account, as JSON.

Fields follow the vendor's published REST schemas where there are any (messages, conversations, agent executions).
Webhook deliveries and activities have none, and theirs are a plausible invention. Bodies are rendered once, with holes
where identity and times go.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field

from strongroom_sandbox.records import DAY, MILLISECOND, VARIETY, Slots, SlotSpan, draws, pick
from strongroom_sandbox.texts import NAMES, SHOPS, write_phone, write_text, write_words

_ID = "\0id"
_HOLE = re.compile(rb"\\u0000(id|at\+\d+)")


class Body(Struct, frozen=True):
    """A record in JSON with holes: bytes to be filled with `%`.

    A hole is None for the record's 64-bit number, or microseconds to add to its creation time.
    """

    template: bytes
    holes: tuple[int | None, ...]


def _at(later_seconds: float = 0) -> str:
    return f"\0at+{int(later_seconds * 1_000_000)}"


def _hexes(random_bytes: random.Random, digits: int) -> str:
    return f"{random_bytes.getrandbits(digits * 4):0{digits}x}"


def _message(random_bytes: random.Random) -> dict[str, Any]:
    channel = random_bytes.choice(("sms", "whatsapp", "whatsapp", "email", "telegram", "instagram", "voice"))
    status = random_bytes.choices(("delivered", "sent", "received", "failed"), (80, 8, 10, 2))[0]
    cost = round(random_bytes.uniform(0.003, 0.09), 5)
    record: dict[str, Any] = {
        "id": f"msg_{_ID}",
        "to": write_phone(random_bytes),
        "from": write_phone(random_bytes),
        "channel": channel,
        "status": status,
        "text": write_text(random_bytes),
        "createdAt": _at(),
        "messageType": random_bytes.choices(("text", "template", "image"), (8, 3, 1))[0],
        "senderId": f"snd_{_hexes(random_bytes, 8)}",
        "providerMessageId": f"wamid.{_hexes(random_bytes, 24)}",
        "cost": cost,
        "costTotal": cost,
        "metadata": {
            "orderId": f"o-{random_bytes.randrange(10**6)}",
            "tags": json.dumps(["a", write_words(random_bytes, 2)]),
        },
        "updatedAt": _at(random_bytes.uniform(0.4, 900)),
    }
    if status == "failed":
        record |= {"errorCode": "131026", "errorMessage": 'Receiver is "unreachable"\nor blocked'}
    return record


def _conversation(random_bytes: random.Random) -> dict[str, Any]:
    phone = write_phone(random_bytes)
    channel = random_bytes.choice(("sms", "whatsapp", "telegram"))
    last = random_bytes.uniform(30, 86_000)
    return {
        "id": f"conv_{_ID}",
        "contactIdentifier": phone,
        "contactId": f"con_{_hexes(random_bytes, 12)}",
        "channels": sorted({channel, "whatsapp"}),
        "lastMessage": {
            "id": f"msg_{_hexes(random_bytes, 16)}",
            "at": _at(last),
            "channel": channel,
            "direction": random_bytes.choice(("inbound", "outbound")),
            "text": write_text(random_bytes, words=8),
        },
        "messageCount": random_bytes.randrange(1, 240),
        "unreadCount": random_bytes.randrange(0, 5),
        "createdAt": _at(),
        "updatedAt": _at(last),
    }


def _delivery(random_bytes: random.Random) -> dict[str, Any]:
    failed = random_bytes.random() < 0.06
    return {
        "id": f"whd_{_ID}",
        "webhookId": f"wh_{_hexes(random_bytes, 8)}",
        "event": random_bytes.choice(("message.sent", "message.delivered", "message.inbound", "conversation.new")),
        "url": f"https://hooks.example/{write_words(random_bytes, 2).replace(' ', '/')}",
        "attempt": random_bytes.randrange(1, 4),
        "statusCode": random_bytes.choice((500, 502, 504)) if failed else 200,
        "success": not failed,
        "durationMs": random_bytes.randrange(12, 4_000),
        "request": {"messageId": f"msg_{_hexes(random_bytes, 16)}", "text": write_text(random_bytes, words=6)},
        "response": '{"error":"[timeout]\\n"}' if failed else '{"ok":true}',
        "createdAt": _at(),
        "deliveredAt": None if failed else _at(random_bytes.uniform(0.05, 4)),
    }


def _execution(random_bytes: random.Random) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": f"aex_{_ID}",
        "agentId": f"agt_{_hexes(random_bytes, 8)}",
        "status": random_bytes.choices(("success", "error", "filtered"), (92, 6, 2))[0],
        "inboundMessageId": f"msg_{_hexes(random_bytes, 16)}",
        "responseText": write_text(random_bytes, words=30),
        "inputTokens": random_bytes.randrange(80, 4_000),
        "outputTokens": random_bytes.randrange(10, 700),
        "latencyMs": random_bytes.randrange(300, 9_000),
        "cost": round(random_bytes.uniform(0.0001, 0.02), 6),
        "createdAt": _at(),
    }
    if random_bytes.random() < 0.4:
        record["knowledgeChunksUsed"] = random_bytes.randrange(1, 6)
    return record


def _activity(random_bytes: random.Random) -> dict[str, Any]:
    return {
        "id": f"act_{_ID}",
        "actor": {"type": "user", "name": random_bytes.choice(NAMES), "ip": f"192.0.2.{random_bytes.randrange(256)}"},
        "action": random_bytes.choice(
            ("template.updated", "sender.created", "apikey.rotated", "member.invited", "login")
        ),
        "target": {"id": f"obj_{_hexes(random_bytes, 8)}", "name": random_bytes.choice(SHOPS)},
        "note": write_text(random_bytes, words=6),
        "createdAt": _at(),
    }


_SHAPES: Mapping[str, tuple[Callable[[random.Random], dict[str, Any]], str]] = MappingProxyType(
    {
        "messages": (_message, "text"),
        "conversations": (_conversation, "contactIdentifier"),
        "webhookDeliveries": (_delivery, "url"),
        "agentExecutions": (_execution, "responseText"),
        "activities": (_activity, "note"),
    }
)

DATASETS = tuple(_SHAPES)
"""The five data types, as requests spell them."""

TEXT_FIELDS = MappingProxyType({name: field for name, (_, field) in _SHAPES.items()})
"""The field of each dataset's records that holds free text."""


@lru_cache(maxsize=64)
def bodies(seed: int, dataset: str, canary: str = "") -> tuple[Body, ...]:
    """Return the dataset's pre-rendered bodies; `canary` is appended to one text of every record."""
    make, text_field = _SHAPES[dataset]
    random_bytes = random.Random(f"{seed}/{dataset}")  # noqa: S311  (repeatable on purpose)
    made = []
    for _ in range(VARIETY):
        record = make(random_bytes)
        if canary:
            record[text_field] += f" {canary}"
        made.append(_render(record))
    return tuple(made)


def _render(record: dict[str, Any]) -> Body:
    # JavaScript's JSON.stringify writes no spaces and leaves other scripts as they are; so does this.
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    parts = _HOLE.split(text.replace(b"%", b"%%"))
    holes = tuple(None if part == b"id" else int(part[3:]) for part in parts[1::2])
    parts[1::2] = [b"%016x" if hole is None else b"%b" for hole in holes]
    return Body(b"".join(parts), holes)


_LEAST_TARGET = 4096
_SPARE = 2048
"""Bytes left for the last record of an exact size: more than any record, so that it always has room."""


class DataOptions(Struct, frozen=True):
    """What the simulated account holds."""

    seed: int = 1
    per_day: Mapping[str, int] = field(
        default_factory=lambda: {
            "messages": 400,
            "conversations": 60,
            "webhookDeliveries": 300,
            "agentExecutions": 40,
            "activities": 12,
        }
    )  # records a day; a dataset that is not named has none
    target_bytes: int | None = None
    """Exact bytes of JSON of each dataset in each export, whatever its window; None: as `per_day` says."""
    canary: str = ""  # appended to a text in every record
    microseconds: bool = False  # record times have six digits, not three
    newest_first: bool = False  # order of records in a file
    zlib_level: int | None = None  # 1 to 9; None: the fast compressor

    def __post_init__(self) -> None:
        if unknown := set(self.per_day) - set(DATASETS):
            raise ValueError(f"no such dataset: {', '.join(sorted(unknown))}")
        if self.target_bytes is not None and self.target_bytes < _LEAST_TARGET:
            raise ValueError(f"an exact size starts at {_LEAST_TARGET} bytes, got {self.target_bytes}")


class RecordSource:
    """Gives the records of a simulated account."""

    def __init__(self, options: DataOptions) -> None:
        self.options = options

    def records(self, dataset: str, span: SlotSpan) -> Iterator[bytes]:
        """Yield each record created inside the span as JSON, oldest first unless the options say otherwise."""
        if self.options.target_bytes is not None:
            yield from self._sized(dataset, span, self.options.target_bytes)
            return
        rate = self.options.per_day.get(dataset, 0)
        if rate > 0 and span.first <= span.last:
            yield from self._drawn(dataset, span, Slots.daily(rate))

    def _sized(self, dataset: str, span: SlotSpan, target: int) -> Iterator[bytes]:
        """Yield records whose array `[a,b,...]` is exactly `target` bytes long; the last one is padded to fit."""
        left = target - 2
        count = left // self._mean_size(dataset) * 21 // 20 + 2
        slots = Slots(span.first, max(1, span.last - span.first), count)
        drawn = self._drawn(dataset, span, slots)
        held = next(drawn)
        for record in drawn:
            if left - len(held) - 1 < _SPARE:
                break
            left -= len(held) + 1
            yield held
            held = record
        yield _padded(held, TEXT_FIELDS[dataset], left)

    def _mean_size(self, dataset: str) -> int:
        probe = SlotSpan(0, DAY)
        sizes = [len(record) + 1 for record in self._drawn(dataset, probe, Slots(0, DAY, 1024))]
        return sum(sizes) // len(sizes)

    def _drawn(self, dataset: str, span: SlotSpan, slots: Slots) -> Iterator[bytes]:
        options = self.options
        pool = bodies(options.seed, dataset, options.canary)
        digits, grain = (6, 1) if options.microseconds else (3, MILLISECOND)
        for moment, draw in draws(options.seed, dataset, span, slots, grain=grain, newest_first=options.newest_first):
            body = pool[pick(draw, VARIETY)]
            yield body.template % tuple([draw if hole is None else stamp(moment + hole, digits) for hole in body.holes])


def json_array(records: Iterator[bytes], batch: int = 512) -> Iterator[bytes]:
    """Yield the pieces of one JSON array of these records."""
    lead = b"["
    waiting: list[bytes] = []
    for record in records:
        waiting.append(record)
        if len(waiting) == batch:
            yield lead + b",".join(waiting)
            lead = b","
            waiting.clear()
    if waiting:
        yield lead + b",".join(waiting)
    elif lead == b"[":
        yield lead
    yield b"]"


def stamp(moment: int, digits: int = 3) -> bytes:
    """Write microseconds since 1970 as RFC 3339 with this many decimals, 3 or 6; the rest is cut."""
    minute, rest = divmod(moment, 60_000_000)
    if digits == 6:
        return b"%b%02d.%06dZ" % (_minute(minute), rest // 1_000_000, rest % 1_000_000)
    return _minute(minute) + _endings()[rest // 1000]


@lru_cache(maxsize=4096)
def _minute(minutes: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:", time.gmtime(minutes * 60)).encode("ascii")


@cache
def _endings() -> tuple[bytes, ...]:
    # Looking seconds and milliseconds up is twice as fast as writing them, and big files hold millions.
    return tuple(b"%02d.%03dZ" % divmod(millis, 1000) for millis in range(60_000))


def _padded(record: bytes, text_field: str, size: int) -> bytes:
    """Return the record made exactly `size` bytes long by filling up its text."""
    # A quote inside a JSON string is escaped, so the first match is the field itself.
    opening = f'"{text_field}":"'.encode()
    place = record.index(opening) + len(opening)
    return record[:place] + b"x" * (size - len(record)) + record[place:]

"""What one record of each Zavu dataset looks like, with holes where its identity and times go.

Fields follow the vendor's published REST schemas where there are any (messages, conversations, agent executions);
webhook deliveries and activities have none, and theirs are a plausible invention.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from strongroom_sandbox.texts import NAMES, SHOPS, write_phone, write_text, write_words

VARIETY = 512
"""How many pre-rendered bodies each dataset has: together far more than deflate's 32 KiB window."""

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

"""The records of a simulated HookBridge account, outbound and inbound.

The vendor documents no columns. These are the fields of the log entries and messages that the published SDKs read.
"""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from functools import lru_cache

from strongroom_sandbox.csv_files import CsvColumn
from strongroom_sandbox.records import VARIETY, Cell, Later, Pool, Record, Serial
from strongroom_sandbox.texts import NAMES, write_formula, write_text, write_words

OUTBOUND, INBOUND = "outbound", "inbound"
DIRECTIONS = (OUTBOUND, INBOUND)
MESSAGE_STATUSES = ("queued", "delivering", "succeeded", "pending_retry", "failed_permanent")

_OUTBOUND_TITLES = (
    "message_id project_id endpoint_id endpoint status attempt_count replay_count created_at updated_at delivered_at "
    "next_attempt_at response_status response_latency_ms last_error content_type size_bytes payload_sha256 "
    "idempotency_key deleted_at"
)
_INBOUND_TITLES = (
    "message_id inbound_endpoint_id endpoint status attempt_count received_at delivered_at response_status "
    "response_latency_ms total_delivery_ms last_error deleted_at"
)
_ERRORS = (
    'Post "https://hooks.example/in": dial tcp 192.0.2.7:443: i/o timeout',
    'HTTP 500\n{"error":"db is \\"busy\\"","retry":true}',
    "connection reset by peer;\r\nattempt 3 of 8",
    "TLS: certificate has expired, valid until 2026-01-31",
    "HTTP 422, body: 无效的请求",
)


def columns_of(direction: str, *, with_payload: bool = False) -> tuple[CsvColumn, ...]:
    """Return the columns of one direction's files."""
    titles = (_OUTBOUND_TITLES if direction == OUTBOUND else _INBOUND_TITLES) + " payload" * with_payload
    return tuple(CsvColumn(title, title) for title in titles.split())


@lru_cache(maxsize=16)
def endpoints_of(seed: int, direction: str) -> tuple[str, ...]:
    """Return the ids of the account's endpoints as bare UUIDs."""
    random_bytes = random.Random(f"{seed}/{direction}/endpoints")  # noqa: S311  (repeatable on purpose)
    count = 5 if direction == OUTBOUND else 2
    return tuple(str(uuid.UUID(int=random_bytes.getrandbits(128), version=4)) for _ in range(count))


@lru_cache(maxsize=16)
def pool_of(seed: int, direction: str, canary: str = "") -> Pool:
    """Return what one direction draws from; `canary` is appended to one text of every record."""
    random_bytes = random.Random(f"{seed}/{direction}")  # noqa: S311  (repeatable on purpose)
    make = _outbound if direction == OUTBOUND else _inbound
    settled = [_signed(make(random_bytes, seed), canary) for _ in range(VARIETY)]
    return Pool(tuple(map(Record, settled)), tuple(Record({**cells, **_YOUNG}) for cells in settled))


_YOUNG: dict[str, Cell] = {
    "status": "pending_retry",
    "attempt_count": 1,
    "delivered_at": None,
    "next_attempt_at": Later.by(30),
    "updated_at": Later.by(1),
    "total_delivery_ms": None,
}


def _signed(cells: dict[str, Cell], canary: str) -> dict[str, Cell]:
    return {**cells, "last_error": f"{cells['last_error'] or ''} {canary}".strip()} if canary else cells


def _fate(random_bytes: random.Random) -> dict[str, Cell]:
    """Return how a delivery went: most succeed at once, some late, a few never."""
    failed = random_bytes.random() < 0.05
    attempts = 8 if failed else random_bytes.choices((1, 2, 3), (90, 7, 3))[0]
    error = write_formula(random_bytes) if random_bytes.random() < 0.3 else random_bytes.choice(_ERRORS)
    delivered = None if failed else Later.by(random_bytes.uniform(0.05, 2) + 60 * (attempts - 1))
    return {
        "status": "failed_permanent" if failed else "succeeded",
        "attempt_count": attempts,
        "delivered_at": delivered,
        "next_attempt_at": None,
        "response_status": random_bytes.choice((500, 502, 422))
        if failed
        else random_bytes.choice((200, 200, 202, 204)),
        "response_latency_ms": random_bytes.randrange(12, 4_000),
        "last_error": error if attempts > 1 else None,
        "deleted_at": None,
    }


def _payload(random_bytes: random.Random) -> str:
    body = {"event": "order.updated", "by": random_bytes.choice(NAMES), "note": write_text(random_bytes, words=6)}
    return json.dumps(body, ensure_ascii=False)


def _outbound(random_bytes: random.Random, seed: int) -> dict[str, Cell]:
    endpoint = random_bytes.choice(endpoints_of(seed, OUTBOUND))
    payload = _payload(random_bytes)
    return {
        "message_id": Serial("msg_"),
        "project_id": "proj_sandbox",
        "endpoint_id": endpoint,
        "endpoint": f"https://hooks.example/{write_words(random_bytes, 2).replace(' ', '/')}",
        **_fate(random_bytes),
        "replay_count": random_bytes.choices((0, 1), (97, 3))[0],
        "created_at": Later(),
        "updated_at": Later.by(random_bytes.uniform(2, 900)),
        "content_type": "application/json",
        "size_bytes": len(payload.encode()),
        "payload_sha256": hashlib.sha256(payload.encode()).hexdigest(),
        "idempotency_key": f"{random_bytes.getrandbits(64):016x}" if random_bytes.random() < 0.5 else None,
        "payload": payload,
    }


def _inbound(random_bytes: random.Random, seed: int) -> dict[str, Cell]:
    return {
        "message_id": Serial("in_"),
        "inbound_endpoint_id": random_bytes.choice(endpoints_of(seed, INBOUND)),
        "endpoint": random_bytes.choice(("Stripe events", "GitHub, main", 'Shop "Nørre"')),
        **_fate(random_bytes),
        "received_at": Later(),
        "total_delivery_ms": random_bytes.randrange(20, 90_000),
        "payload": _payload(random_bytes),
    }

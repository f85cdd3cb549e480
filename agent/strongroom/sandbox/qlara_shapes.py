"""What one message of a Qlara account looks like, and which of its fields each kind of file shows.

The account sends in three ways: through the API, by campaigns, and from the web console. The message history holds
the first alone, delivery reports hold all of them. Columns follow the fields that the vendor names, and where it
names none, those of its use cases.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from strongroom.sandbox.qlara_jobs import Kind
from strongroom.sandbox.rows import VARIETY, Amount, Cell, Later, Pool, Record, Serial
from strongroom.sandbox.sheets import Column
from strongroom.sandbox.texts import SHOPS, write_formula, write_phone, write_text

API, CAMPAIGN, CONSOLE = "api", "campaign", "console"
SOURCES = (API, CAMPAIGN, CONSOLE)
CHANNELS = ("SMS", "RCS", "WHATSAPP")
DELIVERY_STATUSES = ("DELIVERED", "SENT", "ERROR", "EXPIRED", "UNKNOWN")

_TITLES = {
    Kind.MESSAGE_HISTORY: "messageId channel destination sender status sendDate deliveryDate parts cost body",
    Kind.DELIVERY_REPORTS: (
        "messageId source campaignId channel destination sender status sendDate deliveryDate errorCode "
        "errorDescription parts cost"
    ),
    Kind.CONTACTS: "contactId firstName lastName phoneNumber email listIds tags consent note createdAt updatedAt",
}
LAYOUTS: Mapping[str, tuple[Column, ...]] = MappingProxyType(
    {str(kind): tuple(Column(title, title) for title in titles.split()) for kind, titles in _TITLES.items()}
)
"""The columns of each kind of file."""


@lru_cache(maxsize=16)
def campaigns_of(seed: int) -> tuple[str, ...]:
    """Return the ids of the account's campaigns."""
    chance = random.Random(f"{seed}/campaigns")  # noqa: S311  (repeatable on purpose)
    return tuple(f"cmp_{chance.getrandbits(32):08x}" for _ in range(6))


@lru_cache(maxsize=16)
def pool_of(seed: int, source: str, canary: str = "") -> Pool:
    """Return what one way of sending draws from; `canary` is appended to two texts of every record."""
    chance = random.Random(f"{seed}/{source}")  # noqa: S311  (repeatable on purpose)
    settled = [_signed(_message(chance, seed, source), canary) for _ in range(VARIETY)]
    young = [Record({**cells, "status": "SENT", **_UNDELIVERED}) for cells in settled]
    return Pool(tuple(map(Record, settled)), tuple(young))


_UNDELIVERED: dict[str, Cell] = {"deliveryDate": None, "errorCode": None, "errorDescription": None}


def _signed(cells: dict[str, Cell], canary: str) -> dict[str, Cell]:
    if not canary:
        return cells
    signed = {name: f"{cells[name] or ''} {canary}".strip() for name in ("body", "errorDescription")}
    return {**cells, **signed}


def _message(chance: random.Random, seed: int, source: str) -> dict[str, Cell]:
    status = chance.choices(DELIVERY_STATUSES, (84, 6, 6, 2, 2))[0]
    body = write_formula(chance) if chance.random() < 0.05 else write_text(chance)
    failed = status == "ERROR"
    return {
        "messageId": Serial(),
        "channel": chance.choices(CHANNELS, (7, 1, 2))[0],
        "direction": "OUTBOUND",
        "destination": write_phone(chance),
        "sender": chance.choice((*SHOPS, "+39333000111")),
        "body": body,
        "status": status,
        "sendDate": Later(),
        "deliveryDate": Later.by(chance.uniform(0.5, 600)) if status == "DELIVERED" else None,
        "parts": len(body) // 153 + 1,
        "cost": Amount(round(chance.uniform(0.01, 0.09), 4)),
        "source": source.upper(),
        "campaignId": chance.choice(campaigns_of(seed)) if source == CAMPAIGN else None,
        "errorCode": chance.choice((3, 27, 301)) if failed else None,
        "errorDescription": 'Absent subscriber\nlast try: "no answer"; given up' if failed else None,
    }

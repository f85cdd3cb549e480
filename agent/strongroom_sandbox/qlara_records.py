"""The records of a simulated Qlara account: messages, and the address book.

The account sends in three ways: through the API, by campaigns, and from the web console. The message history has only
the first, delivery reports have all of them. Columns follow the fields that the vendor names, and where it names none,
those of its use cases.

A contact is a pure function of its slot and of the moment it is looked at: created in its slot, changed after each of
its seasons, deleted after a lifetime of its own. So two copies of the book at two times differ as real ones do.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from strongroom_sandbox.csv_files import CsvColumn
from strongroom_sandbox.records import (
    DAY,
    VARIETY,
    Amount,
    Cell,
    Later,
    Pool,
    Record,
    RowOptions,
    SandboxRow,
    Serial,
    Slots,
    SlotSpan,
    draws,
    scatter,
)
from strongroom_sandbox.texts import NAMES, SHOPS, write_formula, write_phone, write_text


class QlaraJobKind(StrEnum):
    """What can be exported."""

    CONTACTS = "CONTACTS"
    DELIVERY_REPORTS = "DELIVERY_REPORTS"
    MESSAGE_HISTORY = "MESSAGE_HISTORY"


API, CAMPAIGN, CONSOLE = "api", "campaign", "console"
SOURCES = (API, CAMPAIGN, CONSOLE)
CHANNELS = ("SMS", "RCS", "WHATSAPP")
DELIVERY_STATUSES = ("DELIVERED", "SENT", "ERROR", "EXPIRED", "UNKNOWN")

_TITLES = {
    QlaraJobKind.MESSAGE_HISTORY: "messageId channel destination sender status sendDate deliveryDate parts cost body",
    QlaraJobKind.DELIVERY_REPORTS: (
        "messageId source campaignId channel destination sender status sendDate deliveryDate errorCode "
        "errorDescription parts cost"
    ),
    QlaraJobKind.CONTACTS: (
        "contactId firstName lastName phoneNumber email listIds tags consent note createdAt updatedAt"
    ),
}
LAYOUTS: Mapping[str, tuple[CsvColumn, ...]] = MappingProxyType(
    {str(kind): tuple(CsvColumn(title, title) for title in titles.split()) for kind, titles in _TITLES.items()}
)
"""The columns of each kind of file."""


@lru_cache(maxsize=16)
def campaigns_of(seed: int) -> tuple[str, ...]:
    """Return the ids of the account's campaigns."""
    random_bytes = random.Random(f"{seed}/campaigns")  # noqa: S311  (repeatable on purpose)
    return tuple(f"cmp_{random_bytes.getrandbits(32):08x}" for _ in range(6))


@lru_cache(maxsize=16)
def pool_of(seed: int, source: str, canary: str = "") -> Pool:
    """Return what one way of sending draws from; `canary` is appended to two texts of every record."""
    random_bytes = random.Random(f"{seed}/{source}")  # noqa: S311  (repeatable on purpose)
    settled = [_signed(_message(random_bytes, seed, source), canary) for _ in range(VARIETY)]
    young = [Record({**cells, "status": "SENT", **_UNDELIVERED}) for cells in settled]
    return Pool(tuple(map(Record, settled)), tuple(young))


_UNDELIVERED: dict[str, Cell] = {"deliveryDate": None, "errorCode": None, "errorDescription": None}


def _signed(cells: dict[str, Cell], canary: str) -> dict[str, Cell]:
    if not canary:
        return cells
    signed = {name: f"{cells[name] or ''} {canary}".strip() for name in ("body", "errorDescription")}
    return {**cells, **signed}


def _message(random_bytes: random.Random, seed: int, source: str) -> dict[str, Cell]:
    status = random_bytes.choices(DELIVERY_STATUSES, (84, 6, 6, 2, 2))[0]
    body = write_formula(random_bytes) if random_bytes.random() < 0.05 else write_text(random_bytes)
    failed = status == "ERROR"
    return {
        "messageId": Serial(),
        "channel": random_bytes.choices(CHANNELS, (7, 1, 2))[0],
        "direction": "OUTBOUND",
        "destination": write_phone(random_bytes),
        "sender": random_bytes.choice((*SHOPS, "+39333000111")),
        "body": body,
        "status": status,
        "sendDate": Later(),
        "deliveryDate": Later.by(random_bytes.uniform(0.5, 600)) if status == "DELIVERED" else None,
        "parts": len(body) // 153 + 1,
        "cost": Amount(round(random_bytes.uniform(0.01, 0.09), 4)),
        "source": source.upper(),
        "campaignId": random_bytes.choice(campaigns_of(seed)) if source == CAMPAIGN else None,
        "errorCode": random_bytes.choice((3, 27, 301)) if failed else None,
        "errorDescription": 'Absent subscriber\nlast try: "no answer"; given up' if failed else None,
    }


LISTS = ("81", "84", "87", "90", "93")
"""The account's contact lists."""
PREFIX = "ct_"
"""Of contact ids."""
_LONGEST_LIFE = 730
"""Days after which the last contact of a day is gone."""
_VARIETY = 256


def contacts_at(moment: int, options: RowOptions) -> Iterator[SandboxRow]:
    """Yield every contact there is at this moment, in order of creation."""
    rate = options.per_day.get("contacts", 0)
    if rate <= 0:
        return
    span = SlotSpan(moment - _LONGEST_LIFE * DAY, moment)
    people, states = _people(options.seed), _states(options.seed, options.canary)
    for born, draw in draws(options.seed, "contacts", span, Slots.daily(rate), newest_first=options.newest_first):
        if born + (30 + draw % (_LONGEST_LIFE - 30)) * DAY <= moment:
            continue
        season = (20 + (draw >> 12) % 70) * DAY
        version = (moment - born) // season
        state = states[scatter(draw + version) % _VARIETY]
        changed: dict[str, Cell] = {"updatedAt": Later(version * season)}
        yield SandboxRow(born, draw, Record({**people[(draw >> 24) % _VARIETY], **state, **changed}))


def in_lists(row: SandboxRow, wanted: frozenset[str]) -> bool:
    """Say whether the contact is in one of these lists."""
    return not wanted.isdisjoint(str(row.record.cells["listIds"]).split("|"))


@lru_cache(maxsize=8)
def _people(seed: int) -> tuple[dict[str, Cell], ...]:
    """Return what does not change about a contact."""
    random_bytes = random.Random(f"{seed}/people")  # noqa: S311  (repeatable on purpose)
    return tuple(_person(random_bytes, number) for number in range(_VARIETY))


def _person(random_bytes: random.Random, number: int) -> dict[str, Cell]:
    first, _, last = random_bytes.choice(NAMES).partition(" ")
    return {
        "contactId": Serial(PREFIX),
        "firstName": first,
        "lastName": last,
        "phoneNumber": write_phone(random_bytes),
        "email": f"person{number}@mail.example" if random_bytes.random() < 0.8 else None,
        "createdAt": Later(),
    }


@lru_cache(maxsize=8)
def _states(seed: int, canary: str) -> tuple[dict[str, Cell], ...]:
    """Return what changes about a contact with its seasons."""
    random_bytes = random.Random(f"{seed}/states")  # noqa: S311  (repeatable on purpose)
    return tuple(_state(random_bytes, canary) for _ in range(_VARIETY))


def _state(random_bytes: random.Random, canary: str) -> dict[str, Cell]:
    note = write_formula(random_bytes) if random_bytes.random() < 0.1 else write_text(random_bytes, words=6)
    return {
        "listIds": "|".join(sorted(random_bytes.sample(LISTS, random_bytes.randrange(1, 4)))),
        "tags": random_bytes.choice(("", "vip", "vip, newsletter", 'said "call me"')),
        "consent": random_bytes.choice(("OPT_IN", "OPT_IN", "OPT_OUT")),
        "note": f"{note} {canary}".strip() if random_bytes.random() < 0.4 or canary else None,
    }

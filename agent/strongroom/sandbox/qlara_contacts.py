"""The address book of a Qlara account: people come, change and go with the sandbox's time.

A contact is a pure function of its slot and of the moment it is looked at: born in its slot, gone after a life of
its own, changed after each of its seasons. So two copies of the book taken at two times differ as real ones do.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache

from strongroom.sandbox.rows import Cell, Later, Record, Row, RowOptions, Serial
from strongroom.sandbox.slots import DAY, Slots, Span, draws, scatter
from strongroom.sandbox.texts import NAMES, write_formula, write_phone, write_text

LISTS = ("81", "84", "87", "90", "93")
"""The account's contact lists."""
PREFIX = "ct_"
"""Of contact ids."""
_LONGEST_LIFE = 730
"""Days after which the last contact of a day is gone."""
_VARIETY = 256


def contacts_at(moment: int, options: RowOptions) -> Iterator[Row]:
    """Yield every contact there is at this moment, in order of creation."""
    rate = options.per_day.get("contacts", 0)
    if rate <= 0:
        return
    span = Span(moment - _LONGEST_LIFE * DAY, moment)
    people, states = _people(options.seed), _states(options.seed, options.canary)
    for born, draw in draws(options.seed, "contacts", span, Slots.daily(rate), newest_first=options.newest_first):
        if born + (30 + draw % (_LONGEST_LIFE - 30)) * DAY <= moment:
            continue
        season = (20 + (draw >> 12) % 70) * DAY
        version = (moment - born) // season
        state = states[scatter(draw + version) % _VARIETY]
        changed: dict[str, Cell] = {"updatedAt": Later(version * season)}
        yield Row(born, draw, Record({**people[(draw >> 24) % _VARIETY], **state, **changed}))


def in_lists(row: Row, wanted: frozenset[str]) -> bool:
    """Say whether the contact is in one of these lists."""
    return not wanted.isdisjoint(str(row.record.cells["listIds"]).split("|"))


@lru_cache(maxsize=8)
def _people(seed: int) -> tuple[dict[str, Cell], ...]:
    """Return what does not change about a contact."""
    chance = random.Random(f"{seed}/people")  # noqa: S311  (repeatable on purpose)
    return tuple(_person(chance, number) for number in range(_VARIETY))


def _person(chance: random.Random, number: int) -> dict[str, Cell]:
    first, _, last = chance.choice(NAMES).partition(" ")
    return {
        "contactId": Serial(PREFIX),
        "firstName": first,
        "lastName": last,
        "phoneNumber": write_phone(chance),
        "email": f"person{number}@mail.example" if chance.random() < 0.8 else None,
        "createdAt": Later(),
    }


@lru_cache(maxsize=8)
def _states(seed: int, canary: str) -> tuple[dict[str, Cell], ...]:
    """Return what changes about a contact with its seasons."""
    chance = random.Random(f"{seed}/states")  # noqa: S311  (repeatable on purpose)
    return tuple(_state(chance, canary) for _ in range(_VARIETY))


def _state(chance: random.Random, canary: str) -> dict[str, Cell]:
    note = write_formula(chance) if chance.random() < 0.1 else write_text(chance, words=6)
    return {
        "listIds": "|".join(sorted(chance.sample(LISTS, chance.randrange(1, 4)))),
        "tags": chance.choice(("", "vip", "vip, newsletter", 'said "call me"')),
        "consent": chance.choice(("OPT_IN", "OPT_IN", "OPT_OUT")),
        "note": f"{note} {canary}".strip() if chance.random() < 0.4 or canary else None,
    }

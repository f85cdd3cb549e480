"""Searches over what the three providers deliver, with overlaps and second passes, find all records and only those.

The truth is a plain scan of the delivered bytes, which shares nothing with the search but the table of fields.
STRONGROOM_SEARCH_QUERIES=1000 tries as many for each provider; STRONGROOM_SEARCH_SEED draws others.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from kit.csv_engine_bench import HISTORY, HOOKS, open_csv_bench
from kit.engine_bench import DAY, STREAM, Bench, open_bench
from strongroom.age.reader import SealedReader
from strongroom.engine.access.hits import gather
from strongroom.engine.access.search import SearchProgress, choose_archives, search
from strongroom.engine.core.identities import unlock
from strongroom.engine.core.sources import open_reading
from strongroom.engine.queries.lists import list_archives
from strongroom.engine.worker.compression import open_clear
from strongroom.model.archive import Archive
from strongroom.model.plan import Stream
from strongroom.model.window import Window
from strongroom.providers.search_fields import search_fields
from strongroom.search.query import parse_query
from strongroom.vault.shred import shred
from strongroom.vault.vault import Vault
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions, ZavuOptions
from strongroom_sandbox.zavu_records import DataOptions

QUERIES = int(os.environ.get("STRONGROOM_SEARCH_QUERIES", "40"))
SEED = int(os.environ.get("STRONGROOM_SEARCH_SEED", "11"))
HALF = timedelta(hours=12)
Name = tuple[str, str, int]  # dataset, folded id, which of the records of this id in its archive


class Plain:
    """A delivered record, and what is compared of it."""

    def __init__(self, archive: Archive, dataset: str, fields: dict[str, Any], number: int) -> None:
        shape = next(each for each in archive.expectation.datasets if each.name == dataset)
        meaning = search_fields(archive.provider, dataset)
        self.raw = [text for value in fields.values() for text in leaves(value)]
        self.texts = [folded(text) for text in self.raw]
        self.id = str(fields[shape.id_field or ""])
        self.name: Name = (dataset, folded(self.id), number)
        self.at = datetime.fromisoformat(str(fields[shape.time_field or ""]))
        self.at = self.at if self.at.tzinfo else self.at.replace(tzinfo=UTC)
        self.senders = picked(fields, meaning.senders)
        self.recipients = picked(fields, meaning.recipients)
        self.parties = self.senders + self.recipients + picked(fields, meaning.parties)
        self.status = " ".join(picked(fields, meaning.status))
        self.channel = " ".join(picked(fields, meaning.channel))
        self.dataset = dataset


def leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from leaves(each)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def folded(text: str) -> str:
    return normalize("NFKC", normalize("NFKC", text).casefold())


def picked(fields: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(folded(text).strip() for name in names for text in leaves(fields.get(name)) if text))


def digits(text: str) -> str:
    return "".join(each for each in text if each.isdigit())


def plain_records(vault: Vault, archive: Archive, bench: Bench) -> Iterator[Plain]:
    """Read an archive without any of our parsers."""
    key = unlock(vault, archive, bench.identities())
    with vault.open_payload(archive) as sealed:
        reader = open_clear(SealedReader(sealed, [key.identity]), archive.seal)
        data = b"".join(iter(lambda: _block(reader), b""))
    members: list[tuple[str, list[dict[str, Any]]]] = []
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            shapes = archive.expectation.datasets
            members += [(shape.name, json.loads(file.read(shape.member))) for shape in shapes]
    else:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
        members.append((archive.expectation.datasets[0].name, list(rows)))
    for dataset, records in members:
        numbers = Counter[str]()
        for fields in records:
            shape = next(each for each in archive.expectation.datasets if each.name == dataset)
            name = folded(str(fields[shape.id_field or ""]))
            numbers[name] += 1
            yield Plain(archive, dataset, fields, numbers[name])


def _block(reader: Any) -> bytes:
    buffer = bytearray(1 << 16)
    return bytes(buffer[: reader.readinto(memoryview(buffer))])


Test = Callable[[Plain], bool]


def draw_term(draw: random.Random, records: list[Plain]) -> tuple[str, Test]:
    """Return a term of a query, and what it means."""
    record = draw.choice(records)
    kind = draw.choice(
        ("part", "part", "wide", "phone", "phone", "id", "status", "dataset", "time", "or", "not", "regex")
    )
    if kind in ("part", "regex"):
        make = part_of if kind == "part" else pattern_of
        return make(draw, draw.choice(record.raw))
    if kind == "wide":  # of other scripts, emoji included, down to one character
        wide = [each for each in record.raw if not each.isascii()]
        if not wide:
            return part_of(draw, draw.choice(record.raw))
        text = draw.choice(wide)
        at = draw.choice([place for place, each in enumerate(text) if not each.isascii()])
        return quoted(text[at : at + draw.randint(1, 3)])
    if kind == "phone":
        return phone(draw, record)
    if kind == "id":
        name = folded(record.id)
        return f'id:"{draw.choice((record.id, record.id.upper()))}"', lambda each: folded(each.id) == name
    if kind == "status" and record.status:
        status = record.status
        return f'status:"{status}"', lambda each: each.status == status
    if kind == "time":
        instant = record.at.replace(microsecond=0)
        after = draw.random() < 0.5
        typed = f"{instant:%Y-%m-%dT%H:%M:%S}Z"
        return f"{'after' if after else 'before'}:{typed}", lambda each: (each.at >= instant) is after
    if kind == "or":
        (one, first), (other, second) = (draw_simple(draw, records) for _ in range(2))
        return f"({one} OR {other})", lambda each: first(each) or second(each)
    if kind == "not":
        text, test = draw_simple(draw, records)
        return f"-{text}", lambda each: not test(each)
    dataset = record.dataset
    return f"dataset:{dataset}", lambda each: each.dataset == dataset


def draw_simple(draw: random.Random, records: list[Plain]) -> tuple[str, Test]:
    record = draw.choice(records)
    return phone(draw, record) if draw.random() < 0.3 else part_of(draw, draw.choice(record.raw))


def part_of(draw: random.Random, text: str) -> tuple[str, Test]:
    at = draw.randrange(max(1, len(text)))
    return quoted(text[at : at + draw.randint(2, 12)])


def quoted(part: str) -> tuple[str, Test]:
    part = " ".join(part.replace('"', " ").replace("\\", " ").split()) or "a"
    wanted = folded(part)
    return f'"{part}"', lambda each: any(wanted in text for text in each.texts)


def pattern_of(draw: random.Random, text: str) -> tuple[str, Test]:
    """Return a regular expression that is made from a word: with a wild card, a set, a repetition or an alternative."""
    word = draw.choice(re.findall("[A-Za-z0-9]{3,}", text) or ["abc"])[:10]
    at = draw.randrange(1, len(word) - 1)
    head, letter, tail = word[:at], word[at], word[at + 1 :]
    middle = draw.choice((".", "[a-z0-9]", f"{letter}+", f"{letter}?", f"({letter}|x)", ".{1,2}"))
    pattern = f"{head}{middle}{tail}"
    wanted = re.compile(pattern, re.IGNORECASE)
    return f'regex:"{pattern}"', lambda each: any(wanted.search(text) for text in each.texts)


def phone(draw: random.Random, record: Plain) -> tuple[str, Test]:
    """Return a term about a telephone number of a record in one of five spellings, or about a party by its name."""
    role = draw.choice(("from", "to", "party"))
    of: Callable[[Plain], list[str]] = {
        "from": lambda each: each.senders,
        "to": lambda each: each.recipients,
        "party": lambda each: each.parties,
    }[role]
    number = draw.choice(of(record) or ["+14155551234"])
    plain = digits(number)
    if len(plain) < 8 or number.lstrip("+") != plain:
        wanted = number
        return f'{role}:"{number}"', lambda each: any(wanted in party for party in of(each))
    typed = draw.choice(
        (f"+{plain}", plain, f"00{plain}", f"+{plain[:2]} ({plain[2:5]}) {plain[5:]}", f"{plain[-8:-4]}-{plain[-4:]}")
    )
    bare, typed_folded = digits(typed).removeprefix("00"), folded(typed)
    key = bare if len(bare) >= 7 else digits(typed)

    def same(each: Plain) -> bool:
        for party in of(each):
            theirs = digits(party) if party.lstrip("+").isdigit() else ""
            if typed_folded in party or (len(theirs) >= 7 and (theirs.endswith(key) or key.endswith(theirs))):
                return True
        return False

    return f'{role}:"{typed}"', same


@contextmanager
def zavu(base: Path) -> Iterator[tuple[Bench, Stream]]:
    few = DataOptions(per_day={"messages": 250, "conversations": 60})
    with open_bench(base, zavu=ZavuOptions(pace=0), data=few) as bench:
        yield bench, STREAM


@contextmanager
def hookbridge(base: Path) -> Iterator[tuple[Bench, Stream]]:
    with open_csv_bench(base, HookBridgeOptions(pace=0)) as bench:
        yield bench, HOOKS


@contextmanager
def qlara(base: Path) -> Iterator[tuple[Bench, Stream]]:
    with open_csv_bench(base, QlaraOptions(pace=0)) as bench:
        yield bench, HISTORY


@pytest.mark.slow
@pytest.mark.parametrize("world", [zavu, hookbridge, qlara], ids=lambda each: each.__name__)
def test_all_matching_records_are_found_and_no_other(tmp_path: Path, world: Any) -> None:
    with world(tmp_path) as (bench, stream):
        bench.export(stream=stream)
        bench.export(stream=stream, window=Window(DAY.start - HALF, DAY.end - HALF))  # half of it once more
        bench.export(stream=stream, again=True)
        with open_reading(bench.config) as vault:
            archives = list_archives(vault)
            records = [record for each in archives for record in plain_records(vault, each, bench)]
            assert len(archives) == 3
            assert len({record.name for record in records}) < len(records)
            draw = random.Random(SEED)
            identities, some = bench.identities(), 0
            for number in range(QUERIES):
                terms = [draw_term(draw, records) for _ in range(draw.choice((1, 1, 2, 3)))]
                text = " ".join(typed for typed, _ in terms)
                truth = {record.name for record in records if all(test(record) for _, test in terms)}
                query, progress = parse_query(text, UTC), SearchProgress()
                found = gather(search(vault, choose_archives(vault, query), query, identities, progress))
                names = Counter((each.hit.dataset, each.hit.entry.id, each.hit.number) for each in found)
                assert names == Counter(truth), (number, text)
                assert (progress.read, progress.unread, progress.unusable) == (0, {}, {})
                some += bool(truth)
            assert some > QUERIES // 4, "most queries find nothing: they show little"

            kept, *destroyed = archives
            for each in destroyed:
                assert shred(vault.key_path(each))
                assert vault.layout.segment(each.id).exists()
            query, progress = parse_query("-nothingatall", UTC), SearchProgress()
            found = gather(search(vault, choose_archives(vault, query), query, identities, progress))
            assert {name for each in found for name in each.archives} == {kept.id}
            assert set(progress.unread) == {each.id for each in destroyed}

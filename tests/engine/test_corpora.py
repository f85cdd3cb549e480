"""What goes out is what came in: the corpora of inspection through `records`, `diff`, Browse, restore and handover.

Each is compared with the independent reader of `oracle`, which knows nothing of the program.
"""

from __future__ import annotations

import json
import os
import random
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kit import oracle
from kit.corpora import BARE, SHARED, Case, all_cases, array, shared_cases
from kit.oracle import Truth
from kit.sealed_vault import DAY, House
from strongroom.cli.main import cli
from strongroom.engine.access.browse import Browser
from strongroom.engine.access.records import Collected, collect, covering
from strongroom.engine.access.restore import restore, restore_members
from strongroom.formats.exact_json import Number
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover, Interval
from strongroom.model.provider import Container
from strongroom.model.window import Window
from strongroom.vault.coverage import put_interval
from strongroom_tui.screens.browse import in_full
from strongroom_tui.screens.record_columns import record_columns, record_row

CASES = all_cases()
OTHER_DAY = Window(datetime(2026, 11, 29, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC))
if SHARED.is_dir():
    SMALL = shared_cases()
    CASES |= SMALL
else:
    SMALL = {}
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
SOURCE = '\n[[source]]\nname = "test"\nprovider = "zavu"\napi_key = "env:NONE"\n'
STREAM = '[[stream]]\nname = "{}"\nsource = "test"\ndatasets = ["messages"]\nsince = 2026-01-01\n'


@dataclass
class Shop:
    """A vault that holds every case, each in a stream of its own."""

    house: House
    archives: dict[str, Archive] = field(default_factory=dict)
    plain: str = ""  # the configuration without any stream

    def run(self, *arguments: object, stream: str = "unused") -> tuple[int, bytes, str]:
        """Run the program with a configuration of one stream: to read a hundred for each command takes seconds."""
        config = self.house.base / "strongroom.toml"
        if not self.plain:
            self.plain = config.read_text()
        config.write_text(self.plain + SOURCE + STREAM.format(stream))
        base = ["--config", str(config)]
        told = CliRunner().invoke(cli, base + [str(each) for each in arguments])
        return told.exit_code, told.stdout_bytes, told.stderr

    def add(self, case: Case, stream: str, window: Window) -> Archive:
        archive = self.house.seal(
            case.data, case.shapes, case.container, window, stream=stream, files=case.files, alone=False
        )
        with self.house.vault.catalogue.transaction():
            put_interval(self.house.vault.catalogue, Interval(stream, window, Cover.PROVEN, archive.id))
        return archive


def day_of(name: str) -> Window:
    return OTHER_DAY if name in SMALL else DAY


def stream_of(name: str) -> str:
    return f"case-{list(CASES).index(name)}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    patch = pytest.MonkeyPatch()
    patch.setattr(os, "fsync", lambda _fd: None)  # nothing here is about power loss, and 700 of them take seconds
    made = Shop(House(tmp_path_factory.mktemp("shop")))
    for name, case in CASES.items():
        made.archives[name] = made.add(case, stream_of(name), day_of(name))
    yield made
    made.house.vault.close()
    patch.undo()


def test_the_small_inputs_are_at_hand() -> None:
    if not SMALL:
        pytest.skip(f"{SHARED} is not here: the small inputs that once failed are not tried")
    assert all(sum(map(len, case.truth.values())) for case in SMALL.values())


@pytest.mark.slow
def test_inspection_counts_what_the_oracle_reads(shop: Shop) -> None:
    for name, case in CASES.items():
        found = shop.archives[name].inspection
        assert found.sound, (name, found.findings)
        counts = {each.name: 0 for each in case.shapes}
        for member in found.members:
            if member.dataset:
                counts[member.dataset] += member.records
        assert counts == {kind: len(records) for kind, records in case.truth.items()}, name


@pytest.mark.slow
def test_records_writes_every_record_as_it_was_delivered(shop: Shop) -> None:
    for name, case in CASES.items():
        day = day_of(name)
        span = ("--from", day.start.date(), "--to", day.end.date())
        code, out, err = shop.run("records", stream_of(name), *span, stream=stream_of(name))
        assert code == 0, (name, err)
        expected = [(kind, each) for kind, records in case.truth.items() for each in records if within(case, each, day)]
        lines = out.decode().split("\n")
        assert lines.pop() == ""
        assert len(lines) == len(expected), name
        for line, (kind, truth) in zip(lines, expected, strict=True):
            assert line.startswith(f'{{"dataset": "{kind}", "record": '), name
            if truth.text:
                assert line[len(f'{{"dataset": "{kind}", "record": ') : -1] == one_line(truth.text), name
            else:
                assert json.loads(line)["record"] == truth.fields, name
        assert f"{len(expected):,} record" in err


def within(case: Case, truth: Truth, period: Window) -> bool:
    moments = {case.time(truth, shape) for shape in case.shapes}
    return any(each is None or period.holds(each) for each in moments)


def one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


@pytest.mark.slow
def test_a_period_is_held_against_the_times_of_inspection(shop: Shop) -> None:
    for name, case in CASES.items():
        day, tick = day_of(name), timedelta(microseconds=1)
        (truths, *more) = case.truth.values()
        if more or len(truths) > 100:
            continue
        moments = sorted({at for each in truths if (at := case.time(each, case.shapes[0])) and day.holds(at)})
        for at in {*moments[1:2], *moments[-1:]}:
            for period in (Window(at, at + tick), Window(day.start, max(at, day.start + tick))):
                expected = Counter(each.equal for each in truths if within(case, each, period))
                assert Counter(collected(shop, name, period)) == expected, (name, period)


def collected(shop: Shop, name: str, period: Window) -> Iterator[str]:
    vault = shop.house.vault
    source = covering(vault, stream_of(name), period)
    for _kind, each in collect(vault, source, period, shop.house.identities, Collected()):
        yield Truth(digits(each.exact)).equal


def digits(value: Any) -> Any:
    """Give numbers that were read exactly the class of the oracle."""
    if isinstance(value, dict):
        return {name: digits(each) for name, each in value.items()}
    if isinstance(value, list):
        return [digits(each) for each in value]
    return oracle.Digits(value) if isinstance(value, Number) else value


@pytest.mark.slow
def test_diff_counts_as_the_oracle_does(shop: Shop) -> None:
    kinds: dict[object, list[str]] = {}
    for name, case in CASES.items():
        kinds.setdefault((case.container, case.shapes), []).append(name)
    for older, newer in (pair for names in kinds.values() for pair in pairwise([*names, names[0]]) if len(names) > 1):
        code, out, err = shop.run("diff", shop.archives[older].id, shop.archives[newer].id, "--json")
        told = json.loads(out)
        for each, shape in zip(told["datasets"], CASES[older].shapes, strict=True):
            sides = [CASES[name].truth[shape.name] for name in (older, newer)]
            expected = oracle.compare(*sides, shape.id_field or "")
            where = (older, newer)
            assert (each["older"], each["newer"]) == tuple(map(len, sides)), where
            found = each["same"], *(each[kind]["count"] for kind in ("added", "changed", "vanished"))
            assert found == (expected.same, expected.added, expected.changed, expected.vanished), where
            names = {field["name"]: field["records"] for field in each["fields"]}
            assert sum(names.values()) == sum(expected.fields.values()), where
            assert code == (0 if told["alike"] else 1), (where, err)


@pytest.mark.slow
def test_browse_shows_every_record_with_its_digits_and_finds_it(shop: Shop) -> None:
    for name, case in CASES.items():
        for kind, truths in case.truth.items():
            with Browser(shop.house.vault, shop.archives[name], shop.house.identities, kind) as browser:
                shelf = browser.read(0, 10**6)
                assert shelf.places == tuple(range(1, len(truths) + 1))
                assert [oracle.tag(each) for each in shelf.records] == [each.plain for each in truths], name
                columns = record_columns(browser.shape, shelf.records, 200)
                for place, record, truth in list(zip(shelf.places, shelf.records, truths, strict=True))[:60]:
                    shown = in_full(record).plain
                    row = "".join(cell.plain for cell in record_row(place, record, browser.shape, columns).cells)
                    assert not [c for c in shown + row if unicodedata.category(c) in HIDDEN and c != "\n"], name
                    if "more is not shown here" not in shown:
                        for word in filter(as_it_is, oracle.words_in(truth.fields)):
                            found = word in shown.replace("\n  ", "")
                            assert found, (name, word[:80])
                if len(truths) > 100:
                    continue
                for wanted in ("1e999", "9" * 5_000, "half", "null", "m3", "\U0001f600", "2b", "AAAAAAAA"):
                    expected = tuple(n for n, each in enumerate(truths, 1) if holds(each.fields, wanted.casefold()))
                    assert browser.read(0, 10**6, wanted).places == expected, (name, wanted[:20])


def as_it_is(word: str) -> bool:
    """Say whether a text is shown on the screen as it is."""
    return word.isascii() and word.isprintable() and not {*'"\\'} & {*word}


def holds(value: Any, wanted: str) -> bool:
    if isinstance(value, dict):
        return any(holds(each, wanted) for each in value.values())
    if isinstance(value, list):
        return any(holds(each, wanted) for each in value)
    return wanted in (str(value) if isinstance(value, str) else json.dumps(value)).casefold()


@pytest.mark.slow
def test_what_is_restored_is_what_was_delivered(shop: Shop, tmp_path: Path) -> None:
    vault, identities = shop.house.vault, shop.house.identities
    for number, (name, case) in enumerate(CASES.items()):
        whole = tmp_path / f"{number}.whole"
        restore(vault, shop.archives[name], identities, whole)
        assert whole.read_bytes() == case.data, name
        if case.container in (Container.ZIP_OF_JSON, Container.BUNDLE):
            folder = tmp_path / f"{number}.members"
            restore_members(vault, shop.archives[name], identities, folder)
            found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
            assert found == oracle.members(case.data), name


@pytest.mark.slow
def test_what_is_handed_over_is_what_was_delivered(shop: Shop, tmp_path: Path) -> None:
    ids = ",".join(archive.id for archive in shop.archives.values())
    code, _out, err = shop.run("handover", "--archives", ids, "--to", tmp_path / "package", "--plain")
    assert code == 0, err
    for name, case in CASES.items():
        delivered = tmp_path / "package" / "archives" / shop.archives[name].id / "delivered"
        assert delivered.read_bytes() == case.data, name


TEXTS = [f'{{"id":"m{n}","createdAt":"2026-03-0{1 + n % 2}T{hour:02}:00:00Z","n":{n % 3}}}' for n in range(4)
         for hour in (0, 6, 12, 23)]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_only_an_equal_record_of_another_archive_is_left_out(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three archives of any records, doubles and strays among them: each as often as in the one that has most of it."""
    monkeypatch.setattr(os, "fsync", lambda _fd: None)
    random_bytes = random.Random(seed)
    windows = [DAY, Window(DAY.end, DAY.end + timedelta(days=1)), Window(DAY.start + timedelta(hours=5), DAY.end)]
    house = House(tmp_path)
    sides, truths = Shop(house), []
    for window in windows:
        texts = random_bytes.choices([*TEXTS, '{"id":"x"}', "{}"], k=12)
        case = Case(array(*texts), Container.JSON_ARRAY, (BARE,))
        sides.add(case, "messages", window)
        truths.append(Counter(each.equal for each in oracle.read_json(case.data)))
    period = Window(DAY.start, DAY.end + timedelta(days=1))
    source = covering(house.vault, "messages", period)
    found = Counter(
        Truth(digits(each.exact)).equal
        for _kind, each in collect(house.vault, source, period, house.identities, Collected())
    )
    house.vault.close()
    assert len(source.archives) == len(windows)
    assert found == truths[0] | truths[1] | truths[2]

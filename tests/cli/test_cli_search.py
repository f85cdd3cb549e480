"""`strongroom search` on a vault: hits, counts, groups, JSON; what is typed on standard input; mistakes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.sealed_vault import DAY, House, as_zip
from strongroom.cli.main import cli
from strongroom.model.errors import ExitCode
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container
from strongroom.model.times import format_instant
from strongroom.search.entry import searched_text

SHAPE = DatasetShape("messages", "messages.json", "id", "at")
TEXTS = ("Your REFUND is on its way", "Order 4711 was sent", "\x1b[31mrefund\u202e and " + "far " * 60, "退款已发出")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    records = [
        {
            "id": f"m{place}",
            "at": format_instant(DAY.start + timedelta(hours=place)),
            "from": "+1 (415) 555-1234" if place % 2 else "Óptica Sol",
            "to": "ada@example.org",
            "status": "delivered",
            "text": text,
        }
        for place, text in enumerate(TEXTS)
    ]
    made.seal(as_zip(messages=records), (SHAPE,), Container.ZIP_OF_JSON, alone=False)
    yield made
    made.vault.close()


def ask(house: House, *arguments: str, code: int = ExitCode.OK, typed: str | None = None) -> Result:
    config = str(house.base / "strongroom.toml")
    result = CliRunner().invoke(cli, ["--config", config, "search", *arguments], input=typed)
    assert result.exit_code == code, result.output
    return result


def test_a_hit_shows_when_who_what_and_where(house: House) -> None:
    result = ask(house, "refund", "from:Óptica")
    first, second = result.stdout.splitlines()[0], result.stdout.splitlines()[1]
    assert first == "2026-03-01 00:00:00  Óptica Sol → ada@example.org  delivered"
    assert second == "    Your REFUND is on its way"
    assert "2 hits; searched 4 records in 1 archive" in result.stderr


def test_nothing_in_a_record_reaches_the_terminal_as_a_command(house: House) -> None:
    shown = ask(house, "far").stdout
    assert "\x1b[31m" not in shown
    assert "\u202e" not in shown
    assert "…" in shown


def test_lists_are_cut_at_the_limit_and_say_so(house: House) -> None:
    result = ask(house, "--limit", "1", "after:2026")
    assert len(result.stdout.splitlines()) == 3
    assert "1 of 4 hits" in result.stderr


def test_counts_and_groups(house: House) -> None:
    assert ask(house, "--count", "refund").stdout == "2\n"
    rows = ask(house, "--by", "party", "after:2026").stdout.splitlines()
    assert rows[0].split() == ["PARTY", "RECORDS"]
    assert [row.split()[:2] for row in rows[1:]] == [["ada@example.org", "4"], ["óptica", "sol"], ["14155551234", "2"]]
    assert json.loads(ask(house, "--by", "day", "--json", "after:2026").stdout)["counts"] == {"2026-03-01": 4}
    assert json.loads(ask(house, "--count", "--json", "退款").stdout) == {"hits": 1}


def test_json_is_a_line_for_each_hit(house: House) -> None:
    lines = [json.loads(line) for line in ask(house, "--json", "status:delivered", "4711").stdout.splitlines()]
    assert [(line["id"], line["stream"], line["versions"]) for line in lines] == [("m1", "messages", 1)]
    assert json.loads(lines[0]["record"])["text"] == TEXTS[1]


def test_full_prints_the_records_as_they_were_delivered(house: House) -> None:
    (line,) = ask(house, "--full", "4711").stdout.splitlines()
    assert json.loads(line)["from"] == "+1 (415) 555-1234"


def test_a_query_is_read_from_standard_input_where_none_is_given(house: House) -> None:
    assert "1 hit;" in ask(house, typed="退款\n").stderr


def test_dates_are_those_of_the_zone_that_is_given(house: House) -> None:
    assert "0 hits" in ask(house, "before:2026-03-01").stderr
    assert "4 hits" in ask(house, "--time-zone", "Pacific/Kiritimati", "before:2026-03-02", "after:2026-03-01").stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sender:ada"], "there is no operator sender:"),
        (["stream:mesages x"], "did you mean 'messages'"),
        (["dataset:calls"], "messages"),
        (["refund OR"], "OR has nothing on one of its sides"),
        (["--time-zone", "Mars/Base", "x"], "there is no time zone 'Mars/Base'"),
        (["--by", "color", "x"], "color"),
        (["--limit", "0", "x"], "0"),
    ],
)
def test_a_mistake_is_refused_in_words(house: House, arguments: list[str], words: str) -> None:
    assert words in ask(house, *arguments, code=ExitCode.USAGE).stderr


def test_a_damaged_archive_is_named_and_the_exit_code_says_so(house: House) -> None:
    (payload,) = (house.base / "vault" / "archives").rglob("*.age")
    payload.chmod(0o600)
    payload.write_bytes(payload.read_bytes()[:-30])
    result = ask(house, "refund", code=ExitCode.FINDINGS)
    assert "could not be read" in result.stderr
    assert "strongroom verify" in result.stderr


def test_a_search_that_is_stopped_shows_what_it_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def look(record: Mapping[str, object]) -> str:
        looked.append(1)
        if len(looked) == 4:
            raise KeyboardInterrupt
        return searched_text(record)

    monkeypatch.setattr("strongroom.engine.access.search.searched_text", look)
    result = ask(house, "refund", code=ExitCode.INTERRUPTED)
    assert len(result.stdout.splitlines()) == 6
    assert "2 hits; searched 4 records in 0 of 1 archive before it was stopped" in result.stderr

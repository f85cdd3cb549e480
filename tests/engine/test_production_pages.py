"""Conversations as pages: what a record says stays text, names come from contacts, and a slice has the length asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kit.sealed_vault import AT, DAY, House, as_zip
from strongroom.cli.main import cli
from strongroom.config.load import load_config
from strongroom.engine.production.conversations import ConversationKey, ConversationSlice, ProducedMessage
from strongroom.engine.production.page import index_row, write_page
from strongroom.engine.proof.checkpoints import signer_of
from strongroom.evidence.verifier import Key, Report, check_production
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container

START = datetime(2026, 3, 1, tzinfo=UTC)
HOSTILE = '<script>alert(1)</script><img src=//x.example onerror=x>"\'&\x00\u202e</p></article><article id="P9">'
EXPECTED = {"script": 0, "img": 0, "link": 0, "iframe": 0, "article": 1, "main": 1, "h1": 1}


class Tags(HTMLParser):
    """Counts elements, and collects their text and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        assert not any(name.startswith("on") or name == "style" for name, _value in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def message(text: str) -> ProducedMessage:
    return ProducedMessage(
        number="P0000001",
        sha256="0" * 64,
        archive="a" * 26,
        dataset="messages",
        id="m1",
        at=START + timedelta(hours=9),
        sender=text or "ada",
        recipients=(text,),
        channel=text,
        status=text,
        body=text,
        direction="incoming",
        deleted=False,
        links=((text, text),),
    )


@given(st.one_of(st.just(HOSTILE), st.text(st.characters(blacklist_categories=("Cs",)), max_size=60)))
def test_whatever_a_record_says_is_text(text: str) -> None:
    part = ConversationSlice(ConversationKey("C1", text, text, text), START, [message(text)], {text: text})
    for page in (write_page(part), b"<table>" + index_row(part, "MESSAGES/2026-03-01/C1.html") + b"</table>"):
        tags = Tags()
        tags.feed(page.decode())
        whole = b"<main>" in page
        assert {tag: tags.counts.get(tag, 0) for tag in EXPECTED} == (EXPECTED if whole else dict.fromkeys(EXPECTED, 0))
        assert tags.addresses == ([] if whole else ["MESSAGES/2026-03-01/C1.html"])
    assert write_page(part) == write_page(part)


MESSAGES = [
    {"id": f"m{hour}", "at": f"2026-03-01T{hour:02}:30:00Z", "from": "+14155551234", "to": "+4930123", "text": HOSTILE}
    for hour in (8, 9, 21)
]
CONTACTS = [
    {"id": "c1", "name": "Ada Lovelace", "phone": "+1 (415) 555-1234", "createdAt": "2026-02-01T00:00:00Z"},
    {"id": "c2", "name": "Ben", "phone": "+4930123", "createdAt": "2026-02-01T00:00:00Z"},
    {"id": "c3", "name": "Carl", "phone": "+4930123", "createdAt": "2026-02-01T00:00:00Z"},
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    for name, time_field, records in (("messages", "at", MESSAGES), ("contacts", "createdAt", CONTACTS)):
        shape = DatasetShape(name, f"{name}.json", "id", time_field)
        made.seal(as_zip(**{name: records}), (shape,), Container.ZIP_OF_JSON, stream=name, alone=False, at=AT)
    yield made
    made.vault.close()


def produce(house: House, to: Path, *more: str) -> list[str]:
    config, identity = house.base / "strongroom.toml", house.base / "identity.age"
    words = ["production", "stream:messages", "--format", "html", "--identity", str(identity), "--output", str(to)]
    done = CliRunner().invoke(cli, ["--config", str(config), *words, *more])
    assert done.exit_code == 0, done.output
    return sorted(path.relative_to(to).as_posix() for path in to.rglob("MESSAGES/*/*"))


def findings(house: House, path: Path) -> list[str]:
    report, key = Report(), Key(str(signer_of(load_config(house.base / "strongroom.toml")).verifier))
    report.check(path.name, lambda: check_production(path, [key], [], report))
    return [each.code for each in report.findings]


def test_people_are_named_by_contacts_that_name_one(house: House, tmp_path: Path) -> None:
    assert DAY.start == START
    (name,) = produce(house, tmp_path / "out")
    page = (tmp_path / "out" / name).read_text()
    assert name.startswith("MESSAGES/2026-03-01/")
    assert "Ada Lovelace (+14155551234)" in page
    assert "Ben" not in page  # two contacts have the number
    assert [
        line["number"] for line in map(json.loads, (tmp_path / "out/index.jsonl").read_text().splitlines())
    ] == re.findall(r'<article id="([^"]+)"', page)
    assert findings(house, tmp_path / "out") == []
    assert "Ada" not in (tmp_path / "plain" / produce(house, tmp_path / "plain", "--no-contacts")[0]).read_text()


def test_a_slice_is_as_long_as_asked(house: House, tmp_path: Path) -> None:
    names = produce(house, tmp_path / "out", "--slice-hours", "6")
    assert [name.split("/")[1] for name in names] == ["2026-03-01T06", "2026-03-01T18"]
    assert findings(house, tmp_path / "out") == []

"""The flows of docs/architecture.md name files that are there, and each goes the short way that the page says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
FILE = re.compile(r"`((?:[a-z_]+/)+[a-z_0-9]+\.py)`")
ROOM = re.compile(r"^engine/([a-z]+)/")


def flows() -> Mapping[str, list[list[str]]]:
    """Return the files of each step of each flow, by the flow's title."""
    section = PAGE.partition("\n## Four flows\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### (.+)$", section, flags=re.MULTILINE)[1:]
    return {
        title: [FILE.findall(line) for line in body.splitlines() if re.match(r"\| \d+\. ", line)]
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


FLOWS = flows()


def place_of(name: str) -> Path:
    """Return where a file of the page is: the page leaves out the folder of the wheel."""
    return (
        ROOT / name if name.startswith(("agent/", "docs/", "tests/", "tui/")) else ROOT / "agent" / "strongroom" / name
    )


def test_there_are_four_flows_and_each_step_names_a_file() -> None:
    assert len(FLOWS) == 4
    assert [title for title, steps in FLOWS.items() if not steps or not all(steps)] == []


@pytest.mark.parametrize("title", list(FLOWS))
def test_every_file_of_a_flow_is_there(title: str) -> None:
    named = {name for step in FLOWS[title] for name in step}
    assert [name for name in sorted(named) if not place_of(name).is_file()] == []


def test_every_other_file_of_the_page_is_there() -> None:
    assert [name for name in sorted(set(FILE.findall(PAGE))) if not place_of(name).is_file()] == []


def test_a_request_of_the_screen_reaches_its_row_through_five_files() -> None:
    files = [name for step in FLOWS["A request from the screen"] for name in step]
    assert len(set(files)) <= 5
    assert files[-1] == "vault/requests.py"


def test_a_destruction_enters_each_room_once() -> None:
    files = [name for step in FLOWS["A destruction"] for name in step]
    rooms = [room for room, _ in groupby(room for name in files for room in ROOM.findall(name))]
    assert len(rooms) == len(set(rooms))

"""The picture of an export's life in docs/architecture.md is the job table's own."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from strongroom.model.job import Event, State
from strongroom.model.job_table import MOVES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def diagram() -> ModuleType:
    spec = importlib.util.spec_from_file_location("diagram", DOCS / "diagram.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_as_the_table_draws_it(diagram: ModuleType) -> None:
    page = (DOCS / "architecture.md").read_text()
    assert diagram.redrawn(page) == page, "run: python docs/diagram.py"


def test_the_picture_has_every_move_once(diagram: ModuleType) -> None:
    found = re.findall(r"^ +([a-z]+) --> ([a-z]+): (.+)$", diagram.picture(), re.MULTILINE)
    drawn = [(State(start), Event(word), State(end)) for start, end, words in found for word in words.split(", ")]
    moves = {(start, event, end) for (start, event), end in MOVES.items() if event is not Event.CANCELLED}
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == moves


def test_the_table_has_every_event_and_fits_a_terminal(diagram: ModuleType) -> None:
    table = diagram.table()
    assert max(map(len, table.splitlines())) <= diagram.WIDTH
    words = set(re.findall(r"[a-z-]+", table))
    assert {event.value for _start, event in MOVES} <= words


def test_a_page_without_its_markers_is_refused(diagram: ModuleType) -> None:
    with pytest.raises(SystemExit, match="exactly once"):
        diagram.redrawn("no markers")

"""The room there is: the last line, dialogs and toasts give way in an order that leaves what a person needs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.widgets import Button, Input

from kit.tui_bench import Bench, Seat, Sit
from strongroom.model.plan import DatasetShape
from strongroom_tui.dialogs.help import usable
from strongroom_tui.screens.record_columns import record_columns, record_row
from strongroom_tui.widgets.footer import KeyEntry, place_entries

NAMES = st.lists(st.text(alphabet="abcdef ", min_size=1, max_size=12), unique=True, max_size=12)
ENTRIES = {
    **{name: KeyEntry(name[0], name[0], name) for name in ("details", "filter", "verify", "restore")},
    "back": KeyEntry("escape", "esc", "clear"),
    "help": KeyEntry("question_mark", "?", "help"),
    "command_palette": KeyEntry("ctrl+p", "^p", "palette"),
}


@given(NAMES, st.integers(10, 120))
def test_entries_stand_beside_each_other_and_fit(names: list[str], width: int) -> None:
    found = {name: KeyEntry("x", "x", name) for name in names} | {"help": ENTRIES["help"]}
    placed = list(place_entries(found, width))
    assert all(one.start + one.width < two.start for one, two in itertools.pairwise(placed))
    assert all(each.start + each.width <= width for each in placed)
    assert len(placed) == len(found) or placed[-1].name == "more"


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (80, ["details", "filter", "verify", "restore", "clear", "help", "palette"]),
        (62, ["details", "filter", "verify", "restore", "clear", "help"]),
        (40, ["clear", "details", "filter", "more"]),
        (24, ["clear", "more"]),
    ],
)
def test_the_palette_gives_way_first_and_the_way_out_never(width: int, names: list[str]) -> None:
    assert [each.name for each in place_entries(ENTRIES, width)] == names


def inside(seat: Seat) -> bool:
    """Return whether all that a dialog can be answered with stands on the screen in full."""
    parts = [*seat.app.screen.query(Button), *seat.app.screen.query(Input)]
    shown = seat.app.screen.region.shrink((0, 0, 1, 0))
    return all(part.region in shown and part.region in part.parent.region and part.region.area for part in parts)


async def test_fields_and_buttons_of_a_dialog_are_in_sight_at_any_size(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (40, 12), tab="archives") as seat:
        for keys, buttons in ((["R"], "As delivered"), (["R", "enter"], "export.zip"), (["H"], "Go back")):
            await seat.press(*keys)
            for size in ((40, 12), (80, 24), (60, 20), (40, 12)):
                await seat.resize(*size)
                assert inside(seat), (keys, size, seat.text)
                assert buttons in seat.text
            await seat.press("escape")
            assert "✓ verified" in seat.text
        await seat.press("3", "x")
        assert inside(seat)


async def test_rows_are_told_apart_at_the_least_size(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (40, 12)) as seat:
        for key, words in (("3", "zavu:contac… 2026-05-02Z"), ("4", "zavu:cont… 2026-05-03Z"), ("6", "cause q")):
            await seat.press(key)
            assert words in seat.text, seat.text


async def test_two_toasts_at_most_and_none_from_another_tab(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (80, 24)) as seat:
        for number in range(5):
            seat.app.notify(f"told {number}", timeout=60)
        seat.app.notify("told 4", timeout=60)
        await seat.settle()
        assert [each.message for each in seat.app._notifications] == ["told 3", "told 4"]
        assert "told 3" in seat.text
        assert "told 2" not in seat.text
        await seat.press("4")
        assert "told" not in seat.text
        seat.app.notify("here", timeout=60)
        await seat.press("enter", "escape")
        assert "here" in seat.text


async def test_no_words_of_the_toolkit_stand_in_help_or_palette(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (100, 40)) as seat:
        for keys in ((), ("enter",), ("escape", "slash"), ("escape", "x"), ("escape", "1")):
            await seat.press(*keys)
            for each in usable(seat.app.screen):
                words = f"{each.binding.key} {each.binding.description} {each.tooltip}"
                theirs = ("command prompt", "Focus", "super+", "selected text", "cursor", "Submit", "Press button")
                assert not [found for found in theirs if found in words], words


SHAPE = DatasetShape("messages", "messages.json", "id", "createdAt")
RECORD = {
    "id": "msg_0123456789012345678901234567",
    "to": "+4915112345678",
    "from": "+4915187654321",
    "status": "delivered",
    "text": "Hello! Your parcel is on its way to you.",
    "createdAt": "2026-11-20T13:03:07.123Z",
}


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (39, ["#", "createdAt", "text"]),
        (79, ["#", "createdAt", "from", "text"]),
        (140, ["#", "createdAt", "from", "text", "to", "status", "id"]),
    ],
)
def test_what_was_said_and_by_whom_comes_before_ids(width: int, names: list[str]) -> None:
    columns = record_columns(SHAPE, [RECORD], width)
    assert [column.name for column in columns] == names
    assert sum(column.width + 1 for column in columns) <= width
    cells = [cell.plain for cell in record_row(3, RECORD, SHAPE, columns).cells]
    assert cells[1] == "11-20 14:03+01"
    assert cells[names.index("text")].startswith("Hello! Your par")


@given(
    st.lists(st.dictionaries(st.text(max_size=9), st.none() | st.integers() | st.text(max_size=40)), max_size=4),
    st.integers(9, 120),
)
def test_columns_of_any_records_fit(records: list[dict[str, object]], width: int) -> None:
    columns = record_columns(SHAPE, records, width)
    assert sum(column.width + 1 for column in columns) <= width or width < 26
    for record in records:
        row = record_row(1, record, SHAPE, columns)
        assert all(cell_len(cell.plain) <= column.width for cell, column in zip(row.cells, columns, strict=True))


@pytest.mark.parametrize(
    ("actor", "told"),
    [
        ({"type": "user", "name": "José Peña"}, "José Peña"),
        ({"name": " ", "email": "j@example.org"}, "j@example.org"),
        ({"NAME": "Ann\x1b[2J"}, r"Ann\x1b[2J"),
        ({"kind": 3}, '{"kind": 3}'),
        (["a"], '["a"]'),
    ],
)
def test_an_object_is_told_by_its_name(actor: object, told: str) -> None:
    records = [{"id": "1", "actor": actor}]
    columns = record_columns(DatasetShape("activities", "activities.json", "id", None), records, 80)
    row = record_row(1, records[0], DatasetShape("activities", "activities.json", "id", None), columns)
    assert told in [cell.plain for cell in row.cells]

"""How machine and sources stand in the health tab; blind spots and copies in the words of the overview."""

from __future__ import annotations

from msgspec.structs import replace

from kit.tui_bench import NOW, STREAMS, Bench, Sit, window
from kit.tui_views import configure, hold
from strongroom.config.outgoing import NotifySettings
from strongroom.engine.queries.lists import Vault
from strongroom.engine.queries.overview import Look, read_overview
from strongroom.model.coverage import Cover
from strongroom.model.coverage_strip import Heat
from strongroom.model.provider import BlindSpot
from strongroom.vault.alerts import AlertRecord, put_alert
from strongroom.vault.sources import SourceState
from strongroom_tui.screens.overview import cell_words
from strongroom_tui.widgets.heatmap import Cell


def tell(vault: Vault, *notices: AlertRecord) -> None:
    with vault.catalogue.transaction():
        for alert in notices:
            put_alert(vault.catalogue, alert)


async def test_disk_quotas_clocks_and_who_was_told(bench: Bench, sit: Sit) -> None:
    configure(bench)
    bench.config = replace(bench.config, notify=NotifySettings(desktop=True))
    bench.write(SourceState("zavu", clock_skew=-1.5, refused_until=NOW.replace(hour=14)))
    tell(
        bench.vault,
        AlertRecord("told", "warning", "a thing", "", raised_at=NOW.replace(hour=11), told_at=NOW.replace(hour=12)),
        AlertRecord("waits", "warning", "another", "", raised_at=NOW),
    )
    async with sit(bench, (140, 40), tab="health") as seat:
        for words in (
            "Machine and sources",
            "free, the reserve is 2.0 GB",
            "reached in",
            "0 of 10 exports created in the last hour, 2 of 3 in progress",
            "its clock is -1.5 s",
            "not before 2026-11-20 15:03:07+01:00, in 60 min",
            "to the desktop; 1 sent, the last 60 min ago; 1 waiting",
        ):
            assert words in " ".join(seat.text.split()), words


async def test_nothing_known_is_said_so(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (140, 40), tab="health") as seat:
        assert "free, the reserve is" in seat.text
        assert "no channel is configured under [notify], so alerts reach nobody" in seat.text


def test_a_cell_of_a_snapshot_is_one_copy() -> None:
    spot = Cell("templates", window(3), Heat.HELD, snapshot=True)
    assert "█ a copy is archived  templates" in cell_words(spot, 100).plain
    assert "x no copy was taken" in cell_words(replace(spot, heat=Heat.LOST), 100).plain
    assert "█ archived" in cell_words(replace(spot, snapshot=False), 100).plain


def test_what_a_stream_leaves_out_is_told_with_who_has_it(bench: Bench) -> None:
    configure(bench, streams=STREAMS[:2])
    hold(bench, STREAMS[0], range(1, 20), Cover.PROVEN)
    first, second = (stream.plan() for stream in bench.config.streams)
    spot = BlindSpot("messages", "pictures", "media")

    def blind(*plans: object) -> list[tuple[str, ...]]:
        glance = read_overview(bench.vault, plans, {}, NOW, Look(), {"zavu": (spot,)})  # type: ignore[arg-type]
        return [strip.blind for strip in glance.strips]

    other = replace(second, stream=replace(second.stream, datasets=("media",)))
    assert blind(first, other) == [(f"pictures: see {STREAMS[1]}",), ()]
    assert blind(first) == [("pictures: no stream holds them",)]
    words = cell_words(Cell(STREAMS[0], window(3), Heat.HELD, blind=("pictures: no stream holds them",)), 100).plain
    assert words.splitlines()[1] == "◐ leaves out pictures: no stream holds them"

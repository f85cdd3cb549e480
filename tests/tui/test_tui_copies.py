"""The copies of the vault on the screen: the tile, and all that is known of them in Health."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from kit.tui_bench import DAY, NOW, Bench, Sit, furnish
from kit.tui_vault import until
from kit.tui_views import configure
from strongroom.config.copies import CopySettings
from strongroom.evidence.line import Entry
from strongroom.model.entry_kind import EntryKind
from strongroom.vault.copies import CopyFinding, CopyState, log_copy, put_copy_finding, put_copy_state
from strongroom.vault.log import add_entry, last_entry_number


def copied(bench: Bench) -> Bench:
    """A vault with a copy that is behind by three days, a complete one with damage, and one that is new."""
    furnish(configure(bench))
    copies = tuple(CopySettings(name, path=Path("/mnt") / name) for name in ("nas", "shelf", "vault-b"))
    bench.config = replace(bench.config, copies=copies)
    catalogue = bench.vault.catalogue
    with catalogue.transaction():
        for name in ("nas", "shelf"):
            log_copy(catalogue, EntryKind.COPY_BEGUN, NOW - 30 * DAY, copy=name)
        entries = last_entry_number(catalogue)
        for number in range(3):
            add_entry(catalogue, Entry("job.proven", NOW - 3 * DAY, archive=f"01kaj{number:021d}"))
        behind = CopyState("nas", entries, NOW - 3 * DAY, 4, failure="the folder is not there")
        whole = CopyState("shelf", entries + 3, NOW - DAY, scrubbed_at=NOW - 9 * DAY, rehearsed_at=NOW - 4 * DAY)
        put_copy_state(catalogue, behind)
        put_copy_state(catalogue, whole)
        put_copy_finding(catalogue, CopyFinding("shelf", "archives/ab/x.age", "", "missing", "it is missing", NOW))
    return bench


async def test_the_tile_and_health_say_what_copy_status_says(empty: Bench, sit: Sit) -> None:
    async with sit(copied(empty), (40, 12), tab="overview") as seat:
        for width, height in ((80, 24), (120, 40), (200, 60)):
            await seat.resize(width, height)
            await until(seat, "Copies")
            await until(seat, "✗ shelf")
        await seat.resize(120, 40)
        await until(seat, "▲ nas     behind by 3 days, 3 archives")
        await until(seat, "○ vault-b not begun")
        await seat.press("7")
        for words in (
            "▲ nas: behind by 3 days, 3 archives; the folder is not there",
            "/mnt/nas",
            "not read again yet; a restore was never rehearsed",
            "✗ shelf: complete; 1 object damaged or missing",
            "archives/ab/x.age: it is missing",
            "every object read again 9 d ago; a restore was rehearsed 4 days ago",
        ):
            await until(seat, words)


async def test_without_a_copy_health_says_how_to_keep_one(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (140, 40), tab="health") as seat:
        await until(seat, "none: everything is on one disk. docs/copies.md says how to keep a copy")

"""Acts on jobs: they write a request and touch nothing themselves; the safe answer has the focus."""

from __future__ import annotations

import pytest

from kit.tui_bench import Bench, Seat, Sit, job_id
from kit.tui_views import footer, requested
from strongroom.vault.lock import hold


async def find(seat: Seat, words: str) -> None:
    await seat.press("slash", *words, "enter")


@pytest.mark.parametrize(
    ("state", "there", "absent"),
    [
        ("failed", {"retry"}, {"cancel", "re-export"}),
        ("archived", {"re-export"}, {"cancel", "retry"}),
        ("fetching", {"cancel"}, {"retry", "re-export"}),
        ("cancelled", set(), {"cancel", "retry", "re-export"}),
    ],
)
async def test_only_what_fits_is_offered(bench: Bench, sit: Sit, state: str, there: set[str], absent: set[str]) -> None:
    async with sit(bench) as seat:
        await find(seat, state)
        for keys in ([], ["enter"]):
            await seat.press(*keys)
            assert there <= footer(seat)
            assert not absent & footer(seat)


async def test_enter_alone_never_cancels(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await find(seat, "fetching")
        await seat.press("x")
        assert f"Cancel job {job_id(9000)}?" in seat.text
        assert "zavu:messages" in seat.text
        await seat.press("enter")
        assert "Cancel job" not in seat.text
        await seat.press("x", "escape")
        assert requested(bench) == []


async def test_a_job_is_cancelled_by_choosing_to(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await find(seat, "fetching")
        await seat.press("x", "tab", "enter")
        assert requested(bench) == [("cancel", job_id(9000))]
        assert "no daemon is running, so it waits" in seat.text


async def test_somebody_at_work_is_asked_plainly(bench: Bench, sit: Sit) -> None:
    with hold(bench.vault.layout.lock, "strongroom daemon"):
        async with sit(bench) as seat:
            await find(seat, "failed")
            await seat.press("t")
            assert "Retry this failed window?" in seat.text
            assert "zavu: 0 exports this hour, 2 in progress" in seat.text
            await seat.press("enter")  # the safe answer has the focus
            assert requested(bench) == []
            await seat.press("t", "tab", "enter")
            assert requested(bench) == [("retry", job_id(9008))]
            assert "requested: retry" in seat.text
            assert "waits" not in seat.text


async def test_a_window_is_exported_afresh_from_the_life_of_its_job(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await find(seat, "archived")
        await seat.press("enter", "e")
        assert "Re-export this window?" in seat.text
        assert "zavu: 0 exports this hour, 2 in progress" in seat.text
        await seat.press("enter")  # the safe answer has the focus
        assert requested(bench) == []
        await seat.press("e", "tab", "enter")
        (wanted,) = requested(bench)
        assert wanted[0] == "regenerate"
        assert f"job {wanted[1]}" in seat.text

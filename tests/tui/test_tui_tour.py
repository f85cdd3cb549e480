"""The tour: ten steps through the tabs, with its words whole on every terminal."""

from __future__ import annotations

import pytest

from kit.tui_bench import Bench, Sit
from strongroom_tui.dialogs.tour import TOUR, TourPanel


@pytest.mark.parametrize("size", [(40, 12), (80, 24)])
async def test_the_steps_lead_through_the_tabs_and_back(bench: Bench, sit: Sit, size: tuple[int, int]) -> None:
    async with sit(bench, size, tab="jobs") as seat:
        await seat.press("enter", "question_mark", "t")  # also from what is open over a tab
        for number, step in enumerate(TOUR):
            shown = " ".join(seat.text.split())
            assert f"{number + 1} of 10 {step.title}" in shown
            assert f"{step.text} (" in shown
            assert (seat.app.current_mode, len(seat.app.screen.query(TourPanel))) == (step.mode, 1)
            await seat.press("right")
        assert not seat.app.screen.query(TourPanel)
        await seat.press("question_mark", "t", "right", "right", "left", "left", "left")
        assert f"1 of 10  {TOUR[0].title}" in seat.text
        await seat.press("escape")
        assert not seat.app.screen.query(TourPanel)
        await seat.press("3")
        assert seat.app.current_mode == "jobs"


def test_every_step_is_short_in_both_tellings() -> None:
    assert len(TOUR) == 10
    assert [step.title for step in TOUR if max(len(step.text), len(step.demo)) > 140] == []

"""When the screen's memory is tidied."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from kit.tui_bench import NOW, Bench
from strongroom_tui.app import StrongroomApp
from strongroom_tui.process import BETWEEN, CALM, SELDOM, GcControl
from strongroom_tui.reader import VaultReader


class Ticks:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def collector() -> Iterator[None]:
    """Leave the collector as it was."""
    before, enabled = gc.get_threshold(), gc.isenabled()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()
    (gc.enable if enabled else gc.disable)()


def test_what_stands_is_passed_over_and_full_looks_are_rare(collector: None) -> None:
    gc.disable()
    GcControl().begin()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[2] == SELDOM


def test_it_waits_for_a_calm_moment_and_then_for_another_minute(collector: None) -> None:
    ticks = Ticks()
    gc_control = GcControl(ticks)
    assert not gc_control.collect_if_idle()
    ticks.now += BETWEEN
    gc_control.touch()
    assert not gc_control.collect_if_idle()
    ticks.now += CALM
    garbage: list[object] = []
    garbage.append(garbage)
    full = gc.get_stats()[2]["collections"]
    assert gc_control.collect_if_idle()
    assert gc.get_stats()[2]["collections"] == full + 1
    ticks.now += CALM
    assert not gc_control.collect_if_idle()
    ticks.now += BETWEEN
    assert gc_control.collect_if_idle()


async def test_a_key_and_the_mouse_are_heard(bench: Bench, collector: None) -> None:
    ticks = Ticks()
    gc_control = GcControl(ticks)
    reader = VaultReader(bench.config, lambda: NOW)
    app = StrongroomApp(reader, lambda: NOW, gc_control=gc_control)
    async with app.run_test(size=(100, 30)) as pilot:
        for act in (pilot.press("j"), pilot.hover()):
            ticks.now += BETWEEN
            await act
            assert not gc_control.collect_if_idle()
            ticks.now += CALM
            assert gc_control.collect_if_idle()
    reader.close()

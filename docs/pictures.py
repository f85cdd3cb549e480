"""Draws the screen for people who read about it: pictures in docs/pictures, and the keys of each tab in docs/tui.md.

Pictures are taken of the real program over a made-up vault, at a fixed hour. Keys come from the bindings, so that the
page cannot promise one that is not there. Run `python docs/pictures.py` after the screen has changed; a test says when
it was forgotten. Of the page only what stands between the markers is rewritten.
"""

# ruff: noqa: E402 - the roots of the imports have to be found first

from __future__ import annotations

import asyncio
import html
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / each) for each in ("tests", "agent", "tui")]

from textual.binding import Binding
from textual.keys import format_key

from kit.sealed_vault import AT, House
from kit.tui_bench import NOW, STREAMS, Bench, Seat, furnish, make_archive, make_job
from kit.tui_views import configure, hold
from strongroom.config.load import load_config
from strongroom.model.coverage import Cover
from strongroom.model.job import State
from strongroom.model.provider import Container
from strongroom.model.retention import Period, PeriodUnit, RetentionRule
from strongroom_tui.app import StrongroomApp
from strongroom_tui.reader import VaultReader
from strongroom_tui.screens.browse import BrowseScreen
from strongroom_tui.screens.holds import HoldsScreen
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.plans import PlansScreen
from strongroom_tui.screens.screen import TextPane
from strongroom_tui.widgets.header import TABS
from strongroom_tui.widgets.heatmap import CoverageStrips
from strongroom_tui.widgets.list_table import ListTable

PAGE = Path(__file__).with_name("tui.md")
FOLDER = Path(__file__).with_name("pictures")
SIZE = (100, 30)
RULE = RetentionRule("standard", Period(30, PeriodUnit.DAYS), citation="company policy")
Play = Callable[[Seat], Awaitable[None]]


def main() -> None:
    """Rewrite pictures and page in place."""
    FOLDER.mkdir(exist_ok=True)
    for name, picture in pictures().items():
        (FOLDER / f"{name}.svg").write_text(picture)
    PAGE.write_text(rewritten(PAGE.read_text()))


def pictures() -> dict[str, str]:
    """Take the pictures, by name."""
    os.environ.pop("NO_COLOR", None)
    os.environ.update(TZ="Europe/Berlin", COLORTERM="truecolor")
    time.tzset()
    usage, shutil.disk_usage = (
        shutil.disk_usage,
        lambda _path: SimpleNamespace(total=10**12, used=6e11, free=4 * 10**11),
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(_take(Path(folder)))
    finally:
        shutil.disk_usage = usage


def words_of(picture: str) -> str:
    """Return the letters of a picture, without colours, places and generated names."""
    return html.unescape("\n".join(re.findall(r"<text[^>]*>([^<]*)</text>", picture))).replace("\xa0", " ")


def rewritten(page: str) -> str:
    """Return the page with the keys as they are bound now."""
    for name, table in tables().items():
        pattern = rf"(<!-- keys: {name} -->\n).*?(<!-- end -->)"
        page, found = re.subn(pattern, lambda each, text=table: f"{each[1]}{text}\n{each[2]}", page, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"{PAGE.name} has no place for the keys of {name}")
    return page


def tables() -> dict[str, str]:
    """Return a table of keys for each tab and what is behind it."""
    common = [*_bound(StrongroomApp), *_bound(ListTable), *_bound(ListTab)]
    found = {"everywhere": _table(common)}
    inside: dict[str, tuple[type, ...]] = {tab.mode: (tab.load(),) for tab in TABS}
    inside["overview"] += (CoverageStrips,)
    inside["health"] += (TextPane,)
    inside |= {"holds": (HoldsScreen,), "plans": (PlansScreen,), "browse": (BrowseScreen,)}
    for name, classes in inside.items():
        keys = [each for one in classes for each in _bound(one)]
        found[name] = _table([each for each in keys if each not in common])
    return found


def _bound(of: type) -> list[Binding]:
    bindings = [
        each
        for base in of.__mro__
        if base.__module__.startswith("strongroom_tui")
        for each in vars(base).get("BINDINGS", ())
    ]
    return list({each.action: each for each in reversed(bindings)}.values())[::-1]


def _table(bindings: list[Binding]) -> str:
    rows = [f"| {_keys(each)} | {each.tooltip or each.description} |" for each in bindings]
    return "\n".join(["| Key | What it does |", "| --- | --- |", *rows])


def _keys(binding: Binding) -> str:
    shown = [binding.key_display] if binding.key_display else [_shown(key) for key in binding.key.split(",")]
    return " ".join(f"`{key}`" for key in shown)


def _shown(key: str) -> str:
    return {"escape": "esc"}.get(key, format_key(key)) if len(key) > 1 else key


async def _take(folder: Path) -> dict[str, str]:
    taken = {}
    bench = _bench(folder / "bench")
    house = House(_made(folder / "house"))
    house.seal_records(_records(), Container.ZIP_OF_JSON)
    try:
        for name, keys in {"overview": (), "archives": ("4", "down"), "retention": ("5",), "evidence": ("6",)}.items():
            reader = VaultReader(bench.config, lambda: NOW)
            taken[name] = await _picture(StrongroomApp(reader, lambda: NOW), reader, keys)
        reader = VaultReader(load_config(folder / "house" / "strongroom.toml"), lambda: AT)
        taken["browse"] = await _picture(StrongroomApp(reader, lambda: AT), reader, ("4", "o"), browsed)
    finally:
        bench.close()
        house.vault.close()
    return taken


async def browsed(seat: Seat) -> None:
    """Wait until the records stand there."""
    for _ in range(600):
        if isinstance(seat.app.screen, BrowseScreen) and "parcel" in seat.text:
            break
        await seat.pilot.pause(0.05)
    else:
        raise SystemExit(f"the records never came:\n{seat.text}")
    await seat.press("down")


async def _picture(app: StrongroomApp, reader: VaultReader, keys: tuple[str, ...], then: Play | None = None) -> str:
    try:
        async with app.run_test(size=SIZE) as pilot:
            seat = Seat(app, pilot)
            await seat.settle()
            for key in keys:  # each after the answer to the one before
                await seat.press(key)
            if then is not None:
                await then(seat)
            # Fonts would be fetched from elsewhere by whoever looks at the picture.
            return re.sub(r"@font-face \{.*?\}\s*", "", app.export_screenshot(title="strongroom tui"), flags=re.DOTALL)
    finally:
        reader.close()


def _bench(folder: Path) -> Bench:
    bench = configure(Bench(_made(folder)))
    furnish(bench)
    jobs = [make_job(n, State.ARCHIVED) for n in range(3000, 3100, 10)]
    bench.write(*jobs, *(make_archive(n, job, rule=RULE) for n, job in zip(range(3000, 3100, 10), jobs, strict=True)))
    for stream in STREAMS:
        hold(bench, stream, range(1, 200))
    with bench.vault.catalogue.transaction():
        bench.vault.catalogue.write(
            "DELETE FROM coverage WHERE stream = ? AND window_start LIKE '2026-10-2%'", STREAMS[1]
        )
    hold(bench, STREAMS[2], range(30, 32), Cover.MISSING, "not-offered")
    return bench


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _records() -> list[dict[str, Any]]:
    return list(_written())


def _written() -> Iterator[dict[str, Any]]:
    texts = ("Hello! Your parcel is on its way.", "hello, when does it arrive?", "Tomorrow between 10 and 12.")
    for number in range(60):
        yield {
            "id": f"m{number:04}",
            "at": f"2026-03-01T{10 + number // 60:02}:{number % 60:02}:00Z",
            "direction": ("out", "in", "out")[number % 3],
            "text": texts[number % 3],
        }


if __name__ == "__main__":
    main()

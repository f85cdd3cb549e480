"""Draws the screen for people who read about it: docs/pictures, and the keys of each tab in docs/tui.md.

Pictures are taken of the real program over the vault of the demo company (`strongroom tui --demo`), at a fixed hour, on
two sizes of terminal; `demo.svg` plays a few of them one after the other. Keys come from the bindings, so that the page
cannot promise one that is not there. Run `python docs/pictures.py` after the screen has changed; a test says when that
was forgotten. Names of pictures as arguments take those alone. Of the page only what is between markers is rewritten.
"""

# ruff: noqa: E402 - the roots of the imports have to be found first

from __future__ import annotations

import asyncio
import html
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / each) for each in ("tests", "agent", "tui")]

from textual.binding import Binding
from textual.keys import format_key

from kit.company import OPENED, SEED, copied
from kit.tui_bench import Seat
from strongroom.cli.demo_company import JONAS, CompanyFolder
from strongroom.cli.demo_history import build_company
from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.engine.core.heartbeat import beat
from strongroom.engine.core.sources import Dependencies
from strongroom.vault.lock import hold
from strongroom.vault.vault import open_vault
from strongroom_tui.app import StrongroomApp
from strongroom_tui.dialogs import restore
from strongroom_tui.reader import VaultReader
from strongroom_tui.screens import plans
from strongroom_tui.screens.browse import BrowseScreen
from strongroom_tui.screens.holds import HoldsScreen
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.plans import PlansScreen
from strongroom_tui.screens.screen import TextPane
from strongroom_tui.widgets.header import DEMO, TABS
from strongroom_tui.widgets.heatmap import CoverageStrips
from strongroom_tui.widgets.list_table import ListTable

PAGE = Path(__file__).with_name("tui.md")
FOLDER = Path(__file__).with_name("pictures")
WIDE, SMALL = (120, 36), (80, 24)
SHOWN = MappingProxyType(
    {
        "overview": (),
        "schedules": ("2",),
        "edit": ("2", "E"),
        "jobs": ("3",),
        "archives": ("4", "down"),
        "archive": ("4", "down", "enter"),
        "records": ("4", "down", "o", "down"),
        "restore": ("4", "down", "R", "enter"),
        "retention": ("5", "down"),
        "holds": ("5", "l"),
        "plans": ("5", "u"),
        "approve": ("5", "u", "a"),
        "evidence": ("6",),
        "health": ("7",),
        "help": ("question_mark",),
        "find": ("colon", *"2026-11-01"),
    }
)
"""The keys that lead to each picture, each pressed after the answer to the one before."""
FRAMES = ("overview", "gap", "failed", "archives", "records", "restore", "plans", "approve")
STEPS = MappingProxyType({"gap": ("n",), "failed": ("n", "enter")})
"""The pictures that `demo.svg` plays, and the keys to those that are not shown alone."""
SECONDS = 4  # each is shown

_VOLATILE = re.compile(r"\b(?=[0-9a-z]*[0-9])[0-9a-hjkmnp-tv-z]{8,26}\b|[0-9a-f]{16,}")


class Picture(NamedTuple):
    """One picture: its file's name without the ending, the size of the terminal, and the keys to it."""

    name: str
    size: tuple[int, int]
    keys: Sequence[str]


def all_pictures() -> Iterator[Picture]:
    """Yield what there is to be taken, on both sizes."""
    for name, keys in SHOWN.items():
        yield Picture(name, WIDE, keys)
        yield Picture(f"{name}-small", SMALL, keys)


def main(names: Sequence[str]) -> None:
    """Rewrite pictures and page in place."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="strongroom-", dir="/tmp") as folder:
        company = _company(Path(folder))
        wanted = [each for each in all_pictures() if not names or each.name in names]
        for name, picture in take(company, Path(folder), wanted).items():
            (FOLDER / f"{name}.svg").write_text(picture)
        if not names or "demo" in names:
            frames = [Picture(name, (100, 30), STEPS.get(name) or SHOWN[name]) for name in FRAMES]
            (FOLDER / "demo.svg").write_text(played(list(take(company, Path(folder), frames).values())))
    PAGE.write_text(rewritten(PAGE.read_text()))


def _company(folder: Path) -> CompanyFolder:
    """Return the company: the one that STRONGROOM_TEST_COMPANY names, or else a new one."""
    if made := os.environ.get("STRONGROOM_TEST_COMPANY"):
        return CompanyFolder(Path(made))
    company = CompanyFolder(folder / "built")
    build_company(company, Dependencies(random_bytes=random.Random(SEED).randbytes))  # noqa: S311 - not secret
    return company


def take(company: CompanyFolder, folder: Path, wanted: Sequence[Picture]) -> dict[str, str]:
    """Take pictures of a company's screen, by name; `folder` is for copies of its vault."""
    with _surroundings():
        home = Path(tempfile.mkdtemp(dir=folder))
        config = load_config(copied(company, home / "company").config)
        with _daemon(config):
            return {each.name: asyncio.run(_picture(config, each)) for each in wanted}


@contextmanager
def _daemon(config: Config) -> Iterator[None]:
    """Have the vault worked in, as that of the demo is. Its clock stands still here: the daemon only shows itself."""
    with closing(open_vault(config.vault.path)) as vault:
        beat(vault, OPENED, os.getpid(), "")
        with hold(vault.layout.lock, "strongroom daemon"):
            yield


@contextmanager
def _surroundings() -> Iterator[None]:
    """Fix what differs between machines: the local zone, colors, the disk, the person, and where files would be put."""
    before = dict(os.environ)
    kept = shutil.disk_usage, plans.acting_person, restore.start_folder
    os.environ.pop("NO_COLOR", None)
    os.environ.update(TZ="Europe/Berlin", COLORTERM="truecolor")
    time.tzset()
    shutil.disk_usage = lambda _path: SimpleNamespace(total=10**12, used=6e11, free=4 * 10**11)
    plans.acting_person = lambda: JONAS
    restore.start_folder = lambda: Path("/home/jonas")
    try:
        yield
    finally:
        shutil.disk_usage, plans.acting_person, restore.start_folder = kept
        os.environ.clear()
        os.environ.update(before)
        time.tzset()


async def _picture(config: Config, wanted: Picture) -> str:
    reader = VaultReader(config, lambda: OPENED)
    app = StrongroomApp(reader, lambda: OPENED, start=DEMO)
    try:
        async with app.run_test(size=wanted.size) as pilot:
            seat = Seat(app, pilot)
            await seat.settle()
            await seat.press(*wanted.keys)
            app.clear_notifications()
            await seat.settle()
            # Fonts would be fetched from elsewhere by the reader of the picture.
            return re.sub(r"@font-face \{.*?\}\s*", "", app.export_screenshot(title="strongroom tui"), flags=re.DOTALL)
    finally:
        reader.close()


def words_of(picture: str) -> str:
    """Return the letters of a picture, without colors, places, and ids and digests, which are generated."""
    words = html.unescape("\n".join(re.findall(r"<text[^>]*>([^<]*)</text>", picture))).replace("\xa0", " ")
    return _VOLATILE.sub("#", words)


def played(pictures: Sequence[str]) -> str:
    """Return one picture that shows several of the same size one after the other, without end."""
    share = 100 / len(pictures)
    style = (
        f"@keyframes turn {{ 0%, {share:.2f}% {{ visibility: visible }} "
        f"{share + 0.01:.2f}%, 100% {{ visibility: hidden }} }}\n"
        f".frame {{ visibility: hidden; animation: turn {len(pictures) * SECONDS}s step-end infinite }}\n"
    )
    style += "".join(f".frame-{n} {{ animation-delay: {n * SECONDS}s }}\n" for n in range(len(pictures)))
    head, frames = "", []
    for n, picture in enumerate(pictures):
        head, body = picture.removesuffix("</svg>\n").split(">", 1)
        frames.append(f'<g class="frame frame-{n}">{body}</g>')
    return "\n".join([f"{head}>", f"<style>\n{style}</style>", *frames, "</svg>", ""])


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


if __name__ == "__main__":
    main(sys.argv[1:])

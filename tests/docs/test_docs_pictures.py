"""The pictures of the screen and the keys on its page are those of the program as it is."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from kit.company import built_company  # noqa: F401 - a fixture is found by its name
from strongroom.cli.demo_company import CompanyFolder

SCRIPT = Path(__file__).parents[2] / "docs" / "pictures.py"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pictures", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pictures = load_script()
WHOLE = os.environ.get("STRONGROOM_PICTURES") == "whole"
"""Whether every picture is taken again: each starts the screen, so otherwise two are."""
TAKEN = ("overview", "archives-small")
MOST = 150_000  # bytes of a picture


@pytest.mark.slow
def test_pictures_are_fresh(built_company: CompanyFolder, tmp_path: Path) -> None:  # noqa: F811
    wanted = [each for each in pictures.all_pictures() if WHOLE or each.name in TAKEN]
    taken = pictures.take(built_company, tmp_path, wanted)
    stale = [
        name
        for name, picture in taken.items()
        if pictures.words_of(picture) != pictures.words_of((pictures.FOLDER / f"{name}.svg").read_text())
    ]
    assert not stale, "run: python docs/pictures.py"


def test_every_picture_is_there_and_the_page_has_the_keys_as_they_are() -> None:
    expected = {each.name for each in pictures.all_pictures()} | {"demo", "soak"}
    assert {each.stem for each in pictures.FOLDER.glob("*.svg")} == expected
    assert pictures.rewritten(pictures.PAGE.read_text()) == pictures.PAGE.read_text(), "run: python docs/pictures.py"


def test_pictures_are_small_and_load_nothing() -> None:
    for picture in pictures.FOLDER.glob("*.svg"):
        text = picture.read_text()
        assert len(text) < (len(pictures.FRAMES) * MOST if picture.stem == "demo" else MOST)
        assert "url(http" not in text

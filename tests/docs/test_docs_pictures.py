"""The pictures of the screen and the keys on its page are those of the program as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
CHECK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import pictures
stale = [name for name, picture in pictures.pictures().items()
         if pictures.words_of(picture) != pictures.words_of((pictures.FOLDER / f"{name}.svg").read_text())]
if pictures.rewritten(pictures.PAGE.read_text()) != pictures.PAGE.read_text():
    stale.append("tui.md")
sys.exit(f"run: python docs/pictures.py; stale: {stale}" if stale else 0)
"""


@pytest.mark.slow
def test_pictures_and_keys_are_fresh() -> None:
    done = subprocess.run([sys.executable, "-c", CHECK, str(DOCS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pictures_are_small_and_load_nothing() -> None:
    for picture in (DOCS / "pictures").glob("*.svg"):
        text = picture.read_text()
        assert len(text) < 150_000
        assert "url(http" not in text

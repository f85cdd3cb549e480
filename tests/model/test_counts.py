"""A count and its noun agree, and one helper sees to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from strongroom.model.text import counted, noun_of

ROOT = Path(__file__).parents[2]
BY_HAND = re.compile(
    r"""['"]s['"]\sif|if\s\w+\s[=!]=\s1\selse\s['"]{2}"""  # the letter glued to a noun
    r"""|\{(?:len|count_words|number)\([^{}]*\)\}\s(?:gaps|entries|archives|jobs|windows|exports|days|keys|findings)\b"""
)


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (0, "gap", "0 gaps"),
        (1, "gap", "1 gap"),
        (2, "entry", "2 entries"),
        (1, "log entry", "1 log entry"),
        (2_000, "day", "2,000 days"),
        (-1, "day", "-1 days"),
    ],
)
def test_a_count_and_its_noun_agree(count: int, noun: str, words: str) -> None:
    assert counted(count, noun) == words
    assert counted(2, "address", "addresses") == "2 addresses"
    assert (noun_of(1, "is", "are"), noun_of(2, "is", "are")) == ("is", "are")


def test_no_plural_is_made_by_hand() -> None:
    files = [*(ROOT / "agent").rglob("*.py"), *(ROOT / "tui").rglob("*.py")]
    alone = ("strongroom_verify", "verifier.py")  # what is handed to strangers has its own
    found = [
        f"{file.name}: {made[0]}"
        for file in files
        if not {*file.parts} & {*alone}
        for made in BY_HAND.finditer(file.read_text())
    ]
    assert not found

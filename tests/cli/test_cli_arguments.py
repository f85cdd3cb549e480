"""Arguments that no text can be: bytes that are not UTF-8 are refused by name, and only paths may hold them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.cli_home import Home
from kit.hostile_input import run_program

BAD = "caf\udce9"  # as the shell hands over the bytes of another encoding
REFUSED = (
    ("hold", "place", "--matter", BAD, "--everything", "--reason", "suit"),
    ("hold", "place", "--matter", "Doe", "--everything", "--reason", BAD),
    ("hold", "release", BAD, "--reason", "over"),
    ("jobs", "show", BAD),
    ("jobs", "--stream", BAD),
    ("archives", "show", BAD),
    ("audit", "log", "--kind", BAD),
    ("erase", "request", "--subject", BAD, "--archive", "a", "--ground", "asked"),
    ("destroy", "undo", BAD, "--reason", "x"),
    ("key", "retire", BAD, "--reason", "x"),
    ("wake", BAD),
    ("plan", "edit", "zavu-main-records", "--since", BAD),
)


@pytest.mark.parametrize("words", REFUSED, ids=[" ".join(words[:2]) for words in REFUSED])
def test_what_is_no_text_is_refused_and_shown_escaped(home: Home, words: tuple[str, ...]) -> None:
    ended = run_program("--config", home.config, *words)
    assert ended.code == 2, ended
    assert "expected text in UTF-8, got 'caf\\udce9'" in ended.stderr
    assert ended.stdout == ""


def test_a_path_may_be_of_any_bytes(own_home: Home, tmp_path: Path) -> None:
    (tmp_path / BAD).mkdir()
    archive = own_home.archives()[0]
    ended = run_program("--config", own_home.config, "restore", archive, "--to", tmp_path / BAD / "there")
    assert ended.code == 0, ended
    assert any((tmp_path / BAD).rglob("*"))


@pytest.mark.parametrize("words", [("restore", "a"), ("package",), ("key", "export")], ids=" ".join)
def test_two_places_to_write_to_are_refused_by_both_names(home: Home, tmp_path: Path, words: tuple[str, ...]) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    ended = run_program("--config", home.config, *words, "--to", one, "--output", other)
    assert ended.code == 2, ended
    assert f"expected one place, got 2: {one}, {other}" in " ".join(ended.stderr.split())
    assert not one.exists() and not other.exists()


def test_an_empty_place_of_copies_is_not_the_current_folder(home: Home) -> None:
    ended = run_program("--config", home.config, "fleet", "")
    assert ended.code == 2, ended
    assert "'' is neither a folder nor a copy" in " ".join(ended.stderr.split())

"""Recipients are changed in a file that a person wrote, and nothing else in it is."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from strongroom.config.edit import lines_to_write, replace_recipients, rewrite_recipients
from strongroom.model.bech32 import encode_bech32
from strongroom.model.errors import UsageError

ONE = encode_bech32("age", b"q" * 32)
TWO = encode_bech32("age", b"p" * 32)
SIX = encode_bech32("age", b"z" * 32)

LONG = f"""# the house of keys
[vault]
path = "vault"   # beside this
recipients = [
  "{ONE}",  # mine
  # in the safe:
  "{TWO}",
]

[retention.standard]
period = "7y"  # SEC
"""
SHORT = f"""vault.path = "vault"
vault.recipients = ["{ONE}", "{TWO}"]
"""
TABLE = f"""[vault]
recipients = ["{ONE}"]   # only one
path = "vault"
"""


@pytest.mark.parametrize("text", [LONG, SHORT, TABLE], ids=["long", "dotted", "short"])
@pytest.mark.parametrize("wanted", [(ONE, TWO, SIX), (ONE, SIX), (TWO,), (SIX,)])
def test_nothing_else_is_changed(text: str, wanted: tuple[str, ...]) -> None:
    try:
        changed = replace_recipients(text, wanted, "new one")
    except UsageError as error:
        assert text in (SHORT, TABLE)
        assert SIX in error.hint or TWO in error.hint
        return
    before, after = tomllib.loads(text), tomllib.loads(changed)
    assert after["vault"].pop("recipients") == list(wanted)
    before["vault"].pop("recipients")
    assert after == before


def test_comments_stay_and_a_label_becomes_one() -> None:
    changed = replace_recipients(LONG, (ONE, TWO, SIX), "the\nauditor")
    assert f'"{SIX}", # the auditor' in changed.replace("  #", " #")
    for comment in ("# the house of keys", "# beside this", "# mine", "# in the safe:", "# SEC"):
        assert comment in changed
    gone = replace_recipients(LONG, (TWO,))
    assert ONE not in gone
    assert "# the house of keys" in gone


@pytest.mark.parametrize("text", ["[vault\n", "", "[vault]\nrecipients = 3\n", '[vault]\npath = "x"\n'])
def test_a_file_that_is_not_understood_is_left_to_a_person(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        replace_recipients(text, (ONE, SIX))
    assert lines_to_write((ONE, SIX)) in refused.value.hint


def test_the_file_keeps_its_mode_and_is_never_half_written(tmp_path: Path) -> None:
    file = tmp_path / "strongroom.toml"
    file.write_text(LONG)
    file.chmod(0o640)
    rewrite_recipients(file, (ONE, TWO, SIX))
    assert file.stat().st_mode & 0o777 == 0o640
    assert tomllib.loads(file.read_text())["vault"]["recipients"] == [ONE, TWO, SIX]
    assert list(tmp_path.iterdir()) == [file]


def test_a_change_that_is_no_configuration_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "strongroom.toml"
    file.write_text(LONG)
    with pytest.raises(UsageError):
        rewrite_recipients(file, (ONE, "age1junk"))
    assert file.read_text() == LONG
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "real.toml", tmp_path / "link.toml"
    file.write_text(LONG)
    link.symlink_to(file)
    rewrite_recipients(link, (ONE,))
    assert link.is_symlink()
    assert tomllib.loads(file.read_text())["vault"]["recipients"] == [ONE]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_shows_the_lines(tmp_path: Path) -> None:
    file = tmp_path / "strongroom.toml"
    file.write_text(LONG)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError) as refused:
            rewrite_recipients(file, (ONE, SIX))
    finally:
        tmp_path.chmod(0o700)
    assert f'  "{SIX}",' in refused.value.hint

"""Load files by a profile that a person wrote: what it says is what is written, and its mistakes are named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from kit.sealed_vault import House, as_zip
from strongroom.cli.main import cli
from strongroom.config.load import load_config
from strongroom.config.load_profile import ProfileRefused, load_profile, parse_sign
from strongroom.config.problem import Unfit
from strongroom.engine.production.load_file import Signs
from strongroom.engine.proof.checkpoints import signer_of
from strongroom.evidence import verifier
from strongroom.model.errors import ExitCode
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container

EVIDENCE = ("BEGDOC", "ENDDOC", "ARCHIVEID", "SHA256", "MD5HASH", "NATIVE_PATH", "TEXT_PATH")
OWN = """
separator = "|"
quote = "^"
line_break = "~"
date = "DD.MM.YYYY"
encoding = "utf-16"
paths = "posix"

[fields]
"Control Number" = "BEGDOC"
"End" = "enddoc"
"Sent on" = "DATESENT"
"Archive" = "ARCHIVEID"
"Digest" = "SHA256"
"MD5" = "MD5HASH"
"File" = "NATIVE_PATH"
"Text" = "TEXT_PATH"
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A day of messages."""
    made = House(tmp_path_factory.mktemp("house"))
    records = [{"id": f"m{n}", "at": f"2026-03-01T00:{n:02}:00Z", "text": f"one\n|^~ {n}"} for n in range(10)]
    shape = DatasetShape("messages", "messages.json", "id", "at")
    made.seal(as_zip(messages=records), (shape,), Container.ZIP_OF_JSON, alone=False)
    yield made
    made.vault.close()


def produce(house: House, *arguments: object, code: int = ExitCode.OK) -> Result:
    words = ["--config", str(house.base / "strongroom.toml"), "production", "stream:messages", *map(str, arguments)]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == code, result.output
    return result


def check(path: Path, house: House) -> verifier.Report:
    report, key = verifier.Report(), str(signer_of(load_config(house.base / "strongroom.toml")).verifier)
    report.check(path.name, lambda: verifier.check_production(path, [verifier.Key(key)], [], report))
    return report


def profile(folder: Path, text: str) -> Path:
    path = folder / "profile.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("packed", ["", ".zip"])
def test_a_load_file_is_written_as_the_profile_says(house: House, tmp_path: Path, packed: str) -> None:
    words = ("--format", "dat", "--at", "2026-04-01", "--profile", profile(tmp_path, OWN))
    for name in ("one", "two"):
        produce(house, *words, "--output", tmp_path / f"{name}{packed}")
    assert check(tmp_path / f"one{packed}", house).findings == []
    if packed:
        assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
        return
    data = (tmp_path / "one" / "loadfile.dat").read_bytes()
    assert data == (tmp_path / "two" / "loadfile.dat").read_bytes()
    assert data.startswith("\ufeff^Control Number^|^End^|^Sent on^|^Archive^|".encode("utf-16-le"))
    first = data.decode("utf-16").split("\r\n")[1].split("|")
    assert first[:3] == ["^P0000001^", "^P0000001^", "^01.03.2026^"]
    assert first[-2:] == ["^NATIVES/0001/P0000001.json^", "^TEXT/0001/P0000001.txt^"]
    told = json.loads((tmp_path / "one" / "production.json").read_bytes())["load_file"]
    assert (told["encoding"], told["separator"], told["columns"][1]) == ("utf-16", "|", "ENDDOC")
    assert "utf-16; values are quoted with U+005E" in (tmp_path / "one" / "README.txt").read_text()


def test_an_empty_profile_is_the_usual_load_file(house: House, tmp_path: Path) -> None:
    words = ("--format", "dat", "--at", "2026-04-01")
    produce(house, *words, "--output", tmp_path / "usual")
    produce(house, *words, "--profile", profile(tmp_path, ""), "--output", tmp_path / "own")
    assert (tmp_path / "own" / "loadfile.dat").read_bytes() == (tmp_path / "usual" / "loadfile.dat").read_bytes()
    assert check(tmp_path / "own", house).findings == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('separator = "|"', 'separator = "ab"', r":2: separator: expected one character.*\"ab\""),
        ('separator = "|"', 'separator = "^"', r":2: separator: expected a character that neither"),
        ('quote = "^"', 'quot = "^"', r":3: quot: expected a known key.*did you mean \"quote\""),
        ('"DD.MM.YYYY"', '"DD.MM"', r":5: date: expected YYYY, MM and DD once each"),
        ('"utf-16"', '"utf8"', r":6: encoding: .*did you mean \"utf-8\""),
        ('"posix"', '"posicks"', r":7: paths: expected one of windows, posix"),
        ('"SHA256"', '"SHA26"', r":14: fields.Digest: .*did you mean \"sha256\""),
        ('"MD5" = "MD5HASH"', "", r":9: fields: expected a column for each of .*none for MD5HASH"),
        ('"Text"', '" "', r"titles of printable text"),
        ("[fields]", "[fields", r":9"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in OWN
    with pytest.raises(ProfileRefused) as refused:
        load_profile(profile(tmp_path, OWN.replace(old, new)))
    assert re.search(told, refused.value.message), refused.value.message


def test_a_profile_is_for_a_dat_file_alone(house: House, tmp_path: Path) -> None:
    words = ("--profile", profile(tmp_path, OWN), "--output", tmp_path / "out")
    assert "--format dat" in produce(house, *words, code=ExitCode.USAGE).output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("sign", ["a", "7", " ", "\n", "\r", "\x85", "", "ab", "U+000A", "U+D800", "U+FFFFFF", "\0", 4])
def test_what_cannot_part_values_is_refused(sign: object) -> None:
    with pytest.raises(Unfit):
        parse_sign(sign)


def test_a_sign_is_itself_or_a_code() -> None:
    assert [parse_sign(each) for each in ("|", "\t", "U+0014", "U+00fe")] == ["|", "\t", "\x14", "\xfe"]


@given(st.lists(st.text(st.characters(blacklist_categories=("Cs",))), min_size=1, max_size=5))
def test_any_text_is_one_value_whatever_the_signs(values: list[str]) -> None:
    for signs in (Signs(), Signs("|", "^", "~"), Signs(",", '"', "\xae"), Signs("\t", "\x01", "~")):
        row = signs.row(values)
        found = verifier._cut_row(signs.separator, signs.quote, row)
        assert row == signs.row(found)
        assert len(found) == len(values)
        for each, value in zip(found, values, strict=True):
            assert not value.isprintable() or each == value
        with pytest.raises(verifier.Wrong):
            verifier._cut_row(signs.separator, signs.quote, row[1:])


def test_every_column_that_proves_something_is_needed(tmp_path: Path) -> None:
    for name in EVIDENCE:
        lines = [f'"{each}" = "{each}"' for each in EVIDENCE if each != name]
        with pytest.raises(ProfileRefused, match=f"none for {name}"):
            load_profile(profile(tmp_path, "\n".join(["[fields]", *lines])))

"""Productions: as many records out as went in, in every format, the same bytes again, and nothing that was changed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from kit.evidence_chain import run_alone
from kit.sealed_vault import AT, CSV_SHAPE, DAY, House, Record, as_csv, as_zip
from strongroom.cli.main import cli
from strongroom.config.load import load_config
from strongroom.engine.production.load_file import COLUMNS, csv_row, dat_row
from strongroom.engine.proof.checkpoints import signer_of
from strongroom.evidence.verifier import Key, Report, check_production, read_rsmf
from strongroom.model.errors import ExitCode
from strongroom.model.plan import DatasetShape
from strongroom.model.production import Numbering
from strongroom.model.provider import Container
from strongroom.model.times import format_instant
from strongroom.model.window import Window

SHAPE = DatasetShape("messages", "messages.json", "id", "at")
NEXT = Window(DAY.end, DAY.end + timedelta(days=1))
FORMATS = ("jsonl", "dat", "csv", "rsmf", "html")
TEXTS = (
    "=cmd|' /C calc'!A0",
    "two\nlines\r\nand \u2028 three",
    'þorn \x14 ® "quoted"',
    "退款已发出",
    "\ud800 half",
    "x" * 300,
)
LOADS = {"dat": "loadfile.dat", "csv": "loadfile.csv"}


def message(place: int, status: str, text: str) -> Record:
    at = format_instant(DAY.start + timedelta(minutes=40 * place))
    sender, recipient = ("+14155551234", "ada@example.org")[:: 1 if place % 3 else -1]
    return {"id": f"m{place}", "at": at, "from": sender, "to": recipient, "status": status, "text": text, "big": 2**70}


SENT = [message(place, "sent", f"refund {place} {TEXTS[place % len(TEXTS)]}") for place in range(40)]
SETTLED = [{**each, "status": "delivered"} for each in SENT if each["id"] != "m7"]
SETTLED[3]["text"] = "edited refund"
LATER = [*SETTLED[-5:], *(message(place, "sent", "refund") for place in range(40, 50))]
ATTEMPTS: list[Record] = [
    {"id": "a", "at": "2026-03-01T10:00:00Z", "text": "refund one"},
    {"id": "a", "at": "2026-03-01T10:00:00Z", "text": "refund two"},
    {"id": "", "at": "2026-03-01T11:00:00Z", "text": "refund without a name"},
]
OUT = 50 + 3  # m0 to m49, and the attempts


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A day, its second pass, the next day that repeats some of it, and a CSV that came twice."""
    made, overlap = House(tmp_path_factory.mktemp("house")), timedelta(days=1)
    for records, window, age in ((SENT, DAY, 0), (LATER, NEXT, 2), (SETTLED, DAY, 3)):
        seal_messages(made, records, window, overlap, AT + timedelta(hours=age))
    for hours in (0, 1):
        data = as_csv(ATTEMPTS)
        made.seal(data, (CSV_SHAPE,), stream="attempts", alone=False, at=AT + timedelta(hours=hours))
    yield made
    made.vault.close()


def seal_messages(house: House, records: list[Record], window: Window, overlap: timedelta, at: datetime) -> str:
    data = as_zip(messages=records)
    return house.seal(data, (SHAPE,), Container.ZIP_OF_JSON, window, overlap, alone=False, at=at).id


def truth() -> list[Record]:
    newest = {each["id"]: each for records in (SENT, LATER, SETTLED) for each in records}
    return [*newest.values(), *ATTEMPTS]


def produce(house: House, *arguments: object, code: int = ExitCode.OK, typed: str = "") -> Result:
    words = ["--config", str(house.base / "strongroom.toml"), "production", *map(str, arguments)]
    result = CliRunner().invoke(cli, words, input=typed)
    assert result.exit_code == code, result.output
    return result


def check(path: Path, house: House) -> Report:
    report, key = Report(), Key(public_key(house))
    report.check(path.name, lambda: check_production(path, [key], [], report))
    return report


def public_key(house: House) -> str:
    return str(signer_of(load_config(house.base / "strongroom.toml")).verifier)


def records_in(folder: Path) -> list[Record]:
    if (folder / "records.jsonl").exists():
        return [json.loads(line)["record"] for line in (folder / "records.jsonl").read_bytes().splitlines()]
    return [json.loads(path.read_bytes()) for path in sorted(folder.rglob("NATIVES/*/*.json"))]


def csv_archives(house: House) -> list[str]:
    told = [json.loads(path.read_bytes()) for path in (house.base / "vault" / "manifests").rglob("*.json")]
    return [each["id"] for each in told if each["stream"] == "attempts"]


def by_name(record: Record) -> str:
    return json.dumps(record, sort_keys=True)


def files_in(path: Path) -> dict[str, bytes]:
    return {each.relative_to(path).as_posix(): each.read_bytes() for each in path.rglob("*") if each.is_file()}


@pytest.mark.parametrize("kind", FORMATS)
def test_what_went_in_comes_out_once_and_the_same_again(house: House, tmp_path: Path, kind: str) -> None:
    words = ("refund", "--format", kind, "--prefix", "ABC-", "--start", 98, "--width", 4, "--at", "2026-04-01")
    told = produce(house, *words, "--output", tmp_path / "one")
    assert f"{OUT} records out of 5 archives; 47 older or equal versions left out" in told.stderr
    assert sorted(map(by_name, records_in(tmp_path / "one"))) == sorted(map(by_name, truth()))
    index = [json.loads(line) for line in (tmp_path / "one" / "index.jsonl").read_bytes().splitlines()]
    assert [line["number"] for line in index] == [f"ABC-{98 + place:04}" for place in range(OUT)]
    produce(house, *words, "--output", tmp_path / "two")
    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")
    produce(house, *words, "--output", tmp_path / "three.zip")
    produce(house, *words, "--output", tmp_path / "four.zip")
    assert (tmp_path / "three.zip").read_bytes() == (tmp_path / "four.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "three.zip") as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == files_in(tmp_path / "one")
    assert {each.name for each in tmp_path.iterdir()} == {"one", "two", "three.zip", "four.zip"}
    alone = tmp_path / "one" / "strongroom-verify.py"
    for path in (tmp_path / "one", tmp_path / "three.zip"):
        done = run_alone(alone, path, "--key", public_key(house))
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{OUT} records are numbered without a gap" in done.stdout
        assert run_alone(alone, path).returncode == 3


@pytest.mark.parametrize("kind", ["dat", "csv"])
def test_a_load_file_says_of_each_record_what_it_is(house: House, tmp_path: Path, kind: str) -> None:
    produce(house, "stream:messages id:m0", "--format", kind, "--output", tmp_path / "out")
    data = (tmp_path / "out" / LOADS[kind]).read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""))) if kind == "csv" else [cut(row) for row in text.splitlines()]
    assert tuple(rows[0]) == COLUMNS
    row = dict(zip(rows[0], rows[1], strict=True))
    shield = "'" if kind == "csv" else ""
    assert (row["FROM"], row["TO"], row["STATUS"]) == ("ada@example.org", f"{shield}+14155551234", "delivered")
    assert row["NATIVE_PATH"] == ("NATIVES/0001/P0000001.json" if shield else r"NATIVES\0001\P0000001.json")
    assert (row["DATESENT"], row["TIMESENT"]) == ("2026-03-01" if shield else "03/01/2026", "00:00:00")
    native = (tmp_path / "out" / "NATIVES" / "0001" / "P0000001.json").read_bytes()
    assert (row["SHA256"], row["MD5HASH"]) == (hashlib.sha256(native).hexdigest(), hashlib.md5(native).hexdigest())
    words = (tmp_path / "out" / "TEXT" / "0001" / "P0000001.txt").read_text()
    assert f"text: refund 0 {TEXTS[0]}\n" in words
    assert f"big: {2**70}\n" in words


def cut(row: str) -> list[str]:
    return [each[1:-1].replace("\xfe\xfe", "\xfe") for each in row.split("\x14")]


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_text_is_one_value_of_a_load_file(values: list[str]) -> None:
    row = dat_row(values)
    assert row.endswith("\xfe\r\n")
    found = cut(row[:-2])
    assert [re.sub("[^0-9A-Za-z]", "", each) for each in found] == [re.sub("[^0-9A-Za-z]", "", each) for each in values]
    assert not re.search("[\x00-\x08\x0a-\x13\x15-\x1f\u2028\x85]", row[:-2])


@given(st.lists(st.text(st.characters(blacklist_categories=("Cs",))), min_size=1, max_size=5))
def test_no_value_of_a_table_is_a_formula(values: list[str]) -> None:
    (found,) = csv.reader(io.StringIO(csv_row(values), newline=""), strict=True)
    assert len(found) == len(values)
    for each, value in zip(found, values, strict=True):
        assert not each.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert re.sub(r"[\x00-\x20\x7f]", " ", value) in re.sub(r"[\x00-\x20\x7f]", " ", each)


def test_messages_know_their_older_versions_and_others_are_lines_alone(house: House, tmp_path: Path) -> None:
    produce(house, "refund", "--format", "rsmf", "--output", tmp_path / "out")
    names = sorted(path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*.rsmf"))
    assert [name.split("/")[1] for name in names] == ["2026-03-01", "2026-03-02"]
    assert names[0].split("/")[2] == names[1].split("/")[2]  # one conversation
    events = [event for name in names for event in read_rsmf((tmp_path / "out" / name).read_bytes(), name)]
    assert len(events) == 50
    by_id = {event["custom"]["Record ID"]: event for event in events}
    assert by_id["m3"]["edits"][0]["new"] == "edited refund"
    assert by_id["m3"]["custom"]["Earlier states"].startswith("sent (2026-03-03T00:00:00Z)")
    assert "edits" not in by_id["m2"] and by_id["m2"]["direction"] == "outgoing"
    index = [json.loads(line) for line in (tmp_path / "out" / "index.jsonl").read_bytes().splitlines()]
    assert sum(not line["text"] for line in index) == 3  # the attempts, which name nobody


def test_archives_matters_and_periods_select(house: House, tmp_path: Path) -> None:
    first = min(path.stem for path in (house.base / "vault" / "manifests").rglob("*.json"))
    told = produce(house, "--archives", first, "--output", tmp_path / "one", "--json")
    document = json.loads(told.stdout)
    assert (document["archives"], document["count"]["doubles"]) == (1, 0)
    produce(house, "--from", "2026-03-02", "--output", tmp_path / "two")
    assert {each["id"] for each in records_in(tmp_path / "two")} == {f"m{place}" for place in range(36, 50)}
    produce(house, "-", "--output", tmp_path / "three", typed="status:sent stream:messages before:2026-03-02\n")
    assert {each["status"] for each in records_in(tmp_path / "three")} == {"sent"}
    told_of = json.loads((tmp_path / "three" / "production.json").read_bytes())
    assert told_of["selection"]["query"] == "status:sent stream:messages before:2026-03-02"
    hold = (
        "hold",
        "place",
        "--matter",
        "doe",
        "--reason",
        "suit",
        *(word for each in csv_archives(house) for word in ("--archive", each)),
    )
    CliRunner().invoke(cli, ["--config", str(house.base / "strongroom.toml"), *hold])
    assert "3 records out of 2 archives" in produce(house, "--matter", "doe", "--output", tmp_path / "four").stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no records were selected"),
        (("nothinghasthis",), "no record matches"),
        (("after:2099",), "no archive matches"),
        (("refund", "--width", "1"), "there are more records than numbers"),
        (("refund", "--prefix", "a/b"), "a prefix has at most 30 letters"),
        (("refund", "--start", "100", "--width", "2"), "the first number is between 1 and 99"),
        (("refund", "--format", "pdf"), "there is no 'pdf'"),
        (("refund", "--archives", "a", "--matter", "b"), "both archives and a matter"),
        (("--from", "2026-03-02", "--to", "2026-03-01"), "--to must be later"),
        (("refund", "--time-zone", "Mars/Base"), "there is no time zone"),
    ],
)
def test_a_mistake_is_refused_in_words(house: House, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in produce(house, *arguments, "--output", tmp_path / "out", code=ExitCode.USAGE).stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_nor_written_into_the_vault(house: House, tmp_path: Path) -> None:
    (tmp_path / "here.zip").touch()
    assert "never overwritten" in produce(house, "x", "--output", tmp_path / "here.zip", code=ExitCode.USAGE).stderr
    inside = house.base / "vault" / "out"
    assert "inside the vault" in produce(house, "x", "--output", inside, code=ExitCode.USAGE).stderr
    assert "no folder" in produce(house, "x", "--output", tmp_path / "no" / "out", code=ExitCode.USAGE).stderr


def test_the_log_has_who_and_how_much_but_not_what(house: House, tmp_path: Path) -> None:
    produce(house, "edited", "--prefix", "CANARY", "--output", tmp_path / "canary-out")
    line = house.vault.layout.log.read_bytes().splitlines()[-1]
    facts = json.loads(line)["facts"]
    assert {"production_sha256", "by", "format", "archives", "records"} == set(facts)
    manifest = (tmp_path / "canary-out" / "production.json").read_bytes()
    assert facts["production_sha256"] == hashlib.sha256(manifest).hexdigest()
    assert b"edited" not in line and b"canary" not in line.lower()


def test_an_archive_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    house = House(tmp_path / "house") if (tmp_path / "house").mkdir() is None else None
    assert house is not None
    seal_messages(house, SENT, DAY, timedelta(0), AT)
    (payload,) = (house.base / "vault" / "archives").rglob("*.age")
    payload.chmod(0o600)
    payload.write_bytes(payload.read_bytes()[:-30] + bytes(30))
    result = produce(house, "refund", "--output", tmp_path / "out", code=ExitCode.VAULT)
    assert result.stdout == ""
    assert [each.name for each in tmp_path.iterdir()] == ["house"]
    house.vault.close()


def test_numbers_are_bounded() -> None:
    assert Numbering("A", 2, 99).number(0) == "A99"
    for wrong in (("é",), ("A" * 31,), ("A", 0), ("A", 13), ("A", 2, 0), ("A", 2, 100)):
        with pytest.raises(ValueError, match=r"prefix|digits|between"):
            Numbering(*wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="more than 2 digits"):
        Numbering("A", 2, 99).number(1)


# --- What the verifier refuses. Each mutant is given with digests that fit, as a forger would, but without a signature.

Folder = Path


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    """Change each line of a file of JSON lines; None leaves it out."""
    lines = [change(json.loads(line)) for line in path.read_bytes().splitlines()]
    path.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines if line is not None))


def manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads((folder / "production.json").read_bytes())
    change(document)
    (folder / "production.json").write_text(json.dumps(document))


def reseal(folder: Path) -> None:
    """Give the manifest the digests of the files as they are, and take the signature away."""
    (folder / "production.note").unlink(missing_ok=True)

    def digests(document: dict[str, Any]) -> None:
        there = {name: folder / name for name in document["files"] if (folder / name).exists()}
        document["files"] |= {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in there.items()}

    manifest(folder, digests)


def swap_rows(folder: Path) -> None:
    lines = (folder / "loadfile.dat").read_bytes().splitlines(keepends=True)
    (folder / "loadfile.dat").write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))


def cut_rows(folder: Path) -> None:
    lines = (folder / "loadfile.dat").read_bytes().splitlines(keepends=True)
    (folder / "loadfile.dat").write_bytes(b"".join(lines[:-1]))


def double_row(folder: Path) -> None:
    data = (folder / "loadfile.dat").read_bytes()
    (folder / "loadfile.dat").write_bytes(data + data.splitlines(keepends=True)[-1])


def leave_out_index(folder: Path, number: int = -1) -> None:
    lines = (folder / "index.jsonl").read_bytes().splitlines(keepends=True)
    del lines[number]
    (folder / "index.jsonl").write_bytes(b"".join(lines))


def native(folder: Path) -> Path:
    return folder / "NATIVES" / "0001" / "P0000002.json"


def repeat(folder: Path) -> None:
    """Give the second record the place of the first."""
    lines = [json.loads(line) for line in (folder / "index.jsonl").read_bytes().splitlines()]
    lines[1]["place"] = lines[0]["place"]
    (folder / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


MUTANTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a native is another": (lambda f: native(f).write_bytes(b"{}"), "digest"),
    "a native is missing": (lambda f: native(f).unlink(), "missing"),
    "a native is a link": (lambda f: (native(f).unlink(), native(f).symlink_to(f / "README.txt")), "missing"),
    "a text is another": (lambda f: (f / "TEXT/0001/P0000001.txt").write_text("x"), "digest"),
    "a file too many": (lambda f: (f / "NATIVES/0001/P9.json").write_text("{}"), "stray"),
    "a note too many": (lambda f: (f / "notes.txt").write_text("x"), "stray"),
    "rows in another order": (swap_rows, "number"),
    "a row is missing": (cut_rows, "count"),
    "a row is doubled": (double_row, "count"),
    "a record is missing": (leave_out_index, "count"),
    "a gap in the numbers": (lambda f: leave_out_index(f, 4), "number"),
    "a record twice": (repeat, "twice"),
    "an index with another digest": (
        lambda f: edit(f / "index.jsonl", lambda line: {**line, "sha256": "0" * 64}),
        "digest",
    ),
    "paths that lead elsewhere": (
        lambda f: edit(f / "index.jsonl", lambda line: {**line, "file": "../../etc/passwd"}),
        "path",
    ),
    "an archive that is not listed": (lambda f: manifest(f, lambda d: d["archives"].pop(0)), "archives"),
    "counts that do not add up": (lambda f: manifest(f, lambda d: d["archives"][0].update(doubles=99)), "count"),
    "totals that do not add up": (lambda f: manifest(f, lambda d: d["counts"].update(matched=99)), "count"),
    "another log entry": (lambda f: manifest(f, lambda d: d["archives"][0]["event"].update(index=0)), "inclusion"),
    "an entry of another archive": (
        lambda f: manifest(f, lambda d: d["archives"][0].update(event=d["archives"][1]["event"])),
        "archives",
    ),
    "another start of the log": (lambda f: manifest(f, lambda d: d["first"].update(line="{}")), "inclusion"),
    "another version": (lambda f: manifest(f, lambda d: d.update(version=2)), "form"),
    "no manifest to speak of": (lambda f: (f / "production.json").write_text("[]"), "form"),
    "no index": (lambda f: (f / "index.jsonl").unlink(), "missing"),
    "nonsense in the index": (lambda f: (f / "index.jsonl").write_text("\0"), "form"),
    "no checkpoint": (lambda f: (f / "checkpoint.note").unlink(), "missing"),
}


@pytest.fixture(scope="module")
def sound(house: House, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "out"
    produce(house, "stream:messages", "--format", "dat", "--output", path)
    assert check(path, house).findings == []
    return path


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mutant_is_refused(house: House, sound: Path, tmp_path: Path, name: str) -> None:
    change, code = MUTANTS[name]
    folder = shutil.copytree(sound, tmp_path / "out")
    change(folder)
    assert check(folder, house).findings != []  # as it is
    if isinstance(json.loads((folder / "production.json").read_bytes()), dict):
        reseal(folder)
    report = check(folder, house)
    assert code in [each.code for each in report.findings], [each.args for each in report.findings]
    assert not report.vouched


def test_any_changed_byte_is_found(house: House, sound: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sound, tmp_path / "out")
    for path in sorted(folder.glob("*")):
        if path.is_file() and path.name != "strongroom-verify.py":
            kept = path.read_bytes()
            for place in (0, len(kept) // 2, len(kept) - 2):
                path.write_bytes(kept[:place] + bytes([kept[place] ^ 1]) + kept[place + 1 :])
                report = check(folder, house)
                assert report.findings != [] or not report.vouched, (path.name, place)
            path.write_bytes(kept)
    assert check(folder, house).findings == []


def test_a_zip_that_is_cut_or_has_a_file_twice_is_refused(house: House, tmp_path: Path) -> None:
    path = tmp_path / "out.zip"
    produce(house, "edited", "--output", path)
    assert check(path, house).findings == []
    data = path.read_bytes()
    path.write_bytes(data[:-40])
    assert check(path, house).findings != []
    path.write_bytes(data)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as packed:
        packed.writestr("records.jsonl", packed.read("records.jsonl"))
    assert [each.code for each in check(path, house).findings] == ["twice"]

"""A production: numbered records in the files of other programs, in a folder or a ZIP."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import zlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast
from zipfile import BadZipFile, ZipFile

from strongroom_verify.files import LARGEST, LONGEST_LINE, begins, is_file, lines_of, open_plain, sha256
from strongroom_verify.findings import Report, Wrong
from strongroom_verify.log import read_checkpoints
from strongroom_verify.notes import Checkpoint, Key, read_note
from strongroom_verify.package import check_event, check_first, check_older
from strongroom_verify.rsmf import read_rsmf

_SINGLE = {"production.json", "production.note", "checkpoint.note", "strongroom-verify.py"}
_PATHS = re.compile(r"(NATIVES|TEXT)/[0-9]{4,}/([A-Za-z0-9._-]+)\.(json|txt)")
_ARTICLE = re.compile(r'<article id="([^"<]+)" data-sha256="([0-9a-f]{64})" data-archive="([^"<]+)"')
_ORIGIN = ("number", "archive", "dataset")
_WITHHELD = {"archive", "dataset", "place", "id", "at", "reason", "by", "marked_at"}
_FORM = {"encoding": "utf-8-sig", "separator": "\x14", "quote": "\xfe"}  # of a load file, without a profile
_LOAD_FILES = {"dat": "loadfile.dat", "csv": "loadfile.csv"}


class _Files:
    """The files of a production; a stack closes them."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.root = path
        self.packed = stack.enter_context(ZipFile(stack.enter_context(open_plain(path)))) if is_file(path) else None

    def names(self) -> Iterator[str]:
        """Yield the name of every file. A symbolic link is no file of a production."""
        if self.packed:
            yield from (each.filename for each in self.packed.infolist() if not each.is_dir())
            return
        folders = [""]  # as they are named in the production
        while folders:
            place = folders.pop()
            for each in sorted(os.scandir(self.root / place), key=lambda entry: entry.name):
                name = f"{place}{each.name}"
                if each.is_symlink():
                    raise Wrong("link", name, "expected a file, found a link")
                if each.is_dir():
                    folders.append(f"{name}/")
                else:
                    yield name

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        try:
            return cast("BinaryIO", self.packed.open(name)) if self.packed else open_plain(self.root / name)
        except (OSError, KeyError):
            raise Wrong("missing", name, "expected a file that can be read, and it is not there") from None

    def read(self, name: str) -> bytes:
        """Read a whole file, up to a limit."""
        with self.open(name) as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise Wrong("size", name, f"expected at most {LARGEST} bytes, found more")
        return data

    def digests(self, name: str) -> tuple[str, str]:
        """Return SHA-256 and MD5 of a file."""
        sha, md5 = hashlib.sha256(), hashlib.new("md5", usedforsecurity=False)
        with self.open(name) as file:
            while block := file.read(1 << 20):
                sha.update(block)
                md5.update(block)
        return sha.hexdigest(), md5.hexdigest()

    def has(self, name: str) -> bool:
        """Say whether there is such a file."""
        return name in self.packed.NameToInfo if self.packed else os.path.lexists(self.root / name)


def is_production(path: Path) -> bool:
    """Say whether a folder or a ZIP is a production."""
    try:
        with ExitStack() as stack:
            return (begins(path, b"PK") or path.is_dir()) and _Files(path, stack).has("production.json")
    except (Wrong, OSError, BadZipFile, NotImplementedError):
        return False


def check_production(path: Path, keys: list[Key], outside: list[Path], report: Report) -> None:
    """Check a production: its signature, every file and number, its counts, and the proofs of its archives."""
    try:
        with ExitStack() as stack:
            _check_all(_Files(path, stack), keys, outside, report)
    except (BadZipFile, NotImplementedError, EOFError, zlib.error, RuntimeError, csv.Error) as error:
        raise Wrong("form", path.name, f"it cannot be read: {type(error).__name__}") from None


def _check_all(files: _Files, keys: list[Key], outside: list[Path], report: Report) -> None:
    data = files.read("production.json")
    meta = json.loads(data)
    if meta["version"] != 1 or meta["format"] not in _CHECKS:
        raise Wrong("form", "production.json", "expected a production of version 1, in a format that is known here")
    report.check("production.note", partial(_check_signature, files, keys, sha256(data).hex(), report))
    for name, digest in sorted(meta["files"].items()):
        report.check(name, partial(_check_digest, files, name, digest))
    found: _Found = {name: Counter() for name in ("records", "withheld", "redacted")}
    report.check("index.jsonl", partial(_check_index, files, meta, found))
    report.check("production.json", partial(_check_counts, meta, found))
    report.check("files", partial(_check_names, files, meta))
    own = Checkpoint.parse(files.read("checkpoint.note"), "checkpoint.note", keys)
    for archive in meta["archives"]:
        report.check(f"archive {archive['id']}", partial(_check_arrival, own, archive))
    report.check("production.json", partial(check_first, own, meta["first"], "production.json"))
    for old in read_checkpoints(outside, keys, report):
        if old.size > own.size:
            report.unproven.append(f"that its log is the beginning of the one of {old.words}: that one is newer")
        else:
            report.check(old.where, partial(check_older, own, meta["consistency"], old))
    report.scope = f"the production of {meta['counts']['records']} records, made {meta['made_at']}"
    report.unproven += [
        "that these are the records of the archives: an evidence package of the archives shows that",
        "that no other record matches the selection: only the archives can show that",
    ]
    if redacted := sum(found["redacted"].values()):
        report.unproven.append(f"what {redacted} redacted records said before: the sender can show that")


def _check_signature(files: _Files, keys: list[Key], digest: str, report: Report) -> str | None:
    if not files.has("production.note"):
        report.unproven.append("who made this production: it has no signature")
        return None
    text, signed = read_note(files.read("production.note"), "production.note", keys)
    lines = text.splitlines()
    if lines[0] != "strongroom production 1" or f"file production.json {digest}" not in lines:
        raise Wrong("digest", "production.note", "it was signed for another production.json")
    if signed and not {f"key {key.text}" for key in keys} & {*lines}:
        raise Wrong("key", "production.note", "it names another key than the one that signed it")
    report.vouched = signed
    return "production.json is the one that the signature is for"


def _check_digest(files: _Files, name: str, digest: str) -> None:
    if files.digests(name)[0] != digest:
        raise Wrong("digest", name, "it is not the file listed in production.json")


_Found = dict[str, "Counter[str]"]  # how many records of each archive were produced, withheld and redacted


def _read_withheld(files: _Files, meta: dict[str, Any], found: Counter[str]) -> set[tuple[str, str, int]]:
    """Return which records are withheld; their log has a reason for each, and nothing of what it says."""
    withheld = set()
    with files.open("withheld.jsonl") if "withheld.jsonl" in meta["files"] else io.BytesIO() as file:
        for raw in lines_of(file):
            line = json.loads(raw)
            key = (line["archive"], line["dataset"], line["place"])
            if key in withheld or {*line} != _WITHHELD or not (line["reason"] and line["by"] and line["marked_at"]):
                raise Wrong("withheld", f"record {line['id']}", "expected it once: which, why, by whom and when")
            withheld.add(key)
            found[line["archive"]] += 1
    return withheld


def _check_index(files: _Files, meta: dict[str, Any], found: _Found) -> str:
    """Check each line of the index, and what the files of the format have of that record."""
    places: dict[tuple[str, str], int] = {}
    withheld = _read_withheld(files, meta, found["withheld"])
    numbers, compare = meta["numbering"], _CHECKS[meta["format"]](files, meta)
    next(compare)
    with files.open("index.jsonl") as index:
        for place, raw in enumerate(lines_of(index)):
            line = json.loads(raw)
            wanted = f"{numbers['prefix']}{numbers['start'] + place:0{numbers['width']}}"
            if line["number"] != wanted:
                raise Wrong("number", f"line {place + 1}", f"expected number {wanted}, found {line['number']}")
            origin = (line["archive"], line["dataset"])
            if line["place"] <= places.get(origin, -1):
                raise Wrong("twice", wanted, "it is a record that came before, or out of its order")
            if (*origin, line["place"]) in withheld:
                raise Wrong("withheld", wanted, "it is produced, though withheld.jsonl lists it")
            if ("redactions" in line) != ("original" in line):
                raise Wrong("redacted", wanted, "expected the rules and the digest of what was delivered, or neither")
            places[origin] = line["place"]
            found["records"][line["archive"]] += 1
            found["redacted"][line["archive"]] += "original" in line
            compare.send(line)
    with suppress(StopIteration):
        compare.send(None)
    return f"{sum(found['records'].values())} records are numbered without a gap, and each has the digest of the index"


_Comparing = Generator[None, Any, None]  # takes each line of the index, and None at its end


def _check_lines(files: _Files, _meta: dict[str, Any]) -> _Comparing:
    """Compare records.jsonl with the index."""
    with files.open("records.jsonl") as file:
        line = yield
        for raw in lines_of(file):
            if line is None:
                raise Wrong("count", "records.jsonl", "it has more records than the index")
            head = json.loads(raw)
            start = raw.index(b', "record": ') + 12
            if raw[-2:] != b"}\n" or sha256(raw[start:-2]).hex() != line["sha256"]:
                raise Wrong("digest", line["number"], "the record is not the one of the index")
            if line["file"] != "records.jsonl" or any(head[name] != line[name] for name in _ORIGIN):
                raise Wrong("number", line["number"], f"expected this record, found {head['number']}")
            line = yield
        if line is not None:
            raise Wrong("count", "records.jsonl", "it has fewer records than the index")


def _check_rows(files: _Files, meta: dict[str, Any]) -> _Comparing:
    """Compare the rows of a load file, and the files that they name, with the index."""
    name, form = _LOAD_FILES[meta["format"]], {**_FORM, **meta.get("load_file", {})}
    with files.open(name) as file:
        text = io.TextIOWrapper(file, form["encoding"], newline="")
        lines = iter(partial(text.readline, LONGEST_LINE), "")
        cut = partial(_cut_row, form["separator"], form["quote"])
        rows = csv.reader(lines, strict=True) if name.endswith(".csv") else map(cut, lines)
        titles, line = form.get("columns", next(rows)), (yield)
        for values in rows:
            if line is None:
                raise Wrong("count", name, "it has more rows than the index")
            row = dict(zip(titles, values))  # noqa: B905 - Python 3.9 has no strict
            if len(values) != len(titles):
                raise Wrong("row", line["number"], f"expected {len(titles)} values, found {len(values)}")
            _check_row(files, row, line)
            line = yield
        if line is not None:
            raise Wrong("count", name, "it has fewer rows than the index")


def _cut_row(separator: str, quote: str, line: str) -> list[str]:
    """Cut a row of a DAT file: values between quotes, separated by a sign. A quote within a value is doubled."""
    values = re.findall("{0}([^{0}]*(?:{0}{0}[^{0}]*)*){0}".format(re.escape(quote)), line)
    if separator.join(f"{quote}{each}{quote}" for each in values) + "\r\n" != line:
        raise Wrong("row", "loadfile.dat", "expected values between quotes, separated as production.json says")
    return [each.replace(quote * 2, quote) for each in values]


def _check_row(files: _Files, row: dict[str, str], line: dict[str, Any]) -> None:
    number = line["number"]
    if not (row["BEGDOC"] == row["ENDDOC"] == number and row["ARCHIVEID"] == line["archive"]):
        raise Wrong("number", number, f"expected the row of this record, found {row['BEGDOC']}")
    paths = {row["NATIVE_PATH"].replace("\\", "/"): line["file"], row["TEXT_PATH"].replace("\\", "/"): line["text"]}
    numbers = [found[2] for found in map(_PATHS.fullmatch, paths.values()) if found]
    if any(path != listed for path, listed in paths.items()) or numbers != [number, number]:
        raise Wrong("path", number, "the row names other files than the index, or files of another number")
    if files.digests(line["file"]) != (line["sha256"], row["MD5HASH"]) or row["SHA256"] != line["sha256"]:
        raise Wrong("digest", line["file"], "the native is not the one of the index and the row")
    if files.digests(line["text"])[0] != line["text_sha256"]:
        raise Wrong("digest", line["text"], "the text is not the one of the index")


def _messages_in(files: _Files, name: str) -> Iterator[tuple[str, str, str]]:
    """Yield number, digest and archive of each message in a file of a conversation."""
    if not name.endswith(".rsmf"):
        yield from _ARTICLE.findall(files.read(name).decode())
        return
    for event in read_rsmf(files.read(name), name):
        yield tuple(event["custom"][each] for each in ("Production number", "SHA-256", "Archive ID"))


def _check_messages(files: _Files, meta: dict[str, Any]) -> _Comparing:
    """Compare records.jsonl and the messages in all files of conversations with the index, in 16 bytes a record."""
    numbers, marks = meta["numbering"], bytearray(16 * meta["counts"]["records"])
    for name in sorted(name for name in meta["files"] if name.startswith("MESSAGES/")):
        for message in _messages_in(files, name):
            place = 16 * (int(message[0][len(numbers["prefix"]) :]) - numbers["start"])
            if not 0 <= place < len(marks) or any(marks[place : place + 16]):
                raise Wrong("twice", name, f"the message {message[0]} is there twice, or belongs to no record")
            marks[place : place + 16] = sha256("\0".join((name, *message)).encode())[:16]
    lines, place = _check_lines(files, meta), 0
    next(lines)
    while line := (yield):
        facts = "\0".join((line["text"], line["number"], line["sha256"], line["archive"]))
        if marks[place : place + 16] != (sha256(facts.encode())[:16] if line["text"] else bytes(16)):
            raise Wrong("digest", line["number"], "the message is not the one of the index")
        lines.send(line)
        place += 16
    with suppress(StopIteration):
        lines.send(None)


_CHECKS = {"jsonl": _check_lines, "dat": _check_rows, "csv": _check_rows}
_CHECKS |= {"rsmf": _check_messages, "html": _check_messages}


def _check_counts(meta: dict[str, Any], found: _Found) -> str:
    """Check that what was read is what was produced, withheld and left out, for each archive and together."""
    if {name for each in found.values() for name in each} - {each["id"] for each in meta["archives"]}:
        raise Wrong("archives", "production.json", "the index has records of an archive that it does not list")
    total: Counter[str] = Counter()
    for each in meta["archives"]:
        for name, count in found.items():
            if each[name] != (other := count[each["id"]]):
                raise Wrong("count", f"archive {each['id']}", f"expected {each[name]} {name}, found {other}")
        if each["matched"] != each["doubles"] + each["withheld"] + each["records"] or each["doubles"] < 0:
            raise Wrong("count", f"archive {each['id']}", f"{each['matched']} records in, a different number out")
        total.update({name: each[name] for name in meta["counts"]})
    if dict(total) != meta["counts"] or not {"matched", "doubles", *found} <= {*total}:
        raise Wrong("count", "production.json", "the counts of the archives do not add up to those of the production")
    left = f"{total['withheld']} withheld, and {total['doubles']} versions left out"
    return f"records in: {total['matched']}; out: {total['records']}, {left}"


def _check_names(files: _Files, meta: dict[str, Any]) -> None:
    """Check that there is no other file, and none twice."""
    single = {*_SINGLE, *meta["files"]}
    numbered, names = 0, set()
    for name in files.names():
        numbered += name not in single
        if name in single:
            if name in names:
                raise Wrong("twice", name, "the ZIP has it twice")
            names.add(name)
    per_record = 2 if meta["format"] in _LOAD_FILES else 0
    if numbered != per_record * meta["counts"]["records"]:
        stranger = next(_strangers(files, single))
        raise Wrong("stray", stranger, "it is not part of the production: nothing here proves it")


def _strangers(files: _Files, single: set[str]) -> Iterator[str]:
    with files.open("index.jsonl") as index:
        known = {name for raw in lines_of(index) for name in _names_in(raw)}
    yield from (name for name in files.names() if name not in single and name not in known)
    yield "a file"


def _names_in(raw: bytes) -> Iterable[str]:
    line = json.loads(raw)
    return (line["file"], line["text"])


def _check_arrival(own: Checkpoint, archive: dict[str, Any]) -> str:
    """Check the proof of the entry with which an archive came."""
    body = check_event(own, archive["event"], f"archive {archive['id']}")
    if body.get("archive") != archive["id"] or body["facts"].get("sealed_sha256") != archive["sealed_sha256"]:
        raise Wrong("archives", f"archive {archive['id']}", "the log entry is about another archive")
    return f"archive {archive['id']} is in the log of {own.words}, entry {archive['event']['index'] + 1}"

#!/usr/bin/env python3
"""strongroom-verify: check evidence offline, with Python 3.9 or later and the `cryptography` library.

PATH is a package that was handed over, a production (a folder or a ZIP), a coverage statement, a report's note, or a
log: log.jsonl with what lies beside it, or a vault's folder, whose archives are compared with the log. --log is the log
to compare a statement with. --key is the public key of the archiving agent, as text or as a file. It must come to you
by a way of its own: a key in PATH proves nothing and is not used. --checkpoint is one that was kept elsewhere: whatever
PATH says must go on from it.

Leaves with 0 where nothing is wrong and a key of yours signed it, 1 where something is wrong, 2 for a wrong call, and 3
where nothing is wrong but no given key signed it, so that anybody could have made all of it.
"""
# This file stands alone: it imports nothing of Strongroom, and a copy of it lies in every package.
# It is joined from the modules of agent/strongroom_verify by `make verifier`: change those, and not this one.

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import json
import os
import re
import stat
import sys
import zlib
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from functools import partial, reduce
from pathlib import Path
from typing import Any, BinaryIO, cast
from zipfile import BadZipFile, ZipFile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# --- What was found wrong, what was proven, and what was not.


class Wrong(Exception):
    """Something is not as it must be: a stable word, where, and what was expected and found."""

    def __init__(self, code: str, where: str, message: str) -> None:
        super().__init__(code, where, message)
        self.code, self.where, self.message = code, where, message


@dataclass
class Report:
    """What was found wrong, what was proven, and what was not."""

    findings: list[Wrong] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    scope: str = ""  # what was looked at, where that is not the whole of what lies there
    vouched: bool = False  # a key that was given has signed a checkpoint that holds

    def check(self, where: str, work: Callable[[], str | None]) -> bool:
        """Do one check; keep what it proves, or why it fails."""
        try:
            self.proven += [words] if (words := work()) else []
            return True
        except Wrong as wrong:
            self.findings.append(wrong)
        except OSError as error:
            self.findings.append(Wrong("missing", where, f"expected a file that can be read: {error.strerror}"))
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
            self.findings.append(Wrong("form", where, "it cannot be read: it does not have the expected form"))
        return False


# --- Files of a stranger, read with limits: never through a link, nor from a pipe or a device.

LARGEST = 1 << 27  # bytes of a file that is read at once: custody, package and sums of very many events
LONGEST_LINE = 1 << 24  # bytes of an entry


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(data).digest()


def parse_entry(line: bytes, where: str) -> dict[str, Any]:
    """Read a line of a log; it is an object whose facts are an object."""
    try:
        body: dict[str, Any] = json.loads(line)
        body["facts"].items()
        return body
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Wrong("line", where, "expected an entry in JSON, found something else") from None


def is_file(path: Path) -> bool:
    """Say whether there is a file; what cannot be looked up is none."""
    try:
        return path.is_file()
    except OSError:  # a name that is too long for one, or a folder that may not be entered
        return False


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file: never through a link, nor a pipe or a device, which would be waited for without an end."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Wrong("form", path.name, "expected a file, found something else")
    return os.fdopen(fd, "rb")


def read_plain(path: Path) -> bytes:
    """Read a whole file, up to a limit."""
    with open_plain(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Wrong("size", path.name, f"expected at most {LARGEST} bytes, found more")
    return data


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines, each with its end; a line longer than any that is written is cut, and wrong by that."""
    while line := file.readline(LONGEST_LINE):
        yield line


def file_sha256(path: Path) -> bytes:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with open_plain(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.digest()


def compare_file(path: Path, where: str, expected: str | None, code: str) -> None:
    """Compare a file with the digest that the log has of it."""
    found = file_sha256(path).hex()
    if found != expected:
        raise Wrong(code, where, f"expected SHA-256 {str(expected)[:16]}.., the file has {found[:16]}..")


def begins(path: Path, start: bytes) -> bool:
    """Say whether a file begins so."""
    if not is_file(path):
        return False
    with open_plain(path) as file:
        return file.read(len(start)) == start


# --- Public keys, the notes that they sign, and checkpoints, which are such notes.


class Key:
    """A public key (C2SP signed-note): `name+hash+base64`, or the file that holds it. Raises ValueError."""

    def __init__(self, text: str) -> None:
        text = read_plain(Path(text)).decode() if is_file(Path(text)) else text
        self.text = text.strip()
        self.name, named, encoded = self.text.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        self.hash = sha256(self.name.encode() + b"\n" + raw)[:4]
        self.public = raw[1:]
        if len(raw) != 33 or raw[:1] != b"\x01" or self.hash.hex() != named:
            raise ValueError("the key does not fit its own hash")

    def signed(self, text: str, line: str) -> bool:
        """Say whether a signature line is this key's over the text."""
        try:
            blob = base64.b64decode(line.rsplit(" ", 1)[1], validate=True)
            Ed25519PublicKey.from_public_bytes(self.public).verify(blob[4:], text.encode())
            return blob[:4] == self.hash and line.startswith(f"\u2014 {self.name} ")
        except (ValueError, IndexError, InvalidSignature):
            return False


def open_note(path: Path, keys: list[Key]) -> tuple[str, bool]:
    """Return the text of a note, and whether one of the keys signed it; keys that did not are refused."""
    return read_note(read_plain(path), path.name, keys)


def read_note(data: bytes, where: str, keys: list[Key]) -> tuple[str, bool]:
    """Read a note in the same way."""
    text, found, signatures = data.decode().rpartition("\n\n")
    signed = any(key.signed(text + "\n", line) for key in keys for line in signatures.splitlines())
    if not found or (keys and not signed):
        raise Wrong("signature", where, "expected a note that the given key has signed, found another")
    return text + "\n", signed


def open_paper(path: Path, keys: list[Key], report: Report) -> str:
    """Return the text of a signed paper. A key that it names must be one of those given, if one of them signed it."""
    text, signed = open_note(path, keys)
    report.vouched |= signed
    named = re.search(r"^key (\S+\+\S+)$", text, re.MULTILINE)
    if signed and named and named[1] not in {key.text for key in keys}:
        raise Wrong("key", path.name, "it names another key than the one that signed it")
    return text


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says (C2SP tlog-checkpoint)."""

    where: str
    origin: str
    size: int
    root: bytes
    signed: bool  # by one of the keys that were given
    words: str

    @classmethod
    def read(cls, path: Path, keys: list[Key]) -> Checkpoint:
        """Read a checkpoint and check who signed it."""
        return cls.parse(read_plain(path), path.name, keys)

    @classmethod
    def parse(cls, data: bytes, where: str, keys: list[Key]) -> Checkpoint:
        """Read a checkpoint in the same way."""
        text, signed = read_note(data, where, keys)
        origin, size, root, *_more = text.split("\n")
        words = where + (", signed by a trusted key" if signed else " (who signed it was not checked)")
        found = cls(where, origin, int(size), base64.b64decode(root, validate=True), signed, words)
        stem = Path(where).stem
        if found.size > 0 and len(found.root) == 32 and (stem == size or not stem.isdigit()):
            return found
        raise Wrong("form", where, f"expected the checkpoint of that name, found one of {size} entries")


# --- Proofs in the tree of a log (RFC 9162).


def climb(first: int, last: int, nodes: list[bytes], path: Iterable[bytes]) -> list[bytes] | None:
    """Climb to the root from node `first` of 0 to `last`; None where the path has a wrong length (RFC 9162, 2.1.3.2).

    The last of the nodes takes in every hash, one before it only those to the left: what an older tree has of them.
    """
    for other in path:
        if last == 0:
            return None
        if first & 1 or first == last:
            nodes = [sha256(b"\1" + other + node) for node in nodes]
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            nodes = [*nodes[:-1], sha256(b"\1" + nodes[-1] + other)]
        first, last = first >> 1, last >> 1
    return nodes if last == 0 else None


def goes_on(old: int, old_root: bytes, size: int, root: bytes, path: list[bytes]) -> bool:
    """Say whether a consistency proof shows the old tree to be the new one's beginning (RFC 9162, 2.1.4.2)."""
    if old == size:
        return old_root == root and not path
    steps = path if old & (old - 1) else [old_root, *path]
    first, last = old - 1, size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    return 0 < old < size and steps != [] and climb(first, last, [steps[0]] * 2, steps[1:]) == [old_root, root]


# --- A log: its lines, their chain, and the checkpoints and certificates beside it.

_MOVED = ("files.moved", "manifest.rewritten", "file.rewritten")  # kinds of entries


@dataclass
class Log:
    """What was read of a log, to its end or to the first line that is wrong."""

    size: int = 0
    whole: bool = False  # it was read to its end, and each line is right
    first: str = ""  # how an origin must end
    peaks: list[bytes] = field(default_factory=list)  # the roots of complete subtrees, the largest first
    roots: dict[int, bytes] = field(default_factory=dict)  # at the sizes of the checkpoints and proofs
    archives: dict[str, dict[str, Any]] = field(default_factory=dict)  # the newest facts about each one's files
    damaged: set[str] = field(default_factory=set)
    certificates: dict[str, str | None] = field(default_factory=dict)  # of what was destroyed
    notes: dict[str, str] = field(default_factory=dict)  # checkpoints and their time stamps, with their digests
    aside: dict[str, str] = field(default_factory=dict)  # moved to quarantine, with its digest if told

    def read(self, path: Path, sizes: set[int]) -> str:
        """Check form, sequence and chain of every line, and note the root at these sizes."""
        prev = "0" * 64
        with open_plain(path) as lines:
            for seq, raw in enumerate(lines_of(lines), 1):
                line, where = raw[:-1], f"line {seq}"
                body = parse_entry(line, where)
                if body.get("seq") != seq or raw[-1:] != b"\n":
                    raise Wrong("sequence", where, f"expected the whole of entry {seq}, found {body.get('seq')}")
                if body.get("prev") != prev:
                    raise Wrong("chain", where, "expected the digest of the line before it, found another")
                prev = sha256(line).hex()
                self.first = self.first or prev[:16]
                self._grow(sha256(b"\0" + line))
                self.learn(body)
                if seq in sizes:
                    self.roots[seq] = reduce(lambda right, left: sha256(b"\1" + left + right), reversed(self.peaks))
        return f"the log has {self.size} entries, and each names the digest of the one before it"

    def _grow(self, node: bytes) -> None:
        place, self.size = self.size, self.size + 1
        while place & 1:
            node, place = sha256(b"\1" + self.peaks.pop() + node), place >> 1
        self.peaks.append(node)

    def learn(self, body: dict[str, Any]) -> None:
        """Take in what an entry says of archives: the newest digest of a file is the one it must have."""
        facts = body["facts"]
        if "archive" in body:
            kept = {name: facts[name] for name in facts if name.endswith("_sha256") or name == "holding"}
            self.archives.setdefault(str(body["archive"]), {}).update(kept)
        names = [facts.get("file", ""), *facts.get("files", ())] if body.get("kind") in _MOVED else []
        self.aside.update({f"{str(name).rpartition('/')[2]}.aside": "" for name in names})  # earlier: no digest
        self.aside.update({str(name): str(digest) for name, digest in facts.get("aside", ())})
        if body.get("kind") == "archive.damaged":
            self.damaged.add(str(body["archive"]))
        if str(body.get("kind")).startswith("checkpoint.") and type(facts.get("entries")) is int:
            ends = {".note": facts.get("note_sha256"), ".tsr": facts.get("stamp_sha256")}
            self.notes.update({f"{facts['entries']}{end}": str(digest) for end, digest in ends.items() if digest})
        if body.get("kind") == "archive.destroyed":
            self.certificates[body["archive"]] = facts.get("certificate_sha256")

    def compare(self, checkpoint: Checkpoint) -> str:
        """Check that this is the log of a checkpoint, and goes on from it."""
        where, size = checkpoint.where, checkpoint.size
        if checkpoint.origin.rpartition("/")[2] != self.first:
            raise Wrong("origin", where, "the log begins with another line than the one of this checkpoint")
        if size > self.size:
            raise Wrong("cut", where, f"expected at least {size} entries, the log has {self.size}")
        if self.roots.get(size) != checkpoint.root:
            raise Wrong("root", where, f"the first {size} entries are not the ones that were signed")
        return f"the first {size} entries are those of {checkpoint.words}"


def check_certificate(folder: Path, archive: str, digest: str | None, keys: list[Key]) -> None:
    """Check the certificate of a destroyed archive: its digest, its signature, and that it is about this archive."""
    name = f"{archive}.note"
    if not os.path.lexists(folder / name):
        words = f"certificate removed: the log says that archive {archive} was destroyed with one; put back a copy"
        raise Wrong("missing", f"certificates/{name}", words)
    compare_file(folder / name, f"certificates/{name}", digest, "certificate")
    keys = keys if b'"signed": true' in read_plain(folder / name) else []  # there may have been no key to sign with
    if archive not in open_note(folder / name, keys)[0]:
        raise Wrong("certificate", f"certificates/{name}", "the certificate is about something else")


def check_log(path: Path, keys: list[Key], outside: list[Path], report: Report) -> Log:
    """Check a log, and the checkpoints and certificates beside it; return it, as far as it is whole."""
    log, inside = Log(), sorted(path.parent.glob("checkpoints/*.note"))
    checkpoints = read_checkpoints([*inside, *outside], keys, report)
    whole = log.whole = report.check(path.name, lambda: log.read(path, {each.size for each in checkpoints}))
    for each in sorted(checkpoints, key=lambda each: each.size):
        if whole or each.size <= log.size:
            report.vouched |= report.check(each.where, partial(log.compare, each)) and each.signed
    newest = max([0, *(each.size for each in checkpoints)])
    if log.size > newest:
        last = f"{log.size - newest} entries" if log.size - newest > 1 else "entry"
        report.unproven.append(f"the last {last}: newer than every checkpoint")
    for archive, digest in log.certificates.items():
        report.check(archive, partial(check_certificate, path.parent / "certificates", archive, digest, keys))
    return log


def read_checkpoints(paths: list[Path], keys: list[Key], report: Report) -> list[Checkpoint]:
    """Read checkpoints, and report those that contradict each other."""
    found: dict[tuple[str, int], Checkpoint] = {}

    def enter(path: Path) -> None:
        fresh = Checkpoint.read(path, keys)
        other = found.setdefault((fresh.origin, fresh.size), fresh)
        if other.root != fresh.root:
            raise Wrong("fork", fresh.where, f"{other.where} signs another history of the same {fresh.size} entries")

    for path in paths:
        report.check(path.name, partial(enter, path))
    return list(found.values())


# --- A vault: the files of every archive against its log.

_LOG_FOLDERS = ("log", "log/checkpoints")


def check_vault(root: Path, keys: list[Key], outside: list[Path], report: Report) -> None:
    """Check a vault's log, then every archive's files against it, and that there are no other files."""
    report.scope = "the log, and the files of every archive in it"
    log, before, sound = check_log(root / "log" / "log.jsonl", keys, outside, report), len(report.findings), 0
    expected = {f"log/certificates/{archive}.note" for archive in log.certificates}
    for archive, known in log.archives.items():
        if "manifest_sha256" in known and re.fullmatch("[0-9a-z]{26}", archive):
            places = _places(archive, known)
            expected.update(places)
            if archive in log.damaged:
                words = f"the files of archive {archive}: the log says that they were damaged and set aside"
                report.unproven.append(words)
                continue
            sound += _check_archive(root, known, places, report, gone=archive in log.certificates)
    for name, digest in log.notes.items():
        if any(each.where == name for each in report.findings):
            continue
        report.check(name, partial(_check_note, root / "log" / "checkpoints" / name, name, digest))
    for name, digest in log.aside.items():
        where = f"quarantine/{name}"
        expected.add(where)
        if digest and re.fullmatch("[0-9A-Za-z.]+", name) and os.path.lexists(root / where):  # a person may remove it
            report.check(where, partial(compare_file, root / where, where, digest, "aside"))
    if log.whole:  # or what the log did not come to would look like a stray
        report.findings += _strays_of_vault(root, expected)
    if len(report.findings) == before:
        report.proven.append(f"the files of {sound} archives are the ones recorded in the log, and there are no others")


def _check_note(path: Path, where: str, digest: str) -> None:
    if not os.path.lexists(path):
        words = "checkpoint removed: the log records that it was signed; put back a copy"
        raise Wrong("missing", where, words)
    compare_file(path, where, digest, "checkpoint")


def _places(archive: str, known: dict[str, Any]) -> dict[str, str]:
    """Return where the files of an archive lie, each with the fact of the log that is its digest."""
    shard = archive[-2:]
    folders = ("archives/" + shard, "keys/" + shard, "manifests/" + shard)
    folders = ("quarantine",) * 3 if known.get("holding") == "quarantined" else folders
    payload, key, manifest = (f"{folder}/{archive}" for folder in folders)
    return {payload + ".age": "sealed_sha256", key + ".key.age": "key_sha256", manifest + ".json": "manifest_sha256"}


def _check_archive(root: Path, known: dict[str, Any], places: dict[str, str], report: Report, *, gone: bool) -> bool:
    """Compare the files of an archive; of a destroyed one (`gone`) nothing but its tombstone may be there."""
    before = len(report.findings)
    for name, digest in places.items():
        fact = "tombstone_sha256" if gone and digest == "manifest_sha256" else digest
        if gone and fact != "tombstone_sha256":
            if os.path.lexists(root / name):
                report.findings.append(Wrong("not-destroyed", name, "the log says that this archive was destroyed"))
        elif fact in known:
            report.check(name, partial(compare_file, root / name, name, known[fact], fact.partition("_")[0]))
    return not gone and len(report.findings) == before


def _strays_of_vault(root: Path, expected: set[str]) -> Iterator[Wrong]:
    for folder in (*_LOG_FOLDERS, "log/certificates", "archives", "keys", "manifests", "quarantine"):
        if (root / folder).is_symlink():
            yield Wrong("link", folder, "a folder of a vault is never a symbolic link: what is behind it is another's")
        if (root / folder).is_symlink() or folder in _LOG_FOLDERS:
            continue
        for place, folders, files in os.walk(root / folder):
            for name in sorted(folders + files):
                path = Path(place, name)
                where = path.relative_to(root).as_posix()
                if path.is_symlink() or (name in files and where not in expected):
                    yield Wrong("stray", where, "the log records no such file")


# --- A package that was handed over.

_FILES = {"payload.age": "sealed_sha256", "key.age": "key_sha256", "manifest.json": "manifest_sha256"}
_SEGMENT = "segment.idx.age"  # an archive may have none
_PARTS = {*_FILES, _SEGMENT, "custody.json", "custody.txt", "delivered", "decoded", "salt.txt"}
_PAPERS = {"README.txt", "package.json", "checkpoint.note", "checkpoint.tsr", "public-key.txt", "strongroom-verify.py"}

_ABOUT = ["The entries below come f", "requested from the provi", "checks each entry agains"]


def check_package(root: Path, keys: list[Key], outside: list[Path], report: Report) -> None:
    """Check a package that was handed over: each event of each archive by its proof, each file by the events."""
    package = json.loads(read_plain(root / "package.json"))
    archives = {each["id"]: each["events"] for each in package["archives"]}
    if not archives or not all(re.fullmatch("[0-9a-z]{26}", each) for each in archives):
        raise Wrong("archives", "package.json", "expected archives by their ids, found none or another name")
    report.findings += _strays(root, archives)
    keys_wanted = [f"archives/{each}/key.age" for each in archives]
    for name in ("README.txt", "SHA256SUMS", *keys_wanted):
        if not (root / name).is_file():
            report.findings.append(Wrong("missing", name, "every package has this file, and it is not there"))
    report.check("SHA256SUMS", partial(check_sums, root, report))
    own = Checkpoint.read(root / "checkpoint.note", keys)
    report.vouched = own.signed
    check_first(own, package["first"], "package.json")
    for old in read_checkpoints(outside, keys, report):
        report.check(old.where, partial(check_older, own, package["consistency"], old))
    for archive, count in archives.items():
        report.check(archive, partial(_check_handed, root / "archives" / archive, own, archive, count, package))
    report.unproven += [
        "that no event of an archive was left out, such as a newer key or hold: only the whole log can show that",
        "the words of README.txt and custody.txt: only number, time and kind of each event are proven",
    ]
    if package["recipients"]:
        report.unproven.append("that the keys, sealed again, open the payloads: open them to see")


def check_older(own: Checkpoint, proofs: dict[str, list[str]], other: Checkpoint) -> str:
    """Check that the log of a package goes on from a checkpoint that was kept elsewhere."""
    if own.origin.rpartition("/")[2] != other.origin.rpartition("/")[2]:
        raise Wrong("origin", other.where, "it is a checkpoint of another log")
    if other.size > own.size:
        raise Wrong("cut", other.where, f"expected at least {other.size} entries, the package's log has {own.size}")
    if other.size != own.size and str(other.size) not in proofs:
        raise Wrong("no-proof", other.where, f"the package has no proof from {other.size} entries on")
    if not goes_on(
        other.size, other.root, own.size, own.root, [bytes.fromhex(each) for each in proofs.get(str(other.size), [])]
    ):
        raise Wrong("root", other.where, f"its first {other.size} entries are not those of the package's log")
    return f"the package's log goes on from {other.words}"


def check_first(own: Checkpoint, first: dict[str, Any], where: str) -> None:
    """Check that the first entry is in the log of a checkpoint, whose origin names it."""
    check_event(own, {**first, "index": 0}, where)
    if own.origin.rpartition("/")[2] != sha256(first["line"].encode()).hex()[:16]:
        raise Wrong("origin", own.where, "the checkpoint is of a log that begins with another line")


def check_event(own: Checkpoint, event: dict[str, Any], where: str) -> dict[str, Any]:
    """Check that an entry is in the log of a checkpoint; return it."""
    line, index = event["line"].encode(), event["index"]
    nodes = climb(index, own.size - 1, [sha256(b"\0" + line)], [bytes.fromhex(each) for each in event["proof"]])
    if not 0 <= index < own.size or nodes != [own.root]:
        raise Wrong("inclusion", where, f"event {index + 1} is not in the log of {own.where}")
    return parse_entry(line, where)


def _strays(root: Path, archives: Iterable[str]) -> Iterable[Wrong]:
    folders = {"archives", *(f"archives/{each}" for each in archives)}
    files = {*_PAPERS, "SHA256SUMS", *(f"archives/{each}/{part}" for each in archives for part in _PARTS)}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        known = name in folders if path.is_dir() else path.is_file() and name in files
        if path.is_symlink() or not known:
            yield Wrong("stray", name, "it is not part of the package: nothing here proves it")


def check_sums(root: Path, report: Report) -> None:
    """Compare every file with SHA256SUMS, where there is one."""
    if (root / "SHA256SUMS").exists():
        lines = read_plain(root / "SHA256SUMS").decode().splitlines()
        listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        paths = [path for path in root.rglob("*") if path.is_file() and path != root / "SHA256SUMS"]
        found = {path.relative_to(root).as_posix(): file_sha256(path).hex() for path in paths}
        for name in sorted(name for name in {*listed, *found} if listed.get(name) != found.get(name)):
            report.findings.append(Wrong("sums", name, "it is not the file listed in SHA256SUMS"))


def _check_custody(path: Path, archive: str, rows: list[str]) -> None:
    """Compare custody.txt with what the proven events render to; the words after that are not in the log."""
    lines = read_plain(path).decode().split("\n")
    title, end = f"Chain of custody of archive {archive}", ["", "Each of these entries, byte for byte", ""]
    issuer = ["Organization: ", "Vault: ", "Signing key: ", "Source account: ", ""]
    parts = ["Stream ", "From ", ""]
    heads = [
        [title, "", *issuer, *parts, "", *_ABOUT, "", "Entry "],
        [title, "", *parts, "", "Entry "],
    ]  # 0.4, and before
    same = any(
        len(lines) == len(expected) and all(map(str.startswith, [line + "  " for line in lines], expected))
        for expected in ([*head, *rows, *end] for head in heads)
    )
    if not same or not "".join(lines).isprintable():
        raise Wrong("custody", f"{archive}/custody.txt", "it lists other events than those that are proven")


def _check_handed(folder: Path, own: Checkpoint, archive: str, count: int, package: dict[str, Any]) -> str:
    log, last, rows, events = Log(), -1, [], []
    for event in json.loads(read_plain(folder / "custody.json"))["events"]:
        body = check_event(own, event, f"{archive}/custody.json")
        if event["index"] <= last:  # or an older digest could be passed off as the newest
            raise Wrong("order", f"{archive}/custody.json", f"event {event['index'] + 1} comes after a later one")
        last = event["index"]
        log.learn(body)
        rows.append(f"{last + 1:>7}  {body['at']:<28}  {body['kind']}  ")
        events.append(f"{last + 1} {body['at']} {body['kind']}")
    if len(rows) != count:
        raise Wrong("cut", f"{archive}/custody.json", f"package.json lists {count} events, here are {len(rows)}")
    _check_custody(folder / "custody.txt", archive, rows)
    for name, fact in _FILES.items():
        if name != "key.age" or not package["recipients"]:  # a key file that was sealed anew is not the vault's
            newest = log.archives.get(archive, {}).get(fact)
            compare_file(folder / name, f"{archive}/{name}", newest, name.partition(".")[0])
    if (folder / _SEGMENT).exists():
        newest = log.archives.get(archive, {}).get("index_sha256")
        compare_file(folder / _SEGMENT, f"{archive}/{_SEGMENT}", newest, "segment")
    if (folder / "delivered").exists() or (folder / "decoded").exists():
        salt = bytes.fromhex(read_plain(folder / "salt.txt").decode())
        delivered = json.loads(read_plain(folder / "manifest.json"))["delivered"]
        for name, fact in (("delivered", "digest"), ("decoded", "decoded_digest")):
            path = folder / name
            if path.exists() and hmac.new(salt, file_sha256(path), hashlib.sha256).hexdigest() != delivered.get(fact):
                raise Wrong("delivered", f"{archive}/{name}", "these are not the bytes that the provider delivered")
    return f"archive {archive}: its files are those recorded by {own.words} in these events: {', '.join(events)}"


# --- Signed papers: reports and coverage statements.

STATEMENT, REPORT = b"strongroom coverage statement ", b"strongroom report "
_LARGEST_STATEMENT = 1 << 26  # bytes


def check_report(path: Path, keys: list[Key], report: Report) -> None:
    """Check the note of a report: who signed it, and that the files it names lie beside it and are unchanged."""
    title, *lines = open_paper(path, keys, report).strip("\n").split("\n")
    pairs = [line.partition(" ")[::2] for line in lines]
    head, files = dict(pairs), dict(rest.rsplit(" ", 1) for word, rest in pairs if word == "file")
    if title != "strongroom report 1" or not files or any(Path(name).name != name for name in files):
        raise Wrong("form", path.name, "expected the note of a report, of version 1, with files beside it")
    for name, digest in files.items():
        report.check(name, partial(compare_file, path.parent / name, name, digest, "digest"))
    report.scope = f"the report of {head['from']} to {head['to']}, made {head['made']}: {', '.join(files)}"
    report.unproven.append("that the vault is as the report says: only the vault, or a package of it, shows that")


def check_statement(path: Path, keys: list[Key], log: Path | None, report: Report) -> None:
    """Check a coverage statement: who signed it, that it does not contradict itself, and that the log is its log."""
    if path.stat().st_size > _LARGEST_STATEMENT:
        raise Wrong("size", path.name, f"expected at most {_LARGEST_STATEMENT} bytes, found {path.stat().st_size}")
    stated = _Statement.read(open_paper(path, keys, report), path.name)
    for name, stream in stated.streams.items():
        report.check(f"{path.name}, stream {name}", partial(_check_stream, stated, name, stream))
    if log is None:
        report.unproven.append("that the log is the one that the statement names: no --log was given")
    else:
        report.check(log.name, partial(_check_statement_log, stated, log))
    report.unproven.append("that the archives hold what is stated: only the vault, or a package of them, shows that")


@dataclass
class _Statement:
    """What a coverage statement says, line by line."""

    where: str
    head: dict[str, str] = field(default_factory=dict)
    streams: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # by the first word of the line

    @classmethod
    def read(cls, text: str, where: str) -> _Statement:
        # What the lines mean to people begins with "What this means" and is no statement of its own.
        title, *lines = text.partition("\nWhat this means: ")[0].split("\n")
        stated = cls(where, {"version": title.rpartition(" ")[2]})
        for line in filter(None, lines):
            stated._take(line)
        if not stated.streams or stated.version not in (1, 2) or stated.end <= stated.start:
            raise Wrong("form", where, "expected a period and a stream, of version 1 or 2; found something else")
        return stated

    def _take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "stream":
            name, _, result = rest.partition(": ")
            if name in self.streams:
                raise Wrong("twice", self.where, f"the stream {name} is there twice")
            self.streams[name] = {"result": [result]}
        elif self.streams and word in ("source", "archived", "gap", "destroyed", "unconfirmed", "left"):
            self.streams[list(self.streams)[-1]].setdefault(word, []).append(rest)
        elif not self.streams and word in ("organization", "vault", "key", "from", "to", "log", "as"):
            self.head[word] = rest
        else:
            raise Wrong("form", self.where, f"expected a line of a statement, found one that begins with {word[:20]}")

    @property
    def version(self) -> int:  # 1 before 0.4, which listed gaps alone; 2 lists what is archived, too
        return int(self.head["version"])

    @property
    def start(self) -> datetime:
        return _instant(self.head["from"])

    @property
    def end(self) -> datetime:
        return _instant(self.head["to"])


def _instant(text: str) -> datetime:
    if not text.endswith("Z"):
        raise ValueError("a time in a statement is in UTC")
    return datetime.fromisoformat(text[:-1] + "+00:00")


def _check_stream(stated: _Statement, name: str, lines: dict[str, list[str]]) -> str:
    """Check that a stream's result fits its lines, and that its pieces are the whole period and share nothing."""
    where, result = f"{stated.where}, stream {name}", lines["result"][0]
    count = re.fullmatch("(no gap|([0-9,]+) gaps?), ([0-9,]+) archives?", result)
    gaps = len(lines.get("gap", []))
    if not count or int((count[2] or "0").replace(",", "")) != gaps:
        raise Wrong("count", where, f"it says {result!r} and lists {gaps} of them")
    pieces = []
    for word in ("archived", "gap", "destroyed"):
        for line in lines.get(word, []):
            stream, begins, ends, *_why = line.split(" ")
            if stream != name:
                raise Wrong("stream", where, f"a line of it is about the stream {stream}")
            pieces.append((_instant(begins), _instant(ends)))
    last = stated.start
    for begin, end in sorted(pieces):
        if begin >= end or begin < last or end > stated.end or (stated.version > 1 and begin != last):
            raise Wrong("period", where, f"what it lists leaves out or lists twice the time from {last} to {begin}")
        last = end
    if stated.version > 1 and last != stated.end:
        raise Wrong("period", where, f"what it lists ends at {last}, the period at {stated.end}")
    return f"stream {name}: {result}; its lines are the whole period from {stated.head['from']} to {stated.head['to']}"


def _check_statement_log(stated: _Statement, path: Path) -> str:
    """Check that the log has the entry that the statement was made at."""
    seq, _, digest = stated.head["log"].partition(" ")
    (log := Log()).read(path, set())
    if stated.head.get("vault", "").rpartition("/")[2] not in ("", "not named", log.first):
        raise Wrong("origin", path.name, "it is the log of another vault than the statement names")
    with open_plain(path) as lines:
        found = next((sha256(line[:-1]).hex() for place, line in enumerate(lines, 1) if place == int(seq)), "")
    if found != digest:
        raise Wrong("digest", path.name, f"entry {seq} is not the one that the statement names")
    return f"entry {seq} of the log is the one that the statement was made at"


# --- A file in the Relativity Short Message Format 2.0: its form, and that everything it refers to is there.

_EVENTS = {"message", "disclaimer", "join", "leave", "history", "unknown"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def read_rsmf(data: bytes, where: str) -> list[dict[str, Any]]:
    """Check a file; return its events, each with its custom values by name."""

    def need(right: object, code: str, words: str) -> None:
        if not right:
            raise Wrong(code, where, words)

    message = message_from_bytes(data)
    need(_header(message, "Version") == "2.0.0", "rsmf-header", "expected X-RSMF-Version: 2.0.0")
    parts = [part for part in message.walk() if part.get_content_disposition() == "attachment"]
    need(len(parts) == 1, "rsmf-attachment", f"expected exactly one attachment, found {len(parts)}")
    coded = str(parts[0]["Content-Transfer-Encoding"]).lower() == "base64"
    need(coded and parts[0].get_filename() == "rsmf.zip", "rsmf-attachment", "expected rsmf.zip, in base64")
    with ZipFile(io.BytesIO(cast("bytes", parts[0].get_payload(decode=True)))) as packed:
        names = packed.namelist()
        need("rsmf_manifest.json" in names, "rsmf-zip", "expected rsmf_manifest.json at the root of rsmf.zip")
        need(len({*names}) == len(names), "rsmf-zip", "rsmf.zip has a file twice")
        need(packed.getinfo("rsmf_manifest.json").file_size <= LARGEST, "rsmf-zip", "its manifest is too large")
        meta = json.loads(packed.read("rsmf_manifest.json"))
    _check_references(meta, {*names} - {"rsmf_manifest.json"}, need)
    events: list[dict[str, Any]] = meta["events"]
    times = sorted(event["timestamp"] for event in events)
    used = sum(len(event.get("attachments", [])) for event in events)
    expected = {
        "EventCount": str(len(events)),
        "AttachmentCount": str(used),
        "BeginDate": times[0],
        "EndDate": times[-1],
        "EventCollectionID": meta["eventcollectionid"],
        "Participants": " ".join("; ".join(each["display"] for each in meta["participants"]).split()),
    }
    for name, value in expected.items():
        found = _header(message, name)
        need(found == value, "rsmf-header", f"X-RSMF-{name} says {found[:80]}, the manifest {value[:80]}")
    return [{**event, "custom": {each["name"]: each["value"] for each in event["custom"]}} for event in events]


def _header(message: Message, name: str) -> str:
    """Return a header, decoded, with single blanks."""
    text = str(message[f"X-RSMF-{name}"])
    return " ".join((str(make_header(decode_header(text))) if "=?" in text else text).split())


def _check_references(meta: dict[str, Any], files: set[str], need: Any) -> None:
    """Check what the schema of the manifest cannot say: that ids are unique, and that what is named is there."""
    people = _unique(meta["participants"], need)
    talks = _unique(meta["conversations"], need)
    events = _unique((event for event in meta["events"] if "id" in event), need)
    need(meta["version"] == "2.0.0" and meta["events"], "rsmf-manifest", "expected version 2.0.0, and an event")
    named = {
        each[kind]
        for each in meta["participants"] + meta["conversations"]
        for kind in ("avatar", "icon")
        if kind in each
    }
    for each in meta["conversations"]:
        here = {*each["participants"], *([each["custodian"]] if "custodian" in each else [])}
        need(here <= {*people}, "rsmf-participant", f"the conversation {each['id']} has somebody who is not listed")
    for event in meta["events"]:
        name = str(event.get("id", "without an id"))
        need(event["type"] in _EVENTS, "rsmf-manifest", f"event {name} is of an unknown type")
        need(_TIME.fullmatch(str(event.get("timestamp"))), "rsmf-time", f"event {name} has no time with an offset")
        talk = talks.get(event.get("conversation"), {})
        need(talk, "rsmf-conversation", f"event {name} is in no conversation that is listed")
        more = [*event.get("edits", []), *event.get("read_receipts", [])]
        who = [event.get("participant"), *(each["participant"] for each in more)]
        who += [person for each in event.get("reactions", []) for person in each.get("participants", [])]
        need({*who} <= {*people}, "rsmf-participant", f"event {name} names somebody who is not listed")
        need(event.get("participant") in talk["participants"], "rsmf-participant", f"event {name} is by an outsider")
        parent = events.get(event["parent"]) if "parent" in event else event
        sibling = parent is not None and parent["conversation"] == event["conversation"]
        need(sibling, "rsmf-parent", f"event {name} has no parent in its conversation")
        named |= {each["id"] for each in event.get("attachments", [])}
    need(named <= files, "rsmf-missing", f"rsmf.zip does not have {', '.join(sorted(map(str, named - files)))[:80]}")
    need(files <= named, "rsmf-stray", f"nothing refers to {', '.join(sorted(files - named))[:80]}")


def _unique(things: Iterable[dict[str, Any]], need: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in things:
        need(isinstance(each["id"], str) and each["id"], "rsmf-id", "expected an id that is a text")
        need(each["id"] not in found, "rsmf-id", f"the id {each['id']} is there twice")
        found[each["id"]] = each
    return found


# --- A production: numbered records in the files of other programs, in a folder or a ZIP.

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


# --- The command line.


def _named(text: str) -> Path:
    """Return the path that a person named, a link resolved: what lies in it is never followed through one."""
    return Path(os.path.realpath(text))


def _check(asked: Namespace, report: Report) -> bool:
    """Check what the path is; say whether it is a signed paper, whose log lies elsewhere."""
    path, paper = asked.path, False
    if is_file(path / "package.json"):
        report.check("package.json", lambda: check_package(path, asked.key, asked.checkpoint, report))
    elif is_production(path):
        report.check(path.name, lambda: check_production(path, asked.key, asked.checkpoint, report))
    elif paper := begins(path, STATEMENT):
        report.check(path.name, partial(check_statement, path, asked.key, asked.log, report))
    elif paper := begins(path, REPORT):
        report.check(path.name, partial(check_report, path, asked.key, report))
    elif os.path.lexists(path / "log" / "log.jsonl"):
        check_vault(path, asked.key, asked.checkpoint, report)
    else:
        report.scope = "the log alone; no file of an archive was looked at: for that, name the vault's folder"
        check_log(path / "log.jsonl" if path.is_dir() else path, asked.key, asked.checkpoint, report)
    return paper


def main() -> int:
    """Check what the command line names; tell what was proven and what not."""
    parser = ArgumentParser("strongroom-verify", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("path", type=_named, metavar="PATH")
    parser.add_argument("--key", type=Key, action="append", default=[])
    parser.add_argument("--log", type=_named, metavar="FILE")
    parser.add_argument("--checkpoint", type=_named, action="append", default=[], metavar="FILE")
    while os.open(os.devnull, os.O_RDWR) < 3:  # so that no file takes the number of a closed standard descriptor
        pass
    asked, report = parser.parse_args(), Report()
    if sys.stdout is None:
        parser.error("standard output is closed: the result could not be read")
    if not os.path.lexists(asked.path):
        parser.error(f"there is no file or folder {str(asked.path)!a}")
    paper = _check(asked, report)
    if not asked.checkpoint and not paper:
        report.unproven.append("that nothing newer was rolled back: no checkpoint was given that was kept elsewhere")
    if not report.vouched:
        report.unproven.append("who made this: no key that you gave signed it, so anyone could have")
    lines = [f"CHECKED     {report.scope}"] if report.scope else []
    lines += [f"PROVEN      {each}" for each in report.proven] + [f"NOT PROVEN  {each}" for each in report.unproven]
    lines += [f"WRONG       {each.code}: {each.where}: {each.message}" for each in report.findings]
    sound = "nothing is wrong" + ("" if report.vouched else " in itself, but no key that you gave signed it")
    lines.append(f"things that are wrong: {len(report.findings)}" if report.findings else sound)
    for line in lines:  # escaped, so that nothing that was read can steer a terminal or pass for a line of ours
        sys.stdout.write(line.encode("unicode_escape").decode() + "\n")
    return 1 if report.findings else 0 if report.vouched else 3


if __name__ == "__main__":
    sys.exit(main())

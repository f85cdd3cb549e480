"""A log: its lines, their chain, and the checkpoints and certificates beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial, reduce
from pathlib import Path
from typing import Any

from strongroom_verify.files import compare_file, lines_of, open_plain, parse_entry, read_plain, sha256
from strongroom_verify.findings import Report, Wrong
from strongroom_verify.notes import Checkpoint, Key, open_note

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

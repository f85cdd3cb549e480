"""Signed papers: reports and coverage statements."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from strongroom_verify.files import compare_file, open_plain, sha256
from strongroom_verify.findings import Report, Wrong
from strongroom_verify.log import Log
from strongroom_verify.notes import Key, open_paper

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

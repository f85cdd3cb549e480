"""Whatever a provider delivers goes through the whole ingest: it is archived with its true count, or refused in words.

The exports are asked for over HTTP; only the bytes of the file, and what is announced of them, are bent. An independent
reader (`oracle`) says what the file holds. What was cut short is never archived.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import time
import traceback
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kit import oracle
from kit.csv_engine_bench import HISTORY, HOOKS, open_csv_bench
from kit.engine_bench import DAY, STREAM, Bench, open_bench
from kit.hostile_input import SEED, Faults, bend, mutate
from strongroom.engine.access.content import check_content
from strongroom.engine.access.inventory import find_job
from strongroom.engine.core.sources import open_reading
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.queries.lists import list_archives
from strongroom.model.archive import Archive
from strongroom.model.job import Cause, Job, State
from strongroom.model.plan import Stream
from strongroom.model.provider import Part
from strongroom.providers.port import Provider, Received
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions

ROUNDS = 2  # of each provider, without STRONGROOM_FUZZ_SECONDS
MARKS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
HOUSES: dict[str, tuple[Stream, Callable[[Path], AbstractContextManager[Bench]]]] = {
    "zavu": (STREAM, open_bench),
    "hookbridge": (HOOKS, partial(open_csv_bench, options=HookBridgeOptions())),
    "qlara": (HISTORY, partial(open_csv_bench, options=QlaraOptions())),
}


def rounds() -> Iterator[int]:
    """Count a few rounds, or until the time that was asked for is over. The work is done by other threads."""
    wanted = float(os.environ.get("STRONGROOM_FUZZ_SECONDS", "0"))
    end, number = time.monotonic() + wanted, 0
    while number < ROUNDS or time.monotonic() < end:
        yield number
        number += 1


@dataclass
class Delivered:
    """What is delivered next in place of the file."""

    data: bytes | None = None  # None: the true file
    how: str = ""
    announced: bool = True  # Content-Length
    size: str = "told"  # what the export says of its size: told, true (of the file before it was bent) or none
    rows: bool = True  # whether the export tells its rows
    whole: bytes = field(default=b"", repr=False)


class Bent:
    """A provider whose files are not what it made."""

    def __init__(self, provider: Provider, delivered: Delivered) -> None:
        self._provider, self._delivered = provider, delivered

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def parts(self, ref: str) -> tuple[Part, ...]:
        (part,) = self._provider.parts(ref)
        now = self._delivered
        if now.data is None:
            return (part,)
        size = {"told": len(now.data), "true": part.size, "none": None}[now.size]
        return (replace(part, size=size if part.size is not None else None, rows=part.rows if now.rows else None),)

    def download(self, part: Part, sink: Callable[[bytes], None], stop: Callable[[], bool]) -> int:
        now = self._delivered
        if now.data is None:
            taken = bytearray()
            size = self._provider.download(part, lambda chunk: (taken.extend(chunk), sink(chunk))[1], stop)
            now.whole = bytes(taken)
            return size
        for at in range(0, len(now.data), 7_000):
            sink(now.data[at : at + 7_000])
        return Received(len(now.data), announced=now.announced)


def spoil(whole: bytes, now: Delivered, random_bytes: random.Random) -> None:
    """Choose what is delivered next."""
    how = random_bytes.choice(("cut", "cut", "mutated", "mutated", "inside", "inside", "coded", "coded and cut"))
    if how == "inside" and not whole.startswith(b"PK"):
        how = "mutated"
    made = {
        "cut": lambda: whole[: random_bytes.choice((random_bytes.randrange(len(whole)), -random_bytes.randint(1, 40)))],
        "mutated": lambda: mutate(whole, random_bytes),
        "inside": lambda: rezipped(whole, random_bytes),
        "coded": lambda: coded(whole, random_bytes),
        "coded and cut": lambda: coded(whole, random_bytes)[: -random_bytes.randint(1, 30)],
    }[how]()
    now.data, now.how = made, how
    now.announced, now.rows = random_bytes.random() < 0.7, random_bytes.random() < 0.6
    now.size = random_bytes.choice(("told", "told", "true", "none"))


def coded(whole: bytes, random_bytes: random.Random) -> bytes:
    return random_bytes.choice((gzip.compress, zlib.compress, lambda data: zlib.compress(data)[2:-4]))(whole)


def rezipped(whole: bytes, random_bytes: random.Random) -> bytes:
    """Return the ZIP with one of its members bent, and all check sums right."""
    held = oracle.members(whole)
    name, out = random_bytes.choice(list(held)), io.BytesIO()
    text = held[name]
    held[name] = (
        mutate(text, random_bytes)
        if random_bytes.random() < 0.6
        else json.dumps(bend(json.loads(text), random_bytes)).encode()
    )
    with zipfile.ZipFile(out, "w", random_bytes.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))) as made:
        for each, content in held.items():
            made.writestr(each, content)
    return out.getvalue()


def decoded(archive: Archive, data: bytes) -> bytes:
    wbits = {"": 0, "gzip": 31, "deflate": 15, "raw-deflate": -15}[archive.seal.delivered_coding]
    return zlib.decompress(data, wbits) if wbits else data


def counted(archive: Archive, data: bytes) -> Mapping[str, int]:
    """Return the records of each member as the independent reader counts them. Raises what it raises."""
    plain, reports = decoded(archive, data), archive.inspection.members
    if plain.startswith(b"PK"):
        held = oracle.members(plain)
        return {each.member: len(oracle.read_json(held[each.member])) for each in reports if each.dataset}
    (report,) = reports
    told = dict(each.split("=") for each in report.dialect.split())
    table = oracle.Table(MARKS[told["delimiter"]], told["encoding"].replace("utf-8", "utf-8-sig"))
    return {report.member: len(oracle.read_table(plain, table))}


def judge(archive: Archive, now: Delivered, whole: bytes) -> str:
    """Return what is wrong with having archived this, or nothing."""
    data = whole if now.data is None else now.data
    if archive.seal.size != len(data):
        return "other bytes than were delivered"
    if now.how == "coded and cut" or (now.how == "cut" and (data[:2] == b"PK" or not data.endswith(b"\n"))):
        return "what was cut short was archived"
    found = {each.member: each.records for each in archive.inspection.members if each.dataset}
    try:
        expected = counted(archive, data)
    except (ValueError, LookupError, zipfile.BadZipFile, zlib.error, RecursionError) as error:
        return f"what the independent reader refuses was archived: {error!r}"
    if found != expected:
        return f"{found} records were counted where there are {expected}"
    rows = archive.expectation.rows
    return "another count than announced" if rows is not None and rows - sum(found.values()) not in (0, 1) else ""


def deliver(bench: Bench, stream: Stream, now: Delivered) -> tuple[Job, Archive | None]:
    """Bring one export to its end; return its last job, and the archive where it has one."""
    with bench.engine() as engine:
        sources = {
            name: replace(each, provider=Bent(each.provider, now), second_look=None)  # type: ignore[arg-type]
            for name, each in engine.sources.items()
        }
        retry_policy = replace(engine.retry_policy, rejections=1, generations=1, transfers=1)
        bent = replace(engine, sources=sources, retry_policy=retry_policy)
        job = enter_window(bent, stream, DAY, "standard", again=True)
        bench.run(bent)
    with open_reading(bench.config) as vault:
        done = find_job(vault, job.id)
        held = [each for each in list_archives(vault, holding="held") if each.job == job.id]
    return done, held[0] if held else None


@pytest.mark.slow
@pytest.mark.parametrize("name", HOUSES)
def test_whatever_is_delivered_is_archived_truly_or_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _fd: None)  # nothing here is about power loss
    stream, open_house = HOUSES[name]
    random_bytes, found, kept = random.Random(f"{SEED} ingest {name}"), Faults(), []
    with open_house(tmp_path) as bench:
        now = Delivered()
        job, archive = deliver(bench, stream, now)
        assert (job.state, archive is not None) == (State.ARCHIVED, True), job
        whole = now.whole
        for _ in rounds():
            spoil(whole, now, random_bytes)
            what = (now.how, now.size, now.announced, now.rows, (now.data or b"")[:300], (now.data or b"")[-200:])
            try:
                job, archive = deliver(bench, stream, now)
            except Exception:  # noqa: BLE001 - whatever comes is what is looked for
                found.keep(what, traceback.format_exc())
                continue
            if job.state not in (State.ARCHIVED, State.FAILED) or job.cause is Cause.WORKER:
                found.keep(what, "", f"the job is {job.state}: {job.cause} {job.detail}")
            if archive is not None:
                kept.append(archive)
                if wrong := judge(archive, now, whole):
                    found.keep(what, "", wrong)
        with open_reading(bench.config) as vault:
            for archive in kept[-3:]:
                assert check_content(vault, archive, bench.identities()) == []
    assert not found, found

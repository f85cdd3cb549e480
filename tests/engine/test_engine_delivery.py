"""Several files of one export: one archive, every file byte for byte, and nothing mixed when a transfer breaks."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.csv_engine_bench import archives, kinds, newest
from kit.engine_bench import DAY, Bench
from strongroom.engine.access.compare import compare
from strongroom.engine.access.content import check_content
from strongroom.engine.access.fixity import check_fixity
from strongroom.engine.access.restore import restore, restore_members
from strongroom.engine.core.engine import SourceAccount
from strongroom.engine.core.sources import open_reading
from strongroom.engine.ingest.delivery import plan_delivery
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.queries.lists import coverage_of
from strongroom.model.coverage import Cover
from strongroom.model.errors import LinkDead, RequestRefused, TransferError, UsageError
from strongroom.model.inspection import Caps, Expectation
from strongroom.model.job import Cause, State
from strongroom.model.plan import DatasetShape, ExportSpec, Stream
from strongroom.model.provider import (
    Accepted,
    Ask,
    Capabilities,
    Container,
    ExpiryBasis,
    ExportStatus,
    Limits,
    Listed,
    Match,
    Observation,
    Part,
    Probe,
    Renewal,
)
from strongroom.providers.port import Plain, Sink, StopAsked

AT = "2026-11-18T10:00:00Z"
STREAM = Stream("shelf", "shelf", ("messages", "calls"))


def lines(*names: str) -> bytes:
    return b"".join(json.dumps({"id": name, "at": AT}).encode() + b"\n" for name in names)


FILES = {
    "messages-1.ndjson": lines("m1", "m2"),
    "messages-2.csv": f"id,at\nm2,{AT}\nm3,{AT}\n".encode(),
    "calls.json": json.dumps([{"id": "c1", "at": AT}]).encode(),
}
CONTAINERS = {
    "ndjson": Container.NDJSON,
    "csv": Container.CSV,
    "json": Container.JSON_ARRAY,
    "zip": Container.ZIP_OF_JSON,
}


@dataclass
class Shelf(Plain):
    """A provider whose exports lie ready in memory, in several files."""

    files: dict[str, bytes]
    rows: dict[str, int] = field(default_factory=dict)
    trouble: list[tuple[str, Exception, int]] = field(default_factory=list)  # part, what is raised, after bytes
    taken: list[str] = field(default_factory=list)

    capabilities = Capabilities(("messages", "calls"), Match.EXACT, Renewal.NEW_EXPORT, ExpiryBasis.UNKNOWN)
    limits = Limits(concurrent=None, per_hour=None)

    def ask(self, spec: ExportSpec) -> Ask:
        return Ask(frozenset(spec.datasets), spec.window.start, spec.window.end)

    def expectation(self, spec: ExportSpec) -> Expectation:
        return Expectation(spec.window, tuple(DatasetShape(name, f"{name}.x", "id", "at") for name in spec.datasets))

    def create(self, ask: Ask) -> Accepted:  # every request has the same answer
        return Accepted(Observation("exp_1", ExportStatus.QUEUED, "queued"))

    def sweep(self, since: datetime) -> Sequence[Listed]:  # type: ignore[override]
        return []

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        return {ref: Observation(ref, ExportStatus.READY, "ready") for ref in refs}

    def parts(self, ref: str) -> tuple[Part, ...]:
        return tuple(
            Part(
                f"{ref}/{name}?{len(self.taken)}",
                name,
                CONTAINERS[name.rpartition(".")[2]],
                size=len(data),
                rows=self.rows.get(name),
                dataset=name.partition(".")[0].partition("-")[0],
            )
            for name, data in self.files.items()
        )

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:
        self.taken.append(part.name)
        data = self.files[part.name]
        if self.trouble and self.trouble[0][0] == part.name:
            _name, error, after = self.trouble.pop(0)
            sink(data[:after])
            raise error
        sink(data)
        return len(data)

    def probe(self) -> Probe:
        return Probe(offered=True, clock_skew=timedelta(0), listed=0)


def export(bench: Bench, shelf: Shelf, stream: Stream = STREAM) -> str:
    with bench.engine() as engine:
        engine = replace(engine, sources={"shelf": SourceAccount("shelf", "shelf", shelf)})
        job = enter_window(engine, stream, DAY, "standard")
        bench.run(engine)
    return job.id


def test_several_files_become_one_archive(bench: Bench, tmp_path: Path) -> None:
    export(bench, Shelf(FILES, rows={"messages-1.ndjson": 2, "messages-2.csv": 2}))
    (archive,) = archives(bench)
    assert (archive.container, archive.seal.coding) == ("bundle", "")
    assert (archive.inspection.records, archive.inspection.in_window) == (5, 5)
    assert [member.dataset for member in archive.inspection.members] == ["messages", "messages", "calls"]
    with open_reading(bench.config) as vault:
        (interval,) = coverage_of(vault, STREAM.name)
        assert interval.cover is Cover.PROVEN
        assert check_fixity(vault, archive) == []
        assert check_content(vault, archive, bench.identities()) == []
        whole = restore(vault, archive, bench.identities(), tmp_path / "out.zip").paths[0]
        members = restore_members(vault, archive, bench.identities(), tmp_path / "out").paths
    assert {path.name: path.read_bytes() for path in members} == FILES
    with zipfile.ZipFile(whole) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == FILES


@pytest.mark.skipif(not shutil.which("age") or not shutil.which("unzip"), reason="the stock tools are not installed")
def test_stock_tools_open_it(bench: Bench, tmp_path: Path) -> None:
    export(bench, Shelf(FILES))
    (archive,) = archives(bench)
    with open_reading(bench.config) as vault:
        key, payload = vault.key_path(archive), vault.payload_path(archive)
    line = 'age -d -i <(age -d -i "$0" "$1") "$2" > "$3" && unzip -p "$3" messages-1.ndjson'
    command = ["bash", "-c", line, bench.base / "identity.age", key, payload, tmp_path / "b.zip"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert done.stdout == FILES["messages-1.ndjson"]


@pytest.mark.parametrize(
    ("error", "after", "event"),
    [
        (TransferError("cut"), 7, "broken"),
        (LinkDead("dead"), 7, "link-died"),
        (TransferError("cut"), 0, "broken"),
    ],
)
@pytest.mark.parametrize("name", FILES)
def test_a_broken_transfer_begins_again_and_mixes_nothing(
    bench: Bench, tmp_path: Path, name: str, error: Exception, after: int, event: str
) -> None:
    shelf = Shelf(FILES, trouble=[(name, error, after)])
    job = export(bench, shelf)
    assert event in kinds(bench, job)
    (archive,) = archives(bench)
    assert shelf.taken[-3:] == list(FILES)
    with open_reading(bench.config) as vault:
        members = restore_members(vault, archive, bench.identities(), tmp_path / "out").paths
    assert {path.name: path.read_bytes() for path in members} == FILES


def test_a_link_that_died_while_others_were_taken_is_fetched_once_more(bench: Bench) -> None:
    shelf = Shelf(FILES, trouble=[("calls.json", LinkDead("dead"), 0)])
    job = export(bench, shelf)
    assert "link-died" not in kinds(bench, job)
    assert shelf.taken == [*FILES, "calls.json"]
    assert len(archives(bench)) == 1


@pytest.mark.parametrize(
    "spoilt",
    [
        Shelf({**FILES, "calls.json": b'{"error":"denied"}'}),
        Shelf({**FILES, "messages-1.ndjson": lines("m1")[:-9]}),
        Shelf(FILES, rows={"messages-1.ndjson": 3}),
    ],
    ids=["error", "cut", "rows"],
)
def test_one_unsound_file_spoils_the_whole(bench: Bench, spoilt: Shelf) -> None:
    job = export(bench, spoilt)
    assert "rejected" in kinds(bench, job)
    assert archives(bench) == []
    assert newest(bench).cause is Cause.CONTENT


def test_a_part_of_another_size_than_announced_is_refused(bench: Bench) -> None:
    shelf = Shelf(dict(FILES))
    parts = shelf.parts("exp_1")
    shelf.parts = lambda _ref: (replace(parts[0], size=1), *parts[1:])  # type: ignore[method-assign]
    job = export(bench, shelf)
    assert "broken" in kinds(bench, job)
    assert archives(bench) == []


def test_an_export_without_any_file_is_empty(bench: Bench) -> None:
    export(bench, Shelf({}))
    with open_reading(bench.config) as vault:
        assert [interval.cover for interval in coverage_of(vault, STREAM.name)] == [Cover.EMPTY]
        (archive,) = archives(bench)
        assert check_content(vault, archive, bench.identities()) == []


def test_what_cannot_be_a_bundle_is_refused_plainly(bench: Bench) -> None:
    export(bench, Shelf({**FILES, "calls.zip": b"PK"}))
    job = newest(bench)
    assert (job.state, job.cause) == (State.FAILED, Cause.REFUSED)
    assert "ZIP" in job.detail


@pytest.mark.parametrize("name", ["messages-1.ndjson", "messages-2.csv", "messages.json"])
def test_a_single_bare_file_is_packed_and_comes_back(bench: Bench, tmp_path: Path, name: str) -> None:
    stream = Stream("alone", "shelf", ("messages",))
    data = FILES.get(name, FILES["calls.json"])
    export(bench, Shelf({name: data}), stream)
    (archive,) = archives(bench)
    assert (archive.container, archive.seal.coding) == (CONTAINERS[name.rpartition(".")[2]].value, "zstd")
    assert archive.inspection.records > 0
    with open_reading(bench.config) as vault:
        assert check_content(vault, archive, bench.identities()) == []
        path = restore(vault, archive, bench.identities(), tmp_path / "out").paths[0]
        with pytest.raises(UsageError, match="no members"):
            restore_members(vault, archive, bench.identities(), tmp_path / "members")
    assert path.read_bytes() == data


def test_two_bundles_are_compared_record_by_record(bench: Bench) -> None:
    export(bench, Shelf(FILES))
    with bench.engine() as engine:
        later = Shelf({**FILES, "messages-2.csv": f"id,at\nm3,{AT}\nm4,{AT}\n".encode()})
        engine = replace(engine, sources={"shelf": SourceAccount("shelf", "shelf", later)})
        enter_window(engine, STREAM, DAY, "standard", again=True)
        bench.run(engine)
        newer, older = archives(bench)
        told = {
            each.dataset: each
            for each in compare(engine.vault, older, newer, bench.identities(), engine.random_bytes).datasets
        }
    messages = told["messages"]
    assert (messages.older, messages.newer) == (4, 4)
    assert (messages.added.ids, messages.vanished.ids) == (("m4",), ())
    assert messages.changed.ids == ("m2",), "it was there twice and is there once"
    assert told["calls"].same == 1


@pytest.mark.parametrize(
    ("part", "datasets"),
    [
        (Part("x", "a.ndjson", Container.NDJSON, dataset="calls"), 2),
        (Part("x", "a.csv", Container.CSV, dataset="b"), 1),
    ],
)
def test_a_single_file_of_several_datasets_keeps_whose_it_is(part: Part, datasets: int) -> None:
    shapes = tuple(DatasetShape(name, name, "id", "at") for name in ("messages", "calls")[:datasets])
    delivery = plan_delivery("exp/1", (part,), Expectation(DAY, shapes), Caps())
    assert delivery.bundled is (datasets == 2)
    assert [file.dataset for file in delivery.expectation.files] == (["calls"] if datasets == 2 else [])
    assert delivery.name == ("export_exp_1.zip" if datasets == 2 else "a.csv")


def test_files_of_datasets_that_nobody_asked_for_are_refused() -> None:
    part = Part("x", "a.csv", Container.CSV, dataset="other")
    with pytest.raises(RequestRefused, match="other"):
        plan_delivery("e", (part, part), Expectation(DAY, (DatasetShape("messages", "", "id", "at"),)), Caps())
    with pytest.raises(RequestRefused, match="at most 1 "):
        plan_delivery("e", (part, part), Expectation(DAY, ()), Caps(max_members=1))

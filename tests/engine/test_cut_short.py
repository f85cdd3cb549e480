"""Files that were cut short, through the whole engine over HTTP: none is archived, and what comes whole later is."""

from __future__ import annotations

import itertools
import json
import os
import zipfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.csv_engine_bench import HISTORY, HOOKS, archives, newest, open_csv_bench
from kit.engine_bench import DAY, STREAM, Bench, open_bench
from kit.sealed_vault import JSON_SHAPE
from strongroom.age.identity_file import ArchiveKey
from strongroom.age.keys import X25519Identity
from strongroom.age.writer import SealedWriter
from strongroom.config.load import load_config
from strongroom.engine.access.inventory import find_job
from strongroom.engine.access.restore import restore
from strongroom.engine.core.sources import open_reading
from strongroom.engine.queries.lists import coverage_of, job_life, list_archives
from strongroom.engine.queries.requests import RequestKind, ask, serve
from strongroom.engine.worker import seal_worker as sealer
from strongroom.engine.worker.protocol import SealRequest
from strongroom.formats.pipe import PipedSink
from strongroom.model.archive import Archive, Seal
from strongroom.model.coverage import Cover
from strongroom.model.errors import SealError
from strongroom.model.inspection import Caps, Expectation, Inspection
from strongroom.model.job import State
from strongroom.model.plan import Stream
from strongroom.vault.checkpoints import entries_matching
from strongroom.vault.files import open_file
from strongroom.vault.sources import counts_header
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions
from strongroom_sandbox.recorder import Operation
from strongroom_sandbox.records import SlotSpan
from strongroom_sandbox.server import Sandbox
from strongroom_sandbox.zavu_records import RecordSource


@pytest.mark.slow
@pytest.mark.parametrize("length", ["cut", "absent"])
@pytest.mark.parametrize("at", [0, 30, 400])
def test_a_cut_file_is_fetched_again_until_it_is_whole(tmp_path: Path, at: int, length: str) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        bench.sandbox.faults.add("cut", at=at, length=length)
        bench.export(stream=HISTORY)
        (archive,) = archives(bench)
        assert newest(bench).state is State.ARCHIVED
        assert archive.inspection.in_window == 40
        with open_reading(bench.config) as vault:
            (interval,) = coverage_of(vault, HISTORY.name)
            assert interval.cover is Cover.PROVEN


@pytest.mark.slow
def test_a_zip_cut_anywhere_is_fetched_again_and_what_is_archived_has_every_record(tmp_path: Path) -> None:
    """Offsets in every part of the file, each with a Content-Length that contradicts, agrees or is not there."""
    with open_bench(tmp_path) as bench:
        bench.export()
        (first,) = zips(bench)
        with open_reading(bench.config) as vault:
            restore(vault, first, bench.identities(), tmp_path / "whole.zip")
        whole = (tmp_path / "whole.zip").read_bytes()
        size, directory = len(whole), whole.index(b"PK\1\2")
        lengths = itertools.cycle(["true", "cut", "absent"])
        for at in (0, 29, size // 2, directory - 1, directory + 50, size - 22, size - 1):
            hit = bench.sandbox.faults.add("cut", at=at, length=next(lengths))
            job = bench.export(again=True)
            assert bench.sandbox.faults.hits(hit) == 1
            assert newest(bench).state is State.ARCHIVED, at
            assert zips(bench)[0].job == job.id
            with open_reading(bench.config) as vault:
                restore(vault, zips(bench)[0], bench.identities(), tmp_path / f"{at}.zip")
            assert records_of(tmp_path / f"{at}.zip") == true_records(bench, at), at
        with open_reading(bench.config) as vault:
            (interval,) = coverage_of(vault, STREAM.name)
            assert (interval.cover, interval.archive) == (Cover.PROVEN, first.id)


def zips(bench: Bench) -> list[Archive]:
    with open_reading(bench.config) as vault:
        return list_archives(vault, holding="held")


def records_of(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        return {
            f"{name} {json.dumps(record, sort_keys=True)}"
            for name in opened.namelist()
            if name != "metadata.json"
            for record in json.loads(opened.read(name))
        }


def true_records(bench: Bench, at: int) -> set[str]:
    """Return what the provider has of the window, from its own source and not from any file."""
    source, span = RecordSource(bench.sandbox.settings.data), SlotSpan.between(DAY.start, DAY.end)
    found = {
        f"{dataset}.json {json.dumps(json.loads(record), sort_keys=True)}"
        for dataset in STREAM.datasets
        for record in source.records(dataset, span)
    }
    assert len(found) > 10, at
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "accept", "faults"),
    [
        ("missing-metadata", "", {"metadata-missing"}),
        ("missing-metadata", "metadata-missing", set()),
    ],
)
def test_a_zip_without_metadata_is_a_finding_that_an_option_accepts(
    tmp_path: Path, fault: str, accept: str, faults: set[str]
) -> None:
    with open_bench(tmp_path) as bench:
        file = bench.base / "strongroom.toml"
        file.write_text(
            file.read_text().replace("allow_private", f'options = {{ accept = "{accept}" }}\nallow_private')
        )
        bench.config = load_config(file)
        bench.sandbox.faults.add(fault)
        job = bench.export()
        assert rejections(bench, job.id) == faults
        (archive,) = zips(bench)
        codes = {finding.code for finding in archive.inspection.findings}
        assert ("metadata-missing" in codes) is bool(accept)
        assert archive.inspection.records == len(true_records(bench, 0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "on", "accept"),
    [
        (HISTORY, "create", ""),
        (HISTORY, "download", ""),
        (HISTORY, "create", "csv-unterminated"),
        (HOOKS, "create", ""),
    ],
)
def test_a_last_line_without_its_end_is_believed_only_where_a_size_or_an_option_says_so(
    tmp_path: Path, stream: Stream, on: str, accept: str
) -> None:
    hooks = stream is HOOKS
    with open_csv_bench(
        tmp_path, HookBridgeOptions() if hooks else QlaraOptions(), f'options = {{ accept = "{accept}" }}'
    ) as bench:
        hit = bench.sandbox.faults.add("unterminated", on=on)
        job = bench.export(stream=stream)
        assert bench.sandbox.faults.hits(hit) == 1
        (archive,) = archives(bench)
        assert archive.inspection.in_window == 40
        believed = hooks or bool(accept)
        assert ("csv-unterminated" in {finding.code for finding in archive.inspection.findings}) is believed
        with open_reading(bench.config) as vault:
            kinds = {each.kind for each in job_life(vault, find_job(vault, job.id)).moments}
        assert bool(kinds & {"job.broken", "job.rejected"}) is not believed


def rejections(bench: Bench, job_id: str) -> set[str]:
    with bench.engine() as engine:
        found = entries_matching(engine.vault.catalogue, kind="job.rejected", job=job_id)
    return {fault for each in found for fault in each.body["facts"]["faults"]}


@pytest.mark.slow
@pytest.mark.parametrize("by_row", [False, True])
def test_a_file_that_nobody_announced_must_come_twice_the_same(tmp_path: Path, by_row: bool) -> None:
    """Cut between two rows the first file looks whole: only the second one shows that it is not."""
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        job = bench.export(stream=HISTORY)
        (first,) = archives(bench)
        assert first.job == job.id
        before = len([each for each in bench.sandbox.requests.all if each.operation is Operation.DOWNLOAD])
        assert before == 1  # its size was announced
        whole = first.seal.size
        bench.sandbox.faults.add("cut", at=_row_end(bench.sandbox, whole) if by_row else whole, length="absent")
        with bench.engine() as engine:
            ask(engine.vault, RequestKind.REGENERATE, first.id, "a person", bench.clock, engine.random_bytes)
            serve(engine)
            bench.run(engine)
        second = archives(bench)[0]
        assert second.id != first.id
        assert second.inspection.records == first.inspection.records
        downloads = [each for each in bench.sandbox.requests.all if each.operation is Operation.DOWNLOAD]
        assert len(downloads) - before == (3 if by_row else 2)


@pytest.mark.parametrize("counted", [False, True])
def test_whether_the_count_takes_in_the_header_is_learned_and_kept(tmp_path: Path, counted: bool) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions(count_header=counted)) as bench:
        job = bench.export(stream=HOOKS)
        with bench.engine() as engine:
            catalogue = engine.vault.catalogue
            assert counts_header(catalogue, "hookbridge") is counted
            (learned,) = entries_matching(catalogue, kind="source.header-learned")
            assert learned.body["facts"] == {"source": "hookbridge", "counted": counted}
            assert len(entries_matching(catalogue, kind="job.rejected", job=job.id)) == counted
        # What is known now: a row too few is refused at once, and told as what it is.
        bench.sandbox.faults.add("wrong-count", by=1, times=9)
        bench.export(stream=HOOKS, window=replace(DAY, start=DAY.end, end=DAY.end + (DAY.end - DAY.start) / 2))
        with bench.engine() as engine:
            rejected = entries_matching(engine.vault.catalogue, kind="job.rejected")[counted:]
            assert {fault for each in rejected for fault in each.body["facts"]["faults"]} == {"rows-mismatch"}
            assert counts_header(engine.vault.catalogue, "hookbridge") is counted


def test_a_second_export_with_other_counts_is_written_down(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        bench.export(stream=replace(HISTORY, name="qlara-records"))
        (first,) = archives(bench)
        bench.sandbox.faults.add("outside-window", on="download")
        with bench.engine() as engine:
            ask(engine.vault, RequestKind.REGENERATE, first.id, "a person", bench.clock, engine.random_bytes)
            serve(engine)
            bench.run(engine)
            second = archives(bench)[0]
            counts = [first.inspection.records, second.inspection.records]
            assert counts[1] == counts[0] + 1
            (told,) = entries_matching(engine.vault.catalogue, kind="archive.differs")
            assert told.body["archive"] == second.id
            assert told.body["facts"] == {"older": first.id, "records": counts}


@pytest.mark.parametrize("place", [0, 1])
def test_what_inspection_did_not_read_is_read_back_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """A damaged part of the sealed file that no member lies in is found before the archive is published."""
    identity, path, content = X25519Identity.generate(os.urandom), tmp_path / "sealed", bytes(200_000)
    with path.open("wb") as file, SealedWriter(file, [identity.recipient], os.urandom) as writer:
        writer.write(content)
        writer.finish()
    monkeypatch.setattr(sealer, "inspect_container", lambda *_args: Inspection())
    order = SealRequest("A", "", str(path), (), "x.zip", Expectation(DAY, (JSON_SHAPE,)), Caps())
    seal = Seal(len(content), path.stat().st_size, "", "", "x.zip")
    key = ArchiveKey("A", bytes(32), identity)
    out, into = os.pipe()
    try:
        with os.fdopen(into, "wb") as replies:
            with open_file(path) as file:
                found = sealer._read_back(order, key, seal, PipedSink(out, out), replies, file)
            assert found.inspection == Inspection()
            sealed = bytearray(path.read_bytes())
            sealed[-40 if place else len(sealed) // 2] ^= 1
            path.write_bytes(sealed)
            with open_file(path) as file, pytest.raises(SealError):
                sealer._read_back(order, key, seal, PipedSink(out, out), replies, file)
    finally:
        os.close(out)


def _row_end(sandbox: Sandbox, size: int) -> int:
    """Return a place of the sandbox's one file where a row begins, behind half of them."""
    (path,) = Path(sandbox._folder.name).glob("qlara/*.csv")
    data = path.read_bytes()
    assert len(data) == size
    return data.index(b"\r\n", size // 2) + 2

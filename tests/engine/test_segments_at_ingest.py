"""A segment made while an archive is read back is the one that reading the archive later gives, or there is none."""

from __future__ import annotations

import io
import json
import os
import threading
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kit.engine_bench import open_bench
from kit.sealed_vault import AT, CSV_SHAPE, DAY, JSON_SHAPE, House, as_csv
from strongroom.age.keys import X25519Identity
from strongroom.engine.access.index import build_segment, without_segment
from strongroom.engine.access.segments import open_chunks
from strongroom.engine.core.identities import unlock
from strongroom.engine.core.sources import open_reading
from strongroom.engine.queries.lists import list_archives
from strongroom.engine.worker.client import WorkerClient
from strongroom.engine.worker.launcher import Launcher, WorkerDied
from strongroom.engine.worker.protocol import SealRequest
from strongroom.engine.worker.segment_thread import SegmentThread
from strongroom.engine.worker.segment_watch import DONE, SegmentEmitter
from strongroom.formats.inspect import inspect_container
from strongroom.formats.sink import InlineSink
from strongroom.model.errors import Interrupted
from strongroom.model.inspection import Bundled, Caps, Expectation
from strongroom.model.names import make_id
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container
from strongroom.search.chunk import read_chunks
from strongroom.search.segment import ChunkBuilder, opening_line
from strongroom.vault.segments import segment_of
from strongroom.vault.shred import copies_of
from strongroom_sandbox.options import ZavuOptions

RECORDS: list[dict[str, Any]] = [
    {"id": "a", "at": "2026-03-01T10:00:00Z", "text": "Refund Straße 退款 👍", "n": 12345678901234567890123, "x": None},
    {"id": 7, "at": "2026-03-01T11:00:00+01:00", "to": ["+1 (415) 555-1234", {"deep": ["x", 1.5, True]}]},
    {"id": "\x1e", "at": "no time", "text": "one\x1ftwo", "half": "\ud800"},
    {"id": "", "at": 5, "y": 1e400, "empty": [], "blank": ""},
    {"at": "2026-03-01T10:00:00Z", "from": "ÉCOLE"},
]


def as_json(records: list[dict[str, Any]]) -> str:
    return json.dumps(records).replace("Infinity", "1e400")


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.json", text)
    return buffer.getvalue()


LARGE = [*RECORDS, {"id": "large", "at": "2026-03-01T10:00:00Z", "text": "x" * (3 << 20), "half": "\ud800"}]
ROWS = [
    {"id": f"r{n}", "at": at, "text": "退款"} for n, at in enumerate(("2026-03-01 10:00", "", "2026-03-01T10:00:00Z"))
]
BARE = DatasetShape("messages", "", "id", "at")
CASES = {
    "zip": (zipped(messages=as_json(RECORDS * 300)), JSON_SHAPE, Container.ZIP_OF_JSON),
    "large": (zipped(messages=as_json(LARGE)), JSON_SHAPE, Container.ZIP_OF_JSON),
    "twice": (zipped(messages='[{"id":"a","at":"x","id":"b","text":"c"}]'), JSON_SHAPE, Container.ZIP_OF_JSON),
    "lines": ("\n".join(as_json([each])[1:-1] for each in RECORDS).encode(), BARE, Container.NDJSON),
    "array": (as_json(RECORDS).encode(), BARE, Container.JSON_ARRAY),
    "csv": (as_csv(ROWS), CSV_SHAPE, Container.CSV),
    "csv-columns": (b"id,at,text,text\na,01/02/2026 10:00,x,y\nb,13/02/2026 10:00,,z\n", CSV_SHAPE, Container.CSV),
    "empty": (zipped(messages="[]"), JSON_SHAPE, Container.ZIP_OF_JSON),
}


def emitted(data: bytes, expectation: Expectation) -> bytes:
    """Return what the parsing process emits about a file."""
    out: list[bytes] = []
    emitter = SegmentEmitter(out.append)
    inspect_container(io.BytesIO(data), expectation, Caps(), InlineSink(expectation, Caps(), emitter.watch))
    emitter.finish()
    return b"".join(out)


@pytest.mark.parametrize("case", CASES)
def test_what_is_emitted_is_what_reading_the_archive_gives(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, shape, container = CASES[case]
    house = House(tmp_path)
    archive = house.seal(data, (shape,), container, alone=False)
    built: list[bytes] = []
    monkeypatch.setattr(
        "strongroom.engine.access.index.SegmentFile.add", lambda _self, clear: built.append(bytes(clear))
    )
    key = unlock(house.vault, archive, house.identities)
    assert build_segment(house.vault, archive, key, lambda: AT) is not None
    expectation = Expectation(DAY, (shape,), container=container)
    assert emitted(data, expectation) == b"".join(built[1:]) + DONE
    house.vault.close()


def test_files_of_a_bundle_follow_one_another(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    names = ("b.csv", "a.csv")
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, as_csv([{"id": name, "at": "2026-03-01T10:00:00Z", "text": "x"}]))
    files = tuple(Bundled(name, "messages", Container.CSV) for name in names)
    house = House(tmp_path)
    sealed = house.seal(buffer.getvalue(), (CSV_SHAPE,), Container.BUNDLE, files=files, alone=False)
    key = unlock(house.vault, sealed, house.identities)
    segment = build_segment(house.vault, sealed, key, lambda: AT)
    assert segment is not None
    whole = [name for chunk in open_chunks(house.vault, sealed, segment, key) for name in chunk.ids]
    expectation = Expectation(DAY, (CSV_SHAPE,), container=Container.BUNDLE, files=files)
    source = io.BytesIO(opening_line(sealed.id) + emitted(buffer.getvalue(), expectation)[: -len(DONE)])
    assert whole == [name for chunk in read_chunks(source, sealed.id) for name in chunk.ids] == list(names)
    house.vault.close()


def request_for(house: House, shape: DatasetShape) -> SealRequest:
    name, layout = make_id(AT, os.urandom), house.vault.layout
    paths = [str(layout.temporary(name, suffix)) for suffix in (".key.age", ".age", ".idx.age")]
    recipients = tuple(str(each.recipient) for each in house.identities)
    expectation = Expectation(DAY, (shape,), container=Container.ZIP_OF_JSON)
    return SealRequest(name, paths[0], paths[1], recipients, "export.zip", expectation, Caps(), paths[2])


def test_a_file_that_is_not_sound_leaves_no_segment(tmp_path: Path) -> None:
    house = House(tmp_path)
    request = request_for(house, JSON_SHAPE)
    with closing(Launcher()) as launcher, WorkerClient(launcher) as worker:
        worker.begin(request)
        worker.feed(zipped(messages='[{"id":"a"},{'))
        worker.finish()
        verified = worker.verdict(lambda _progress: None)
        assert worker.segment() is None
    assert not verified.inspection.sound
    assert not Path(request.segment_path).exists()
    house.vault.close()


def test_a_segment_that_cannot_be_written_costs_no_archive(tmp_path: Path) -> None:
    house = House(tmp_path)
    request = replace(request_for(house, JSON_SHAPE), segment_path=str(tmp_path / "vault" / "tmp" / "no" / "x.age"))
    with closing(Launcher()) as launcher, WorkerClient(launcher) as worker:
        worker.begin(request)
        worker.feed(zipped(messages=as_json(RECORDS * 2_000)))
        worker.finish()
        verified = worker.verdict(lambda _progress: None)
        indexed = worker.segment()
    assert verified.inspection.sound
    assert indexed is not None
    assert indexed.segment is None
    assert "No such file" in indexed.fault
    house.vault.close()


def test_a_parser_that_fails_to_build_says_so_and_parses_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ChunkBuilder, "take", fail)
    expectation = Expectation(DAY, (JSON_SHAPE,), container=Container.ZIP_OF_JSON)
    assert emitted(zipped(messages=as_json(RECORDS)), expectation) == b""


@pytest.mark.parametrize("sent", [b"", b"half a chunk", b"x" * (70 << 20)], ids=["nothing", "half", "endless"])
def test_a_segment_without_its_end_is_dropped(tmp_path: Path, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Parser:
        fed = 0

        def __init__(self) -> None:
            self.chunks, self._in = os.pipe()
            threading.Thread(target=self._send, daemon=True).start()

        def _send(self) -> None:
            os.write(self._in, sent[:1000])
            with os.fdopen(self._in, "wb") as pipe:
                pipe.write(sent[1000:])

        def end(self) -> None:
            pass

    path = tmp_path / "x.idx.age"
    thread = SegmentThread(path, "0" * 26, X25519Identity.generate(os.urandom).recipient, Parser())  # type: ignore[arg-type]
    thread.begin()
    thread.finish(0)
    assert thread.segment is None
    assert thread.fault
    assert not path.exists()


def test_an_archive_comes_with_its_segment_unless_the_stream_wants_none(tmp_path: Path) -> None:
    with open_bench(tmp_path, zavu=ZavuOptions(pace=0)) as bench:
        bench.export()
        with open_reading(bench.config) as vault:
            (archive,) = list_archives(vault)
            segment = segment_of(vault.catalogue, archive)
            assert segment is not None
            assert segment.records == archive.inspection.records > 0
            assert list(without_segment(vault)) == []
            proven, sealed = (json.loads(line) for line in vault.layout.log.read_bytes().splitlines()[-2:])
            assert (proven["kind"], sealed["kind"]) == ("job.proven", "index.sealed")
            assert sealed["facts"]["index_sha256"] == segment.sha256
            assert not list(vault.layout.tmp.iterdir())
            assert vault.layout.segment(archive.id) in copies_of(vault.layout, archive.id)  # what a destruction removes
        bench.export(again=True, unindexed=frozenset({"zavu-records"}))
        with open_reading(bench.config) as vault:
            plain = next(each for each in list_archives(vault) if each.id != archive.id)
            assert segment_of(vault.catalogue, plain) is None
            assert [each.id for each in without_segment(vault)] == [plain.id]


def test_an_archive_stands_without_the_segment_that_failed_and_the_log_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_worker: WorkerClient) -> None:
        raise WorkerDied("the sealing process ended without a reply (status -9)")

    monkeypatch.setattr(WorkerClient, "segment", fail)
    with open_bench(tmp_path, zavu=ZavuOptions(pace=0)) as bench:
        job = bench.export()
        with open_reading(bench.config) as vault:
            (archive,) = list_archives(vault)
            assert archive.job == job.id
            last = json.loads(vault.layout.log.read_bytes().splitlines()[-1])
            assert (last["kind"], last["archive"]) == ("index.failed", archive.id)
            assert last["facts"] == {"detail": "the sealing process ended without a reply (status -9)"}
            assert [each.id for each in without_segment(vault)] == [archive.id]
            assert not list(vault.layout.tmp.iterdir())


def test_a_person_who_stops_waits_for_no_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house, stopped = House(tmp_path), threading.Event()
    monkeypatch.setattr("strongroom.engine.worker.client.STOP_GRACE", 0.0)
    with closing(Launcher()) as launcher, WorkerClient(launcher) as worker:
        worker.begin(request_for(house, JSON_SHAPE), stopped.is_set)
        worker.feed(zipped(messages=as_json(RECORDS * 1_000)))
        worker.finish()
        assert worker.verdict(lambda _progress: None).inspection.sound
        stopped.set()
        with pytest.raises(Interrupted, match="before the search segment was made"):
            worker.segment()
    house.vault.close()

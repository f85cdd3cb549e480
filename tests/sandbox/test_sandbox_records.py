"""Generated records: the same whenever asked, none lost between windows, exact sizes; and the ZIPs they go into."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from strongroom_sandbox.encoders import ZipWriter
from strongroom_sandbox.options import ZipStyle
from strongroom_sandbox.records import DAY, SlotSpan, micros
from strongroom_sandbox.zavu_records import DATASETS, DataOptions, RecordSource, json_array, stamp
from strongroom_sandbox.zip_files import ZipContent, ZipStore

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
START = SlotSpan.between(NOW, NOW).first

moments = st.integers(START, START + 2 * DAY)
rates = st.integers(1, 500)


def draw(dataset: str, first: int, last: int, **options: object) -> list[bytes]:
    return list(RecordSource(DataOptions(**options)).records(dataset, SlotSpan(first, last)))  # type: ignore[arg-type]


@given(
    dataset=st.sampled_from(DATASETS), cuts=st.lists(moments, min_size=2, max_size=5), rate=rates, fine=st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_adjacent_windows_hold_each_record_once(dataset: str, cuts: list[int], rate: int, fine: bool) -> None:
    cuts.sort()
    options = {"per_day": {dataset: rate}, "microseconds": fine}
    whole = draw(dataset, cuts[0], cuts[-1] - 1, **options)
    parts = [r for a, b in itertools.pairwise(cuts) for r in draw(dataset, a, b - 1, **options)]
    assert parts == whole
    assert len({json.loads(record)["id"] for record in whole}) == len(whole)


@given(dataset=st.sampled_from(DATASETS), first=moments, last=moments, rate=rates)
@settings(max_examples=60, deadline=None)
def test_records_lie_inside_and_are_in_order(dataset: str, first: int, last: int, rate: int) -> None:
    records = [json.loads(record) for record in draw(dataset, first, last, per_day={dataset: rate})]
    times = [micros(datetime.fromisoformat(record["createdAt"])) for record in records]
    assert times == sorted(times)
    assert all(first <= moment <= last for moment in times)
    assert abs(len(records) - max(0, last - first) * rate / DAY) <= 2


def test_a_day_has_as_many_records_as_it_should() -> None:
    day = START - START % DAY
    assert len(draw("messages", day, day + DAY - 1, per_day={"messages": 777})) == 777


def test_seed_and_dataset_make_other_records() -> None:
    made = {
        b"".join(draw(dataset, START, START + DAY, seed=seed, per_day={dataset: 3}))
        for dataset in DATASETS
        for seed in (1, 2)
    }
    assert len(made) == 2 * len(DATASETS)


@given(target=st.integers(4096, 200_000), dataset=st.sampled_from(DATASETS), span=st.integers(1000, 90 * DAY))
@settings(max_examples=40, deadline=None)
def test_an_exact_size_is_exact(target: int, dataset: str, span: int) -> None:
    source = RecordSource(DataOptions(target_bytes=target))
    text = b"".join(json_array(source.records(dataset, SlotSpan(START, START + span))))
    assert len(text) == target
    records = json.loads(text)
    times = [datetime.fromisoformat(record["createdAt"]) for record in records]
    assert min(times) >= NOW - timedelta(milliseconds=1)
    assert max(times) <= NOW + timedelta(microseconds=span)


def test_messages_are_of_the_usual_size() -> None:
    records = draw("messages", START, START + DAY, per_day={"messages": 5000})
    assert 480 <= sum(map(len, records)) / len(records) <= 580


@pytest.mark.parametrize("options", [{"target_bytes": 4095}, {"per_day": {"message": 1}}])
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        DataOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("moment", "digits", "text"),
    [(0, 3, "1970-01-01T00:00:00.000Z"), (61_999_999, 3, "1970-01-01T00:01:01.999Z"),
     (1_999_999, 6, "1970-01-01T00:00:01.999999Z")],
)  # fmt: skip
def test_times_are_cut_not_rounded(moment: int, digits: int, text: str) -> None:
    assert stamp(moment, digits).decode() == text


@pytest.mark.parametrize("level", [None, 6])
@pytest.mark.parametrize("descriptors", [False, True])
@pytest.mark.parametrize("zip64", [False, True])
def test_zips_are_read_by_the_standard_library(level: int | None, descriptors: bool, zip64: bool) -> None:
    file = io.BytesIO()
    writer = ZipWriter(file, level=level, zip64=zip64, descriptors=descriptors)
    members = {"messages.json": b'[{"a":1}]' * 50_000, "leer.json": b"", "Größe/文.json": b"[]"}
    for name, content in members.items():
        writer.add(name, [content[:7], content[7:]], NOW)
    writer.close()
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == members
        assert {info.date_time for info in archive.infolist()} == {(2026, 11, 20, 12, 0, 0)}
        assert all(bool(info.flag_bits & 8) is descriptors for info in archive.infolist())


def test_a_file_is_built_once_and_not_after_the_end(tmp_path: Path) -> None:
    store = ZipStore(tmp_path, RecordSource(DataOptions()), ZipStyle())
    content = ZipContent(job="exp_1", datasets=("messages",), span=SlotSpan(START, START + DAY), made_at=NOW)
    built = store.build(content)
    assert built is not None
    assert store.build(content) is built
    assert built.size == built.path.stat().st_size
    store.stop()
    assert store.build(replace(content, job="exp_2")) is None

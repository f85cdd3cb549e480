"""CSVs: how they can be written, and each way in which one is not what it should be."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.sandbox_csv_bench import HookBench, QlaraBench, read_csv
from strongroom_sandbox.csv_files import CsvColumn, CsvWriter, time_writer
from strongroom_sandbox.faults import CSV_FILES, ZIP_FILES
from strongroom_sandbox.hookbridge_records import columns_of, pool_of
from strongroom_sandbox.options import CsvStyle, TimeStyle
from strongroom_sandbox.qlara_records import LAYOUTS
from strongroom_sandbox.qlara_records import pool_of as qlara_pool
from strongroom_sandbox.records import DAY, Amount, Later, Record, RowOptions, RowSource, SandboxRow, SlotSpan

OpenHook = Callable[..., HookBench]
OpenQlara = Callable[..., QlaraBench]


def strict(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


def sees_bad_quoting(content: bytes) -> None:
    assert b'"they said "no" twice"' in content
    with pytest.raises(csv.Error):
        strict(content)


def sees_open_quote(content: bytes) -> None:
    with pytest.raises(csv.Error):
        strict(content)
    loose = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert "never closed" in "".join(cell for row in loose for cell in row)


def sees_ragged_row(content: bytes) -> None:
    header, *rows = strict(content)
    lengths = [len(row) - len(header) for row in rows]
    assert lengths[:2] == [-1, 1]
    assert set(lengths[2:]) == {0}


def sees_cut_row(content: bytes) -> None:
    assert not content.endswith(b"\r\n")
    header, *rows = list(csv.reader(io.StringIO(content.decode(errors="ignore"), newline="")))
    assert len(rows[-1]) < len(header)


def sees_bad_utf8(content: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        content.decode()
    assert len(read_csv(content, "latin-1")) > 10


def sees_nul_bytes(content: bytes) -> None:
    assert b"zero\0zero\0" in content


def sees_missing_header(content: bytes) -> None:
    assert not content.startswith(b"message")
    assert len({len(row) for row in strict(content)}) == 1


def sees_reordered(content: bytes) -> None:
    (first, *_), *_ = strict(content)
    assert not first.startswith("message")
    assert all(row["status"] for row in read_csv(content))


def sees_trailing(content: bytes) -> None:
    assert content.endswith(b"\r\n" + b"\0" * 1024)


def sees_outside(content: bytes) -> None:
    rows = read_csv(content)
    times = [row.get("created_at") or row["sendDate"] for row in rows]
    assert [text for text in times if not text.startswith("2026-11-10")] == ["2026-11-09T00:00:00.000Z"]


def sees_unknown_field(content: bytes) -> None:
    assert {row["risk_score"] for row in read_csv(content)} == {"0.5"}


def sees_vanished_field(content: bytes) -> None:
    rows = read_csv(content)
    assert rows
    assert "status" not in rows[0]


def sees_no_records(content: bytes) -> None:
    assert len(strict(content)) == 1
    assert content.endswith(b"\r\n")


def sees_unterminated(content: bytes) -> None:
    assert not content.endswith(b"\n")
    assert len({len(row) for row in strict(content)}) == 1
    assert len(read_csv(content)) in (200, 300)


CASES: list[tuple[str, Callable[[bytes], None]]] = [
    ("bad-quoting", sees_bad_quoting),
    ("open-quote", sees_open_quote),
    ("ragged-row", sees_ragged_row),
    ("cut-row", sees_cut_row),
    ("bad-utf8", sees_bad_utf8),
    ("nul-bytes", sees_nul_bytes),
    ("missing-header", sees_missing_header),
    ("reordered-fields", sees_reordered),
    ("trailing-bytes", sees_trailing),
    ("outside-window", sees_outside),
    ("unknown-field", sees_unknown_field),
    ("vanished-field", sees_vanished_field),
    ("no-records", sees_no_records),
    ("unterminated", sees_unterminated),
]


def test_every_file_fault_has_a_case() -> None:
    assert {kind for kind, _ in CASES} == set(CSV_FILES)


@pytest.mark.parametrize(("kind", "check"), CASES)
def test_a_file_is_bad_for_good_when_it_was_created_so(
    hook: HookBench, kind: str, check: Callable[[bytes], None]
) -> None:
    hook.sandbox.faults.add(kind)
    job_id = hook.completed()
    for _ in range(2):
        content = hook.fetch(hook.download(job_id).headers["location"]).content
        assert len(content) == hook.get(job_id)["file_size_bytes"]
        check(content)
    assert hook.get(job_id)["row_count"] == {"outside-window": 301, "no-records": 0}.get(kind, 300)
    assert len(hook.rows()) == 300


@pytest.mark.parametrize(("kind", "check"), CASES)
def test_one_copy_is_bad_when_the_download_was_hit(
    qlara: QlaraBench, kind: str, check: Callable[[bytes], None]
) -> None:
    job_id = qlara.completed(qlara.history())
    qlara.sandbox.faults.add(kind, on="download")
    check(qlara.file(job_id))
    assert len(read_csv(qlara.file(job_id))) == 200


@pytest.mark.parametrize("kind", sorted(ZIP_FILES - CSV_FILES))
def test_faults_of_another_form_leave_a_csv_alone(hook: HookBench, kind: str) -> None:
    sound = hook.fetch(hook.url()).content
    hook.sandbox.faults.add(kind)
    assert hook.fetch(hook.url()).content == sound


def test_faults_hit_an_empty_file_without_breaking_it(qlara: QlaraBench) -> None:
    for kind, _ in CASES:
        if kind not in ("trailing-bytes", "missing-header"):
            qlara.sandbox.faults.add(kind)
    window = {"startDateTime": "2026-11-10T00:00:00Z", "endDateTime": "2026-11-09T00:00:00Z"}
    content = qlara.content(qlara.reports(**window))
    assert len(strict(content)) == 1


def test_a_schema_can_drift_by_name(hook: HookBench) -> None:
    hook.sandbox.faults.add("unknown-field", name="region")
    hook.sandbox.faults.add("vanished-field", name="last_error")
    rows = hook.rows()
    assert "region" in rows[0]
    assert "last_error" not in rows[0]


@pytest.mark.parametrize("by", [1, -1, 100])
def test_announced_rows_and_size_can_be_wrong(hook: HookBench, by: int) -> None:
    hook.sandbox.faults.add("wrong-count", by=by)
    hook.sandbox.faults.add("wrong-size", by=by)
    job_id = hook.completed()
    content = hook.fetch(hook.download(job_id).headers["location"]).content
    export = hook.get(job_id)
    assert export["row_count"] - len(read_csv(content)) == by
    assert export["file_size_bytes"] - len(content) == by


@pytest.mark.parametrize(
    ("style", "encoding", "delimiter"),
    [
        (CsvStyle(delimiter=";", decimal_comma=True), "utf-8", ";"),
        (CsvStyle(delimiter="\t", newline="\n"), "utf-8", "\t"),
        (CsvStyle(decimal_comma=True), "utf-8", ","),
        (CsvStyle(quote_all=True, bom=True), "utf-8-sig", ","),
        (CsvStyle(encoding="utf-16", delimiter=";"), "utf-16", ";"),
        (CsvStyle(encoding="utf-16-le"), "utf-16-le", ","),
        (CsvStyle(encoding="cp1252"), "cp1252", ","),
        (CsvStyle(encoding="iso-8859-15", bom=True), "iso-8859-15", ","),
    ],
)
def test_files_can_be_written_in_many_ways(
    open_qlara: OpenQlara, style: CsvStyle, encoding: str, delimiter: str
) -> None:
    qlara = open_qlara(csv=style)
    content = qlara.content(qlara.history())
    assert content.startswith(codecs.BOM_UTF8) is (encoding == "utf-8-sig")
    rows = read_csv(content, encoding, delimiter)
    assert len(rows) == 200
    assert next(iter(rows[0])) == "messageId"
    assert all(re.fullmatch(r"0[,.]\d{4}", row["cost"]) for row in rows)
    assert ("," in rows[0]["cost"]) is style.decimal_comma
    assert any("\n" in row["body"] for row in rows)
    assert "é" in "".join(row["body"] for row in rows)
    assert content.decode(encoding).endswith("\r\n") is (style.newline == "\r\n")


def test_a_file_can_have_no_header(open_hook: OpenHook) -> None:
    hook = open_hook(csv=CsvStyle(header=False))
    assert len(strict(hook.fetch(hook.url()).content)) == 300


@pytest.mark.parametrize("settings", [{"encoding": "nonsense"}, {"zone": "Europe/Nowhere"}])
def test_a_style_that_does_not_exist_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(LookupError):
        CsvStyle(**settings)


@pytest.mark.parametrize(
    ("style", "zone", "text"),
    [
        (TimeStyle.MILLIS, "UTC", "2026-10-25T00:39:59.123Z"),
        (TimeStyle.SECONDS, "UTC", "2026-10-25T00:39:59Z"),
        (TimeStyle.SPACED, "UTC", "2026-10-25 00:39:59"),
        (TimeStyle.MILLIS, "Europe/Rome", "2026-10-25T02:39:59.123+02:00"),
        (TimeStyle.SECONDS, "America/Bogota", "2026-10-24T19:39:59-05:00"),
        (TimeStyle.SPACED, "Europe/Rome", "2026-10-25 02:39:59"),
    ],
)
def test_times_can_be_written_in_any_zone(style: TimeStyle, zone: str, text: str) -> None:
    write = time_writer(style, zone)
    start = 1_792_888_799_123_456
    assert write(start) == text
    if zone == "Europe/Rome" and style is TimeStyle.MILLIS:
        assert write(start + 3_600_000_000) == "2026-10-25T02:39:59.123+01:00"


cells = st.one_of(
    st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.integers(-(10**9), 10**9),
    st.floats(0, 1000, allow_nan=False).map(Amount),
    st.integers(0, 10**12).map(Later),
    st.none(),
)


@given(row=st.lists(cells, min_size=2, max_size=6), delimiter=st.sampled_from(",;\t|"), quote_all=st.booleans())
@settings(max_examples=200, deadline=None)
def test_lines_are_read_back_as_the_cells_they_were(row: list[Any], delimiter: str, quote_all: bool) -> None:
    writer = CsvWriter([CsvColumn(str(n), str(n)) for n in range(len(row))], CsvStyle(delimiter, quote_all))
    made = SandboxRow(0, 5, Record({str(n): cell for n, cell in enumerate(row)}))
    parsed = list(csv.reader(io.StringIO(writer.line(made), newline=""), delimiter=delimiter, strict=True))
    assert parsed == [writer.cells(made)]
    assert all(str(cell) == text for cell, text in zip(row, parsed[0], strict=True) if isinstance(cell, str | int))


moments = st.integers(20_000 * DAY, 20_002 * DAY)


@given(cuts=st.lists(moments, min_size=2, max_size=4), rate=st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_adjacent_windows_hold_each_row_once(cuts: list[int], rate: int) -> None:
    cuts.sort()
    source = RowSource(RowOptions(per_day={"outbound": rate}), lambda name: pool_of(1, name))
    whole = list(source.rows("outbound", SlotSpan(cuts[0], cuts[-1] - 1), cuts[-1]))
    parts = [row for a, b in itertools.pairwise(cuts) for row in source.rows("outbound", SlotSpan(a, b - 1), b)]
    assert parts == whole
    assert len({row.draw for row in whole}) == len(whole)


def test_rows_can_come_newest_first(open_qlara: OpenQlara) -> None:
    plain, turned = open_qlara(), open_qlara(rows=RowOptions(newest_first=True))
    assert turned.rows(turned.reports()) == plain.rows(plain.reports())[::-1]


def test_rows_settle(open_qlara: OpenQlara) -> None:
    qlara = open_qlara(rows=RowOptions(unsettled_for=timedelta(days=1)))
    window = {"startDateTime": "2026-11-20T00:00:00Z", "endDateTime": "2026-11-20T11:00:00Z"}
    assert {row["status"] for row in qlara.rows(qlara.history(**window))} == {"SENT"}
    qlara.advance(days=2)
    assert "DELIVERED" in {row["status"] for row in qlara.rows(qlara.history(**window))}


def test_some_cells_look_like_formulas() -> None:
    starts = {
        str(record.cells["last_error"])[0]
        for record in pool_of(1, "outbound").settled
        if record.cells["last_error"] is not None
    }
    assert starts & set("=+-@")
    assert {"=", "@"} <= {str(record.cells["body"])[0] for record in qlara_pool(1, "api").settled}


def test_a_payload_column_can_be_there(open_hook: OpenHook) -> None:
    rows = open_hook(with_payload=True).rows()
    assert all(len(row["payload"].encode()) == int(row["size_bytes"]) for row in rows)
    assert [column.title for column in columns_of("outbound")] == list(rows[0])[:-1]
    assert set(LAYOUTS) == {"CONTACTS", "DELIVERY_REPORTS", "MESSAGE_HISTORY"}

"""CSV as it comes: what must be read, what must be told, what must be refused."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kit.csv_cases import HEAD, READ, ROW, rows
from kit.csv_files import CAPS, MESSAGES, UNDOCUMENTED, expected, inspect_csv, records, report, sound_csv, told
from kit.drivers import environment
from strongroom.formats.csv_table import CsvReader
from strongroom.formats.inspect import inspect_container
from strongroom.formats.json_array import ParseVerdict, pour
from strongroom.formats.pipe import PipedSink, serve_records
from strongroom.formats.plaintext import Unreadable
from strongroom.formats.sink import InlineSink
from strongroom.model.inspection import Expectation, Inspection
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container


@pytest.mark.parametrize(("data", "count", "dialect"), READ)
def test_what_is_csv_is_read(data: bytes, count: int, dialect: str) -> None:
    found = report(data)
    assert (found.records, found.dialect, found.size) == (count, dialect, len(data))
    assert found.member == ""
    assert len(records(data)) == len({f"{each}" for each in records(data)}) <= count


@pytest.mark.parametrize(("data", "code"), [
    (rows(ROW, b"m2,2026-03-01T10:00:00Z\n"), "csv-ragged-row"),
    (rows(ROW, b"m2,2026-03-01T10:00:00Z,a,b\n"), "csv-ragged-row"),
    (rows(ROW, b"m2,2026-03-01T10:0"), "csv-ragged-row"),
    (rows(ROW, b'm2,2026-03-01T10:00:00Z,"hel'), "csv-unclosed-quote"),
    (rows(b'm2,2026-03-01T10:00:00Z,"hel\n', ROW * 9_000), "csv-unclosed-quote"),
    (rows(b'm2,2026-03-01T10:00:00Z,"hel" lo\n'), "csv-malformed"),
    (rows(b'm2,2026-03-01T10:00:00Z,"a \\" b"\n'), "csv-malformed"),
    (rows(ROW, b"\0"), "csv-ragged-row"),
    (rows(b"m2,2026-03-01T10:00:00Z,a" + bytes(20) + b"\n"), "csv-nul"),
    (rows(ROW).decode().encode("utf-16-le"), "csv-nul"),
    (rows("m1,2026-03-01T10:00:00Z,caffè\n".encode(), b"m2,2026-03-01T10:00:00Z,\xe8\n"), "csv-bad-encoding"),
    (b"\xef\xbb\xbf" + rows(b"m1,2026-03-01T10:00:00Z,caff\xe8\n"), "csv-bad-encoding"),
    (rows(b"m1,2026-03-01T10:00:00Z,\x81\n"), "csv-bad-encoding"),
    (rows(ROW).decode().encode("utf-16")[:-1], "csv-bad-encoding"),
    (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "csv-not-csv"),
    (b"\xef\xbb\xbf <!doctype html>\n<html>,</html>\n", "csv-not-csv"),
    (b'{"error": "not found", "code": 404}', "csv-not-csv"),
    (b'[{"id": 1}]', "csv-not-csv"),
    (b",".join(b"c%d" % n for n in range(20_000)) + b"\n", "csv-too-many-columns"),
])  # fmt: skip
def test_what_is_no_csv_is_refused(data: bytes, code: str) -> None:
    found = inspect_csv(data)
    assert [finding.code for finding in found.findings if finding.severity == "fault"] == [code]
    assert found.members[0].size == len(data)
    with pytest.raises(Unreadable) as refused:
        records(data)
    assert refused.value.code == code


@pytest.mark.parametrize("data", [b"Internal Server Error\n", b"upstream gone\ntry later\n", b"busy"])
def test_lines_of_plain_text_are_no_table(data: bytes) -> None:
    assert told(inspect_csv(data))["csv-not-csv"] == "fault"


def test_a_fault_says_where_without_quoting_the_record() -> None:
    found = inspect_csv(rows(ROW * 3, b"m2,SECRET\n"))
    (fault,) = [each for each in found.findings if each.severity == "fault"]
    assert fault.message == "row 4 has 2 cells; the header has 3 (3 records were read before)"
    assert found.records == 3


def test_a_row_may_be_long_but_not_endless() -> None:
    long = b'm1,2026-03-01T10:00:00Z,"' + b"line\n" * 200_000 + b'"\n'
    assert report(rows(ROW, long, ROW)).records == 3
    caps = replace(CAPS, max_record=100_000)
    assert told(inspect_csv(rows(ROW, long), caps=caps))["csv-row-too-large"] == "fault"
    wide = b'm1,2026-03-01T10:00:00Z,"' + b"x" * 200_000 + b'"\n'
    assert told(inspect_csv(rows(wide), caps=caps))["csv-row-too-large"] == "fault"
    many = b'm1,2026-03-01T10:00:00Z,"' + b'\n","' * 60_000
    assert told(inspect_csv(rows(many), caps=caps))["csv-row-too-large"] == "fault"


@pytest.mark.parametrize(("data", "code", "severity"), [
    (rows(ROW, b"\n"), "csv-blank-lines", "note"),
    (rows(b"m1,2026-03-01T10:00:00Z,caff\xe8\n"), "csv-legacy-encoding", "warning"),
    (b"id,created_at,text,id\nm1,2026-03-01T10:00:00Z,x,y\n", "csv-column-repeated", "warning"),
    (b"created_at,id,text\n2026-03-01T10:00:00Z,m1,x\n", "csv-column-order", "note"),
    (b"id,created_at,text,new\nm1,2026-03-01T10:00:00Z,x,y\n", "field-unknown", "note"),
    (rows(b"m1,2026-03-02T10:00:00Z,x\n"), "record-outside-window", "warning"),
    (rows(b"m1,2026-03-02T00:00:00Z,x\n"), "record-at-end", "note"),
    (rows(b"m1,yesterday,x\n"), "record-undated", "warning"),
    (rows(b"m1,1772359200,x\n"), "record-undated", "warning"),
    (rows(b"m1,2026-03-01 10:00:00,x\n"), "csv-time-without-zone", "note"),
    (b"created_at,text\n2026-03-01T10:00:00Z,x\n", "field-vanished", "warning"),
    (rows(b"m2,2026-03-01T10:00:00Z,a\0b\n"), "csv-nul-cell", "warning"),
])  # fmt: skip
def test_what_is_remarkable_is_told(data: bytes, code: str, severity: str) -> None:
    found = inspect_csv(data)
    assert found.sound, found.findings
    assert told(found)[code] == severity


@pytest.mark.parametrize(("data", "code"), [
    (b"", "csv-empty"),
    (b"\xef\xbb\xbf", "csv-empty"),
    (b"\n\r\n", "csv-empty"),
    (HEAD.rstrip(), "csv-unterminated"),
    (b"id,created_at,te", "csv-unterminated"),
    (b"messageId;channel;destination;", "csv-no-time-column"),
    (b"id,text\n", "csv-no-time-column"),
    (b"id,text\nm1,x\n", "csv-no-time-column"),
    (b"id\nm1\nm2\n", "csv-no-time-column"),
    (b"m1,2026-03-01T10:00:00Z,x\nm2,2026-03-01T10:00:00Z,x\n", "csv-no-header"),
    (rows(ROW).rstrip(), "csv-unterminated"),
    (rows(ROW, ROW)[:-3], "csv-unterminated"),
    (sound_csv(4).rstrip(), "csv-unterminated"),
])  # fmt: skip
def test_a_file_that_may_be_cut_short_is_refused(data: bytes, code: str) -> None:
    found = inspect_csv(data)
    assert told(found)[code] == "fault"
    assert found.members[0].empty is (None if found.records else False)


@pytest.mark.parametrize(("data", "code"), [
    (b"", "csv-empty"), (rows(ROW).rstrip(), "csv-unterminated"), (HEAD.rstrip(), "csv-unterminated"),
    (b"m1,2026-03-01T10:00:00Z,x\n", "csv-no-header"),
])  # fmt: skip
def test_what_a_person_accepts_of_a_source_is_a_warning(data: bytes, code: str) -> None:
    wanted = replace(expected(), accepts=(code,))
    found = inspect_container(io.BytesIO(data), wanted, CAPS, InlineSink(wanted, CAPS))
    assert (found.sound, told(found)[code]) == (True, "warning")
    assert found.members[0].empty is (None if found.records else True)


@pytest.mark.parametrize("announced", [{"size": len(rows(ROW)) - 1}, {"rows": 1}])
def test_a_missing_line_end_is_believed_where_the_announced_size_or_count_agrees(announced: dict[str, int]) -> None:
    wanted = replace(expected(), **announced)
    found = inspect_container(io.BytesIO(rows(ROW)[:-1]), wanted, CAPS, InlineSink(wanted, CAPS))
    assert (found.sound, told(found)["csv-unterminated"]) == (True, "warning")
    other = replace(expected(), **{name: count + 1 for name, count in announced.items()})
    assert not inspect_container(io.BytesIO(rows(ROW)[:-1]), other, CAPS, InlineSink(other, CAPS)).sound


def test_a_missing_time_column_names_the_option() -> None:
    (message,) = [each.message for each in inspect_csv(b"id,when\n").findings if each.code == "csv-no-time-column"]
    assert "messages-time-column" in message


def test_only_a_whole_header_without_a_row_is_empty() -> None:
    assert report(HEAD).empty is True
    assert report(rows(ROW)).empty is None


def test_a_sound_file_has_nothing_to_tell() -> None:
    found = inspect_csv(sound_csv(), rows=30)
    assert found.findings == ()
    assert found.in_window == found.records == 30
    assert found.members[0].undated == 0


def test_without_a_header_the_first_row_counts_and_names_nothing() -> None:
    data = b"m1,2026-03-01T10:00:00Z,SECRET\nm2,2026-03-01T10:00:00Z,x\n"
    found = inspect_csv(data)
    assert (found.records, found.sound) == (2, False)
    assert "SECRET" not in repr(found)
    assert records(data)[0] == {"column 1": "m1", "column 2": "2026-03-01T10:00:00Z", "column 3": "SECRET"}


@pytest.mark.parametrize(("first", "given"), [
    (b"name;phone", True),
    (b"name;telefono cellulare", True),
    (b"Mario;+39 333 123456", False),
    (b"Mario;mario@example.com", False),
    (b"1;2", False),
    (b"3f2504e0-4f89-11d3-9a0c-0305e82c3301;x", False),
    (b"31/12/2026 10:00;x", False),
])  # fmt: skip
def test_a_header_holds_names(first: bytes, given: bool) -> None:
    found = inspect_csv(first + b"\nx;y\n", UNDOCUMENTED)
    assert found.records == (1 if given else 2)
    assert ("csv-no-header" in told(found)) is not given


def test_where_no_time_is_documented_no_date_is_judged() -> None:
    found = inspect_csv(b"a,b,\n1900-01-01T00:00:00Z,x,y\n", UNDOCUMENTED)
    assert told(found) == {"csv-dates-not-judged": "note"}
    assert (found.records, found.in_window, found.earliest) == (1, 0, None)


def test_one_column_is_doubted_unless_it_is_known() -> None:
    assert told(inspect_csv(b"phone\n+391\n+392\n", UNDOCUMENTED))["csv-one-column"] == "warning"
    assert told(inspect_csv(b"phone\n", UNDOCUMENTED))["csv-not-csv"] == "fault"
    assert "csv-one-column" not in told(inspect_csv(b"id\nm1\n"))


@pytest.mark.parametrize(("announced", "told_as"), [
    (30, None), (31, None), (29, "fault"), (32, "fault"), (0, "fault"), (None, None),
])  # fmt: skip
def test_the_announced_count_is_compared(announced: int | None, told_as: str | None) -> None:
    assert told(inspect_csv(sound_csv(30), rows=announced)).get("rows-mismatch") == told_as


@pytest.mark.parametrize(("counts", "announced", "before", "told_as"), [
    (None, 30, None, {}),
    (None, 31, None, {"rows-header-unknown": "fault"}),
    (None, 31, 29, {"rows-header-unknown": "fault"}),
    (None, 31, 30, {"rows-header-learned": "warning"}),
    (None, 32, 30, {"rows-mismatch": "fault"}),
    (None, 29, 30, {"rows-mismatch": "fault"}),
    (False, 30, None, {}),
    (False, 31, 30, {"rows-mismatch": "fault"}),
    (True, 31, None, {}),
    (True, 32, 30, {"rows-mismatch": "fault"}),
    (True, 30, None, {"rows-header-unknown": "fault"}),
    (True, 30, 30, {"rows-header-learned": "warning"}),
])  # fmt: skip
def test_a_count_may_take_in_the_header(
    counts: bool | None, announced: int, before: int | None, told_as: dict[str, str]
) -> None:
    wanted = replace(expected(rows=announced), counts_header=counts, earlier_records=before)
    assert told(inspect_container(io.BytesIO(sound_csv(30)), wanted, CAPS, InlineSink(wanted, CAPS))) == told_as


def test_a_faulty_file_is_not_told_twice() -> None:
    assert told(inspect_csv(rows(ROW, b"x\n"), rows=7)) == {"csv-ragged-row": "fault"}


@pytest.mark.parametrize(("cell", "counted"), [
    (b"=1+1", 1), (b"@SUM(A1)", 1), (b"+cmd|' /C calc'!A0", 1), (b"-cmd", 1), (b"\tx", 1), (b'"\rx"', 1),
    (b'"=1,2"', 1), (b"-5", 0), (b"+39 333 123", 0), (b"-1.5", 0), (b"-", 0), (b"a=b", 0), (b'"a,=b"', 0),
    (b"'=1", 0), (b'"\n=1"', 0),
])  # fmt: skip
def test_cells_that_begin_like_a_formula_are_counted(cell: bytes, counted: int) -> None:
    found = inspect_csv(rows(b"m1,2026-03-01T10:00:00Z," + cell + b"\n"))
    notes = [each.message for each in found.findings if each.code == "csv-formula"]
    said = "cell begins" if counted == 1 else "cells begin"
    assert notes == [f"{counted} {said} like a formula; a spreadsheet may run them. The bytes are unchanged"] * (
        counted > 0
    )


@pytest.mark.parametrize(("cells", "earliest"), [
    (["2026-03-01 10:00:00"], "10:00"),
    (["2026-03-01T10:00"], "10:00"),
    (["2026-03-01 10:00:00,500 +0200"], "08:00"),
    (["2026-03-01 10:00:00.25 UTC"], "10:00"),
    (["2026-03-01T10:00:00+02"], "08:00"),
    (["2026-03-01T10:00:00+02:00"], "08:00"),
    (["01.03.2026 10:00"], "10:00"),
    (["15/03/2026 10:00", "01/03/2026 11:00"], "11:00"),
    (["03/15/2026 10:00", "03/01/2026 1:30 PM"], "13:30"),
    (["03/03/2026 12:00 AM"], "00:00"),
    (["01/03/2026 10:00"], None),
    (["13/13/2026 10:00"], None),
    (["31/02/2026 10:00"], None),
    (["1/3/26 10:00"], None),
    (["03/15/2026 13:00 PM"], None),
    (["2026-03-01"], None),
    (["15/03/2026 10:00", "03/25/2026 10:00"], "10:00"),
    ([""], None),
])  # fmt: skip
def test_times_are_read_where_they_mean_one_thing(cells: list[str], earliest: str | None) -> None:
    lines = [f'm{place},"{cell}",x\n'.encode() for place, cell in enumerate(cells)]
    found = report(rows(*lines))
    assert (found.earliest.strftime("%H:%M") if found.earliest else None) == earliest
    assert found.undated == (1 if earliest is None or cells[-1].startswith("03/25") else 0)


CELLS = st.text(st.sampled_from("aè€\U0001f600 ,;\t\"'\r\n=-+0"), max_size=6)
TABLES = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=0, max_size=12)
)
STYLES = st.tuples(
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)


def write_table(table: list[list[str]], style: tuple[str, str, int, str]) -> bytes:
    delimiter, end, quoting, encoding = style
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    width = len(table[0]) if table else 2
    writer.writerow(["id", "created_at", *(f"c{place}" for place in range(width - 2))])
    writer.writerows(table)
    return out.getvalue().encode(encoding)


def read_in_pieces(data: bytes, sizes: Iterator[int], batch: int) -> ParseVerdict:
    reader = CsvReader("", MESSAGES, expected(), CAPS, batch=batch)
    at = 0
    while at < len(data):
        size = next(sizes)
        pour(reader, data[at : at + size])
        at += size
    return reader.finish(whole=True)


@settings(deadline=None, max_examples=300)
@given(TABLES, STYLES, st.lists(st.integers(1, 40), min_size=1, max_size=9), st.integers(32, 200))
@example([["", ""]], (",", "\n", csv.QUOTE_MINIMAL, "utf-8"), [1], 32)
def test_a_written_table_is_read_as_it_was(
    table: list[list[str]], style: tuple[str, str, int, str], sizes: list[int], batch: int
) -> None:
    if style[1:3] == ("\n", csv.QUOTE_MINIMAL):  # this writer then leaves \r unquoted, which no reader can undo
        table = [[cell.replace("\r", "") for cell in row] for row in table]
    data = write_table(table, style)

    def endless() -> Iterator[int]:
        while True:
            yield from sizes

    whole = read_in_pieces(data, iter([len(data)]), batch)
    assert read_in_pieces(data, endless(), batch) == whole
    assert whole.report.records == len(table)
    assert not [each for each in whole.findings if each.severity == "fault"]
    assert [list(each.values()) for each in records(data, UNDOCUMENTED)] == table


@pytest.mark.parametrize("data", [
    sound_csv(4),
    rows("m1,2026-03-01T10:00:00Z,è€\nm2,2026-03-01T10:00:00Z,plain\n".encode()),
    b'"id","created_at","text"\n"m1","2026-03-01T10:00:00Z","a ""b"" c"\n"m2","2026-03-01T10:00:00Z",""\n',
])  # fmt: skip
def test_no_cut_passes_in_silence(data: bytes) -> None:
    """A cut is refused, unless it takes no more than the last line end and the announced count agrees."""
    whole = records(data)
    for cut in range(len(data)):
        found = inspect_csv(data[:cut], rows=len(whole))
        if found.sound:
            assert found.records == len(whole)
            assert told(found)["csv-unterminated"] == "warning"
        without = inspect_csv(data[:cut])
        if without.sound:  # between two rows: nothing in the file shows it
            assert data[:cut].endswith(b"\n")
            assert records(data[:cut]) == whole[: without.records]
            assert (without.members[0].empty is True) == (without.records == 0)


def inspect_piped(data: bytes, wanted: Expectation) -> Inspection:
    feed_out, feed_in = os.pipe()
    answer_out, answer_in = os.pipe()
    thread = threading.Thread(target=serve_records, args=(feed_out, answer_in, wanted, CAPS))
    thread.start()
    try:
        return inspect_container(io.BytesIO(data), wanted, CAPS, PipedSink(feed_in, answer_out))
    finally:
        os.close(feed_in)
        thread.join()
        for descriptor in (feed_out, answer_out, answer_in):
            os.close(descriptor)


@pytest.mark.parametrize("data", [
    sound_csv(5_000), b"", rows(ROW * 5_000, b"x\n", ROW * 5_000), rows(ROW * 9_000, b"\xff\0"), b"<html>",
    rows(ROW * 9_000, "è\n".encode(), b"\xe8"), rows(b'"' + ROW * 9_000), rows(ROW).decode().encode("utf-16"),
], ids=range(8))  # fmt: skip
def test_piped_and_inline_agree_on_csv(data: bytes) -> None:
    assert inspect_piped(data, expected(rows=5_000)) == inspect_csv(data, rows=5_000)


def test_a_forked_reader_without_files_reads_every_encoding() -> None:
    script = """
import io, sys
from strongroom.engine.worker.parse_worker import forked_parser
from strongroom.formats.inspect import inspect_container
from kit.csv_files import CAPS, expected
for data in eval(sys.argv[1]):
    with forked_parser(expected(), CAPS) as parser:
        print(inspect_container(io.BytesIO(data), expected(), CAPS, parser.sink).members[0].records)
"""
    text = rows(ROW).decode()
    samples = [text.encode("utf-16"), text.encode("utf-8-sig"), rows(b"m1,2026-03-01T10:00:00Z,\xe8\n"), sound_csv(1)]
    told = subprocess.run(
        [sys.executable, "-c", script, repr(samples)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert told.stdout.split() == ["1"] * 4, told.stderr


def test_a_large_csv_passes_in_the_memory_of_a_few_batches() -> None:
    data = rows(ROW * 60_000)
    source = io.BytesIO(data)
    wanted, sink = expected(), InlineSink(expected(), CAPS)
    tracemalloc.start()
    try:
        found = inspect_container(source, wanted, CAPS, sink)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.records == 60_000
    assert peak < 4_000_000


def test_records_are_read_once_each_and_blank_ids_are_no_names() -> None:
    data = rows(b"m1,,a\n", b"m1,,b\n", b",,c\n", b",,d\n")
    assert [each["text"] for each in records(data)] == ["a", "c", "d"]
    seen: set[str | int] = {"m1"}
    assert [each["text"] for each in records(data, seen=seen)] == ["c", "d"]


def test_a_repeated_column_hides_nothing() -> None:
    data = b"id,text,text,text (2)\nm1,a,b,c\n"
    assert records(data) == [{"id": "m1", "text": "a", "text (2)": "b", "text (2) (2)": "c"}]


def test_what_is_read_does_not_depend_on_what_is_documented_today() -> None:
    bare = DatasetShape("messages", "", "id", "created_at")  # all that a manifest keeps
    for data in (sound_csv(3), rows(ROW).replace(b",", b";"), b"created_at,id\n2026-03-01T10:00:00Z,m1\n"):
        kept, today = report(data, bare), report(data)
        assert (kept.records, kept.earliest, kept.dialect) == (today.records, today.earliest, today.dialect)


def test_a_zip_is_still_a_zip() -> None:
    assert expected().container is Container.CSV
    wanted = replace(expected(), container=Container.ZIP_OF_JSON)
    found = inspect_container(io.BytesIO(sound_csv()), wanted, CAPS, InlineSink(wanted, CAPS))
    assert not found.sound

"""Every reader of bytes from outside takes time in proportion to what it is given, whatever that says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kit.growth import assert_linear
from kit.zip_files import CAPS, EXPECTED, MESSAGES
from strongroom.cli.errors import redact
from strongroom.formats.csv_rows import is_header
from strongroom.formats.csv_table import RowCollector
from strongroom.formats.json_array import JsonArrayReader, pour

HEADERS: dict[str, Callable[[int], str]] = {
    "dots in an address": lambda size: "a@" + "." * size + "@",
    "letters and dots": lambda size: "a@" + "b." * size + "@",
    "at signs": lambda size: "@a" * size,
    "digits": lambda size: "1" * size + "x",
    "blanks": lambda size: "1" + " " * size + "x",
    "hexadecimal": lambda size: "a" * 8 + "-" + "f" * size,
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_cell_of_the_first_row_is_judged_in_linear_time(name: str) -> None:
    assert_linear(HEADERS[name], lambda cell: is_header([cell], ()))


def _records(head: str, tail: str = "}", count: int = 16) -> Callable[[int], bytes]:
    return lambda size: ("[" + ",".join(head.format(" " * (size * 16)) + tail for _ in range(count)) + "]").encode()


ARRAYS: dict[str, Callable[[int], bytes]] = {
    "blanks behind the first key": _records('{{"id"{}:1,"b":2'),
    "blanks behind the first colon": _records('{{"id":{}1,"b":2'),
    "blanks behind the first value": _records('{{"id":1{},"b":2'),
    "blanks behind the first comma": _records('{{"id":1,{}"b":2'),
    "blanks before the first key": _records('{{{}"id":1,"b":2'),
    "blanks between records": _records('{}{{"id":1,"b":2'),
    "blanks before the array": lambda size: b" " * (64 * size) + b"[]",
    "blanks behind the array": lambda size: b"[]" + b" " * (64 * size),
    "many small records": lambda size: b"[" + b",".join([b'{"id":1,"b":2}'] * (16 * size)) + b"]",
    "nested records that begin alike": lambda size: (
        b"[" + b",".join([b'{"id":1,"b":[' + b",".join([b'{"id":1,"b":2}'] * size) + b"]}"] * 16) + b"]"
    ),
    "records only the slow reader takes": lambda size: b"[" + b",".join([b'{"id":1e999}'] * (4 * size)) + b"]",
    "an open text": lambda size: b'[{"id":"' + b"\\\\" * (16 * size),
    "an open key": lambda size: b"[{" + b'"' * (16 * size),
}


# A text of one batch is not cut at all, which takes far less for each byte: all sizes lie above that step.
BATCH = 1 << 13  # bytes


def _read_array(text: bytes) -> None:
    reader = JsonArrayReader("messages.json", MESSAGES, EXPECTED, CAPS, batch=BATCH)
    pour(reader, text)
    reader.finish(whole=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_is_read_in_linear_time(name: str) -> None:
    assert_linear(ARRAYS[name], _read_array, size=500)


def test_columns_of_one_name_are_told_apart_in_linear_time() -> None:
    collector = RowCollector(None)
    assert_linear(lambda size: ["a"] * size, lambda names: collector.take_header(names, given=True))


def test_columns_of_one_name_get_numbers_that_no_other_column_has() -> None:
    collector = RowCollector(None)
    collector.take_header(["a", "a (2)", "a", "a", "a (2)"], given=True)
    collector.take_rows([["1", "2", "3", "4", "5"]])
    (row,) = collector.drain()
    assert row.fields == {"a": "1", "a (2)": "2", "a (3)": "3", "a (4)": "4", "a (2) (2)": "5"}


WORDS: dict[str, Callable[[int], str]] = {
    "addresses without a query": lambda size: "http://" * size,
    "blanks behind a scheme": lambda size: "Bearer" + " " * size,
    "schemes": lambda size: "Bearer " * size,
    "keys": lambda size: "zv_live_" * size,
    "long letters": lambda size: "a" * size,
}


@pytest.mark.parametrize("name", WORDS)
def test_words_of_others_are_cleaned_in_linear_time(name: str) -> None:
    assert_linear(WORDS[name], redact)

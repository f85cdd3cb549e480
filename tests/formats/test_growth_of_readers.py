"""Every reader of bytes from outside takes time in proportion to what it is given, whatever that says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from growth import assert_linear

from strongroom.formats.csvdialect import is_header

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

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.text import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0 B", 0),
        ("1B", 1),
        ("2 GB", 2_000_000_000),
        ("2GB", 2_000_000_000),
        ("2 gb", 2_000_000_000),
        ("2 GiB", 2_147_483_648),
        ("512 MiB", 536_870_912),
        ("1.5 TB", 1_500_000_000_000),
        ("0.5 KiB", 512),
        ("1.250 KB", 1_250),
        ("9223 PB", 9_223 * 10**15),
    ],
)
def test_reads(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "GB",
        "-2 GB",
        "2 G",
        "2 Gb/s",
        "2  GB",
        " 2 GB",
        "2 GB\n",
        "1,5 GB",
        ".5 GB",
        "5. GB",
        "1 iB",
        "1.5 B",
        "0.0001 KB",
        "9224 PB",
        "8192 PiB",
        "2 EB",
        "٣ GB",
    ],
)
def test_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="a size is"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1 KB"), (1_024, "1 KiB"), (1_500_000_000, "1500 MB"), (2**31, "2 GiB")],
)
def test_writes_the_shortest_exact_number(size: int, text: str) -> None:
    assert format_size(size) == text


def test_writes_nothing_negative() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        format_size(-1)


@given(st.integers(0, 10**17) | st.integers(0, 9_000).map(lambda count: count * 10**15))
def test_round_trip(size: int) -> None:
    assert parse_size(format_size(size)) == size

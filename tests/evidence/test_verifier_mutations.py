"""Any byte of a signed log that is another, more or less than it was is found, wherever it is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.evidence.checkpoint import make_checkpoint, sign_checkpoint
from strongroom.evidence.line import GENESIS, Entry, digest, format_line
from strongroom.evidence.note import Signer
from strongroom.evidence.tree import leaf_hash, prove
from strongroom.evidence.verifier import Key, Report, check_log

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
SIGNER = Signer.generate("strongroom", lambda count: bytes(range(count)))
KEYS = [Key(str(SIGNER.verifier))]


def make_log(count: int) -> bytes:
    lines, prev = [], GENESIS
    for seq in range(1, count + 1):
        lines.append(format_line(Entry("job.moved", AT, job=f"j{seq}", facts={"é": seq}), seq, prev))
        prev = digest(lines[-1])
    return b"".join(line + b"\n" for line in lines)


WHOLE = make_log(7)
LEAVES = [leaf_hash(line) for line in WHOLE.splitlines()]
NOTE = sign_checkpoint(
    make_checkpoint("strongroom", WHOLE.splitlines()[0], 7, prove(LEAVES, 7).root, AT), SIGNER
).encode()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "checkpoints").mkdir()
        yield Path(name)


def check(folder: Path, log: bytes, note: bytes = NOTE) -> Report:
    (folder / "log.jsonl").write_bytes(log)
    (folder / "checkpoints" / "7.note").write_bytes(note)
    report = Report()
    check_log(folder / "log.jsonl", KEYS, [], report)
    return report


def test_the_whole_one_is_sound(folder: Path) -> None:
    report = check(folder, WHOLE)
    assert report.findings == []
    assert report.vouched
    assert report.unproven == []


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_another_byte_is_found(folder: Path, place: int, other: int) -> None:
    log = bytearray(WHOLE)
    log[place] ^= other
    assert check(folder, bytes(log)).findings != []


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 400))
def test_missing_bytes_are_found(folder: Path, place: int, count: int) -> None:
    assert check(folder, WHOLE[:place] + WHOLE[place + count :]).findings != []


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=20))
def test_more_bytes_are_found(folder: Path, place: int, more: bytes) -> None:
    assert check(folder, WHOLE[:place] + more + WHOLE[place:]).findings != []


@given(st.permutations(WHOLE.splitlines(keepends=True)))
def test_another_order_is_found(folder: Path, lines: list[bytes]) -> None:
    log = b"".join(lines)
    assert (check(folder, log).findings == []) == (log == WHOLE)


@given(st.integers(0, NOTE.index(b"\n\n")), st.integers(1, 255))
def test_another_byte_of_what_was_signed_is_found(folder: Path, place: int, other: int) -> None:
    note = bytearray(NOTE)
    note[place] ^= other
    report = check(folder, WHOLE, bytes(note))
    assert report.findings != []
    assert not report.vouched


@given(st.binary(max_size=300))
def test_nonsense_is_told_and_never_raised(folder: Path, nonsense: bytes) -> None:
    assert check(folder, nonsense).findings != []
    assert check(folder, WHOLE, nonsense).findings != []

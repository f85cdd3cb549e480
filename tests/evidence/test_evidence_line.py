from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.evidence.line import GENESIS, Entry, Fact, digest, format_line, read_chain
from strongroom.model.errors import VaultError

AT = datetime(2026, 3, 10, 12, 0, 0, 250_000, tzinfo=UTC)
ENTRY = Entry("job.accepted", AT, job="j1", stream="zavu", facts={"ref": "exp_é", "size": 7, "b": True, "a": None})

LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=8)
FACTS: st.SearchStrategy[Fact] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ENTRIES = st.builds(
    Entry,
    kind=st.text(max_size=10),
    at=st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    job=st.text(max_size=5),
    archive=st.text(max_size=5),
    stream=st.text(max_size=5),
    facts=st.dictionaries(st.text(max_size=5), FACTS, max_size=4),
)


def chain(entries: list[Entry]) -> list[bytes]:
    lines: list[bytes] = []
    for seq, entry in enumerate(entries, start=1):
        lines.append(format_line(entry, seq, digest(lines[-1]) if lines else GENESIS))
    return lines


def rewritten(line: bytes, **changes: Any) -> bytes:
    body = {**json.loads(line), **changes}
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


LINES = chain(
    [Entry("job.moved", AT + timedelta(seconds=second), job="j1", facts={"n": second}) for second in range(6)]
)


def test_the_bytes_of_a_line() -> None:
    expected = (
        '{"at":"2026-03-10T12:00:00.250Z","facts":{"a":null,"b":true,"ref":"exp_é","size":7},"job":"j1",'
        f'"kind":"job.accepted","prev":"{GENESIS}","seq":1,"stream":"zavu","v":1}}'
    )
    assert format_line(ENTRY, 1, GENESIS) == expected.encode()


def test_the_same_entry_gives_the_same_bytes_however_it_was_built() -> None:
    facts = dict(reversed(list(ENTRY.facts.items())))
    local = AT.astimezone(timezone(timedelta(hours=9)))
    other = Entry("job.accepted", local, job="j1", stream="zavu", facts=facts, words="said to people only")
    assert format_line(other, 1, GENESIS) == format_line(ENTRY, 1, GENESIS)


@settings(deadline=None)
@given(ENTRIES, st.integers(1, 2**40))
def test_a_line_is_one_line_of_canonical_json(entry: Entry, seq: int) -> None:
    line = format_line(entry, seq, "ab" * 32)
    assert b"\n" not in line
    assert rewritten(line) == line
    body = json.loads(line)
    assert (body["seq"], body["prev"], body["kind"], body["facts"]) == (seq, "ab" * 32, entry.kind, dict(entry.facts))


@pytest.mark.parametrize("fact", [float("nan"), float("inf"), "\ud800", b"bytes", AT, {1, 2}])
def test_what_has_no_canonical_form_is_refused(fact: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        format_line(Entry("kind", AT, facts={"fact": fact}), 1, GENESIS)


def test_words_for_people_stay_out_of_the_line() -> None:
    line = format_line(Entry("kind", AT, words="canary"), 1, GENESIS)
    assert b"canary" not in line
    assert b"words" not in line


@settings(deadline=None, max_examples=40)
@given(st.lists(ENTRIES, max_size=6))
def test_an_untouched_chain_is_read_whole(entries: list[Entry]) -> None:
    bodies = list(read_chain(chain(entries)))
    assert [body["kind"] for body in bodies] == [entry.kind for entry in entries]
    assert [body["seq"] for body in bodies] == list(range(1, len(entries) + 1))


def resealed(lines: list[bytes], place: int) -> list[bytes]:
    """Edit a line and chain all that follow anew, as someone who holds the whole file could."""
    kept, prev = lines[:place], digest(lines[place - 1]) if place else GENESIS
    for line in lines[place:]:
        kept.append(rewritten(line, prev=prev, kind="forged"))
        prev = digest(kept[-1])
    return kept


TAMPERED: list[tuple[str, Callable[[list[bytes], int], list[bytes]]]] = [
    ("edited", lambda lines, i: [*lines[:i], rewritten(lines[i], kind="forged"), *lines[i + 1 :]]),
    ("one space more", lambda lines, i: [*lines[:i], lines[i] + b" ", *lines[i + 1 :]]),
    ("removed", lambda lines, i: [*lines[:i], *lines[i + 1 :]]),
    ("doubled", lambda lines, i: [*lines[: i + 1], *lines[i:]]),
    (
        "inserted",
        lambda lines, i: [*lines[:i], format_line(ENTRY, i + 1, digest(lines[i - 1]) if i else GENESIS), *lines[i:]],
    ),
    ("reordered", lambda lines, i: [*lines[:i], lines[i + 1], lines[i], *lines[i + 2 :]]),
    ("another number", lambda lines, i: [*lines[:i], rewritten(lines[i], seq=i + 2), *lines[i + 1 :]]),
    (
        "removed and numbered anew",
        lambda lines, i: [*lines[:i], *(rewritten(line, seq=n) for n, line in enumerate(lines[i + 1 :], i + 1))],
    ),
    ("emptied", lambda lines, i: [*lines[:i], b"", *lines[i + 1 :]]),
    ("cut", lambda lines, i: [*lines[:i], lines[i][:-5], *lines[i + 1 :]]),
    ("not an object", lambda lines, i: [*lines[:i], b"[1]", *lines[i + 1 :]]),
    ("not text", lambda lines, i: [*lines[:i], b"\xff\xfe", *lines[i + 1 :]]),
    ("nested without end", lambda lines, i: [*lines[:i], b"[" * 100_000, *lines[i + 1 :]]),
]


@pytest.mark.parametrize(("how", "tamper"), TAMPERED, ids=[how for how, _ in TAMPERED])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_whatever_is_done_to_a_line_is_noticed(
    how: str, tamper: Callable[[list[bytes], int], list[bytes]], place: int
) -> None:
    with pytest.raises(VaultError, match="of the evidence log"):
        list(read_chain(tamper(LINES, place)))


@settings(deadline=None)
@given(st.integers(0, len(LINES) - 2), st.data())
def test_any_changed_byte_before_the_last_line_is_noticed(place: int, data: st.DataObject) -> None:
    line = bytearray(LINES[place])
    offset = data.draw(st.integers(0, len(line) - 1))
    line[offset] ^= data.draw(st.integers(1, 255))
    with pytest.raises(VaultError):
        list(read_chain([*LINES[:place], bytes(line), *LINES[place + 1 :]]))


@pytest.mark.parametrize("place", range(len(LINES)))
def test_a_forger_who_chains_everything_anew_ends_at_another_digest(place: int) -> None:
    forged = resealed(LINES, place)
    list(read_chain(forged))  # the chain alone cannot tell: a digest kept elsewhere can
    assert digest(forged[-1]) != digest(LINES[-1])


def test_the_reader_gives_what_came_before_the_first_fault() -> None:
    read = read_chain([*LINES[:3], LINES[4]])
    assert [next(read)["seq"] for _ in range(3)] == [1, 2, 3]
    with pytest.raises(VaultError, match="line 4 of the evidence log is out of sequence"):
        next(read)


def test_a_chain_that_does_not_begin_at_the_beginning_is_refused() -> None:
    with pytest.raises(VaultError, match="out of sequence"):
        list(read_chain(LINES[1:]))
    with pytest.raises(VaultError, match="does not follow"):
        list(read_chain([rewritten(LINES[0], prev="1" * 64)]))

"""The vectors that come with the program: they are the official ones, all pass, and a fault in opening shows."""

from __future__ import annotations

import zlib

import msgspec
import pytest

from kit.age_vectors import ABSENT, FOLDER, load_vectors
from strongroom.age import self_test
from strongroom.age.stanza import NoMatch

SHIPPED = self_test.load_vectors()
LARGEST = 2048  # bytes of a vector's file


def test_every_vector_passes() -> None:
    assert self_test.failed_vectors(SHIPPED) == []
    assert {vector.expect for vector in SHIPPED} == {
        *("success", "header failure", "no match", "HMAC failure", "payload failure")
    }


@pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)
def test_they_are_the_official_ones() -> None:
    official = [each for each in load_vectors() if each.implemented]
    small = [each for each in official if (FOLDER / each.name).stat().st_size <= LARGEST]
    assert [vector.name for vector in SHIPPED] == [each.name for each in small]
    for vector, each in zip(SHIPPED, small, strict=True):
        assert (zlib.decompress(vector.file) if vector.zlib else vector.file) == each.file
        assert (vector.expect, vector.payload) == (each.expect, each.payload)
        assert vector.keys == (*each.identities, *each.passphrases)


def test_a_wrong_text_and_a_wrong_refusal_fail() -> None:
    by_expected = {vector.expect: vector for vector in SHIPPED}
    sound, refused = by_expected["success"], by_expected["no match"]
    wrong = [
        msgspec.structs.replace(sound, payload="00" * 32),
        msgspec.structs.replace(sound, expect="HMAC failure"),
        msgspec.structs.replace(refused, expect="header failure"),
        msgspec.structs.replace(refused, expect="success"),
    ]
    assert self_test.failed_vectors(wrong) == [each.name for each in wrong]


def test_an_opening_that_refuses_everything_passes_no_more_than_the_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NoMatch("nothing opens", hint="")

    monkeypatch.setattr(self_test, "open_stream", refuse)
    failed = self_test.failed_vectors(SHIPPED)
    assert {vector.expect for vector in SHIPPED if vector.name not in failed} == {"no match"}

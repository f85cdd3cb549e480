from __future__ import annotations

import base64
import os
from datetime import UTC, datetime

import pytest

from strongroom.evidence.checkpoint import (
    Checkpoint,
    make_checkpoint,
    open_checkpoint,
    origin_of,
    parse_checkpoint,
    read_unchecked,
    sign_checkpoint,
)
from strongroom.evidence.note import NoteRefused, Signer

SIGNER = Signer.generate("strongroom", lambda count: bytes(range(count)))
OTHER = Signer.generate("strongroom", os.urandom)
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROOT = bytes(range(32))
MADE = make_checkpoint("strongroom", b"first", 7, ROOT, AT)


def test_the_text_is_the_one_of_the_specification() -> None:
    assert (
        MADE.text()
        == f"{origin_of('strongroom', b'first')}\n7\n{base64.b64encode(ROOT).decode()}\nat 2026-11-20T12:00:00Z\n"
    )
    assert MADE.at == AT


def test_a_signed_one_is_read_back_by_any_of_the_keys() -> None:
    note = sign_checkpoint(MADE, SIGNER)
    assert open_checkpoint(note, OTHER.verifier, SIGNER.verifier) == MADE
    assert read_unchecked(note) == MADE
    with pytest.raises(NoteRefused):
        open_checkpoint(note, OTHER.verifier)
    with pytest.raises(NoteRefused, match="no public key"):
        open_checkpoint(note)
    with pytest.raises(NoteRefused):
        open_checkpoint(note.replace("\n7\n", "\n8\n"), SIGNER.verifier)


def test_a_log_that_begins_otherwise_is_another_log() -> None:
    assert origin_of("strongroom", b"first") != origin_of("strongroom", b"second")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n7\n",
        "origin\n07\nAAAA\n",
        "origin\n-1\nAAAA\n",
        "origin\n\u0667\nAAAA\n",
        f"origin\n7\n{base64.b64encode(b'short').decode()}\n",
        "origin\n7\nnot base64!\n",
        f"\n7\n{base64.b64encode(ROOT).decode()}\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        parse_checkpoint(text)


def test_a_time_that_is_none_is_no_time() -> None:
    assert Checkpoint("o", 1, ROOT, ("at noon",)).at is None
    assert Checkpoint("o", 1, ROOT).at is None


@pytest.mark.parametrize("root", ["Ä" * 44, "\N{EM DASH}", "A" * 43])
def test_a_root_that_is_not_base64_is_refused_in_words(root: str) -> None:
    with pytest.raises(NoteRefused, match="root"):
        parse_checkpoint(f"origin\n1\n{root}\n")

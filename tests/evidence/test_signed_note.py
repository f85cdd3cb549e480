"""Signed notes: our own round trip, one published by others, and everything that must be refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.evidence.note import NoteRefused, Signer, Verifier, open_note
from strongroom.model.errors import UsageError

SIGNER = Signer("strongroom/test", bytes(range(32)))
TEXTS = st.lists(st.text(st.characters(min_codepoint=32, exclude_categories=("C", "Z")), min_size=1), min_size=1).map(
    lambda lines: "\n".join(lines) + "\n"
)

# From the documentation of golang.org/x/mod/sumdb/note: the Go checksum database's key and a note it signs.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_of_another_tool_is_verified() -> None:
    assert open_note(GO_NOTE, Verifier.parse(GO_KEY)).endswith("problem is.\n")


@given(TEXTS)
def test_what_was_signed_is_opened(text: str) -> None:
    assert open_note(SIGNER.sign(text), SIGNER.verifier) == text


def test_keys_survive_writing_and_reading() -> None:
    assert Signer.parse(SIGNER.reveal()) == SIGNER
    assert Verifier.parse(str(SIGNER.verifier)) == SIGNER.verifier
    assert SIGNER.seed.hex() not in repr(SIGNER)


@pytest.mark.parametrize("change", ["text", "name", "signature", "cut", "none"])
def test_a_changed_note_is_refused(change: str) -> None:
    note = SIGNER.sign("from A to B: no gap\n")
    changed = {
        "text": note.replace("no gap", "no gaps"),
        "name": note.replace("strongroom/test", "strongroom/other"),
        "signature": note[:-10] + "AAAAAAAA\n",
        "cut": note.split("\n\n")[0],
        "none": "",
    }[change]
    with pytest.raises(NoteRefused):
        open_note(changed, SIGNER.verifier)


def test_another_key_of_the_same_name_is_refused() -> None:
    other = Signer("strongroom/test", bytes(32))
    with pytest.raises(NoteRefused):
        open_note(other.sign("text\n"), SIGNER.verifier)


@pytest.mark.parametrize("text", ["", "a+b", "PRIVATE+KEY+a+b+c", "name+00000000+AAAA", GO_KEY.replace("c74f", "c74e")])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Verifier.parse(text)
    with pytest.raises(UsageError):
        Signer.parse(text)


@pytest.mark.parametrize("text", ["no newline", "a\x1b[0m\n", "a\rb\n"])
def test_text_that_could_deceive_is_not_signed(text: str) -> None:
    with pytest.raises(ValueError, match="newline"):
        SIGNER.sign(text)


@pytest.mark.parametrize("key", ["ÄAAA", "A\N{EM DASH}A=", "\udcff", "A", ""])
def test_base64_that_is_none_or_not_ascii_is_refused_in_words(key: str) -> None:
    for parse, text in ((Verifier.parse, f"name+00000000+{key}"), (Signer.parse, f"PRIVATE+KEY+name+00000000+{key}")):
        with pytest.raises(UsageError, match="key"):
            parse(text)  # type: ignore[operator]
    with pytest.raises(NoteRefused, match="not signed"):
        open_note(f"text\n\n\N{EM DASH} {SIGNER.name} {key}\n", SIGNER.verifier)

"""Identity files, plain and behind a passphrase."""

from __future__ import annotations

import pytest

from strongroom.age.identity_file import (
    FILE_CAP,
    is_protected,
    open_identity_file,
    parse_identity_file,
    write_identity_file,
)
from strongroom.age.keys import ScryptRecipient, X25519Identity
from strongroom.age.stanza import KeyRefused, NoMatch, PayloadDamaged
from strongroom.age.writer import seal_bytes
from strongroom.model.times import Chance


def never() -> str:
    raise AssertionError("asked for a passphrase")


def test_what_is_written_is_read(identity: X25519Identity) -> None:
    text = write_identity_file(identity, "created: 2026-01-01T00:00:00Z", "working identity")
    assert text.splitlines()[2:] == [f"# public key: {identity.recipient}", str(identity)]
    assert parse_identity_file(text.encode()) == (identity,)
    assert open_identity_file(text.encode(), never) == (identity,)
    with pytest.raises(ValueError, match="one line"):
        write_identity_file(identity, "two\nlines")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_comments_blank_lines_and_line_ends_are_tolerated(
    end: str, identity: X25519Identity, stranger: X25519Identity
) -> None:
    text = end.join(["", "# a", str(identity), "", "#AGE-SECRET-KEY-1 not a key", "  ", str(stranger)])
    assert parse_identity_file(text.encode()) == (identity, stranger)
    assert parse_identity_file((text + end).encode()) == (identity, stranger)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "line 2"),
        (" {key}", "line 2"),
        ("{key} ", "line 2"),
        ("{key} # mine", "line 2"),
        ("{lower}", "line 2"),
        ("{short}", "line 2: the key's checksum"),
        ("AGE-PLUGIN-YUBIKEY-1XXXXX", "line 2: plugin"),
        ("AGE-SECRET-KEY-PQ-1XXXXX", "line 2: plugin and hybrid"),
        ("{public}", "line 2: this is not an age secret key"),
    ],
)
def test_a_wrong_line_is_named_and_not_quoted(line: str, words: str, identity: X25519Identity) -> None:
    key = str(identity)
    text = line.format(key=key, lower=key.lower(), short=key[:-2], public=identity.recipient)
    with pytest.raises(KeyRefused, match=words) as error:
        parse_identity_file(f"# first\n{text}\n".encode())
    assert text.strip() not in f"{error.value} {error.value.hint}"
    assert error.value.hint


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# only words\n", b"\xff\xfe"])
def test_files_without_an_identity_are_refused(data: bytes) -> None:
    with pytest.raises(KeyRefused):
        parse_identity_file(data)


def test_a_protected_file_asks_once(identity: X25519Identity, random_bytes: Chance) -> None:
    sealed = seal_bytes(write_identity_file(identity).encode(), [ScryptRecipient("three words here", 4)], random_bytes)
    asked = iter(["three words here"])
    assert is_protected(sealed)
    assert open_identity_file(sealed, lambda: next(asked)) == (identity,)
    assert next(asked, None) is None
    with pytest.raises(NoMatch):
        open_identity_file(sealed, lambda: "three other words")
    with pytest.raises(PayloadDamaged):
        open_identity_file(sealed[:-1], lambda: "three words here")


def test_other_files_are_refused_in_words() -> None:
    with pytest.raises(KeyRefused, match="armored"):
        open_identity_file(b"-----BEGIN AGE ENCRYPTED FILE-----\n", never)
    with pytest.raises(KeyRefused, match="at most"):
        open_identity_file(b"#" * (FILE_CAP + 1), never)

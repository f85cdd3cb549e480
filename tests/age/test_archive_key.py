"""An archive's key file: one writing, and an identity file for any age tool."""

from __future__ import annotations

import pytest

from strongroom.age.identity_file import ArchiveKey, parse_archive_key, parse_identity_file, write_archive_key
from strongroom.age.keys import X25519Identity
from strongroom.age.stanza import KeyRefused
from strongroom.model.times import Chance

ID = "01jd7k3v9m0000000000000000"


@pytest.fixture
def key(identity: X25519Identity) -> ArchiveKey:
    return ArchiveKey(ID, bytes(range(32)), identity)


def test_the_text_is_these_three_lines(key: ArchiveKey) -> None:
    text = write_archive_key(key)
    assert text.decode().split("\n") == [
        f"# strongroom archive {ID}",
        f"# digest salt: {bytes(range(32)).hex()}",
        str(key.identity),
        "",
    ]
    assert parse_archive_key(text) == key
    assert parse_identity_file(text) == (key.identity,)


def test_any_other_writing_is_refused_without_a_quote(key: ArchiveKey) -> None:
    text = write_archive_key(key)
    secret = str(key.identity).encode()
    wrong = [
        b"",
        secret,
        text[:-1],
        text + b"\n",
        text + secret + b"\n",
        text.replace(b"\n", b"\r\n"),
        text.replace(b"01jd", b"01 d"),
        text.replace(b"1f\n", b"1F\n"),
        text.replace(b"1f\n", b"\n"),
        text.replace(b"# digest", b"#digest"),
        text.replace(secret, secret.lower()),
        text.replace(secret, secret[:-1]),
        text.replace(secret, secret[:-1] + (b"Q" if secret[-1:] != b"Q" else b"P")),
        text.replace(ID.encode(), b"\xff"),
    ]
    for data in wrong:
        with pytest.raises(KeyRefused) as error:
            parse_archive_key(data)
        shown = f"{error.value} {error.value.hint}"
        assert secret.decode()[20:30] not in shown
        assert key.salt.hex()[:8] not in shown


@pytest.mark.parametrize(
    ("archive_id", "salt"), [("", 32), ("a b", 32), ("a\nb", 32), ("a" * 65, 32), (ID, 31), (ID, 33)]
)
def test_parts_are_checked(archive_id: str, salt: int, identity: X25519Identity) -> None:
    with pytest.raises(ValueError, match=r"archive id|digest salt"):
        ArchiveKey(archive_id, bytes(salt), identity)


def test_secrets_do_not_show(identity: X25519Identity, random_bytes: Chance) -> None:
    key = ArchiveKey(ID, random_bytes(32), identity)
    shown = repr(key)
    assert ID in shown
    assert str(identity) not in shown
    assert key.salt.hex() not in shown
    assert repr(key.salt) not in shown

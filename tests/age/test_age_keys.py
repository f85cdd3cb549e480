"""Keys as text: strict in case, checksum, prefix and length, and silent about secrets."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.age.keys import (
    ScryptIdentity,
    ScryptRecipient,
    X25519Identity,
    X25519Recipient,
    decode_bech32,
    encode_bech32,
)
from strongroom.age.stanza import HeaderRefused, KeyRefused, Stanza
from strongroom.model.times import Chance

LOW_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    2**255 - 20,
    2**255 - 19,
    2**255 - 18,
]


@pytest.mark.parametrize(
    ("text", "prefix", "size"), [("A12UEL5L", "A", 0), ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "abcdef", 20)]
)
def test_valid_strings_of_bip_173(text: str, prefix: str, size: int) -> None:
    found, data = decode_bech32(text)
    assert (found, len(data)) == (prefix, size)
    assert encode_bech32(prefix.lower(), data) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "", "1", "age", "age1", "pzry9x0s0muk", "1pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3", "A1G7SGD8", "10a06t8",
        "1qzzfhee",
        "A12uel5l", "a12UEL5L", "A12UEL5M", "A12UEL5L ", "\x7f1axkwrx", "\x201nwldj5", "äge1qqqqqqqq", "A12UEL5\u017f",
    ],
)  # fmt: skip
def test_strings_that_are_not_bech32(text: str) -> None:
    with pytest.raises(KeyRefused):
        decode_bech32(text)


@given(data=st.binary(max_size=70), prefix=st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=16))
def test_bytes_come_back(data: bytes, prefix: str) -> None:
    text = encode_bech32(prefix, data)
    assert decode_bech32(text) == (prefix, data)
    assert decode_bech32(text.upper()) == (prefix.upper(), data)


@given(data=st.binary(min_size=32, max_size=32), place=st.integers(4, 61), shift=st.integers(1, 31))
def test_one_wrong_character_is_always_caught(data: bytes, place: int, shift: int) -> None:
    digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    text = encode_bech32("age", data)
    wrong = digits[(digits.index(text[place]) + shift) % 32]
    with pytest.raises(KeyRefused, match="checksum"):
        decode_bech32(text[:place] + wrong + text[place + 1 :])


def test_spare_bits_must_be_zero() -> None:
    # 32 bytes with a one in the four spare bits, and 33 bytes with a whole digit to spare; both checksums are sound.
    for values in ([0] * 51 + [1], [0] * 54):
        with pytest.raises(KeyRefused, match="spare bits"):
            decode_bech32(_with_checksum("age", values))


def _with_checksum(prefix: str, values: list[int]) -> str:
    digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    stem = prefix + "1" + "".join(digits[value] for value in values)
    check = 1
    for value in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + values + [0] * 6:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= term if top >> bit & 1 else 0
    return stem + "".join(digits[(check ^ 1) >> 5 * (5 - place) & 31] for place in range(6))


def test_keys_are_read_as_they_are_written(identity: X25519Identity) -> None:
    assert str(identity).startswith("AGE-SECRET-KEY-1")
    assert X25519Identity.parse(str(identity)) == identity
    assert X25519Recipient.parse(str(identity.recipient)) == identity.recipient
    assert hash(X25519Identity.parse(str(identity))) == hash(identity)
    assert identity != identity.recipient


def test_keys_of_the_wrong_kind_case_or_length_are_refused(identity: X25519Identity) -> None:
    public, secret = str(identity.recipient), str(identity)
    for text in (
        secret,
        public.upper(),
        f" {public}",
        public[:-1],
        encode_bech32("age", bytes(31)),
        "ssh-ed25519 AAAA",
    ):
        with pytest.raises(KeyRefused):
            X25519Recipient.parse(text)
    for text in (
        public,
        secret.lower(),
        f"{secret}\n",
        secret[:-1],
        encode_bech32("age-secret-key-", bytes(33)).upper(),
    ):
        with pytest.raises(KeyRefused):
            X25519Identity.parse(text)


@pytest.mark.parametrize("point", LOW_ORDER)
def test_points_of_low_order_are_refused(point: int, identity: X25519Identity) -> None:
    share = point.to_bytes(32, "little")
    with pytest.raises(KeyRefused, match="low order"):
        X25519Recipient(share)
    with pytest.raises(KeyRefused, match="low order"):
        X25519Recipient.parse(encode_bech32("age", share))
    forged = Stanza("X25519", (_unpadded(share),), bytes(32))
    with pytest.raises(HeaderRefused, match="low order"):
        identity.unwrap([forged])


def test_a_malformed_stanza_is_refused_even_behind_one_that_opens(
    identity: X25519Identity, random_bytes: Chance
) -> None:
    sound = identity.recipient.wrap(bytes(16), random_bytes)
    assert identity.unwrap([sound, sound]) == bytes(16)
    for args, size in (
        ((), 32),
        (sound.args * 2, 32),
        (sound.args, 31),
        (sound.args, 33),
        ((_unpadded(bytes(33)),), 32),
    ):
        with pytest.raises(HeaderRefused):
            identity.unwrap([sound, Stanza("X25519", args, bytes(size))])


def _unpadded(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


def test_secrets_do_not_show(identity: X25519Identity, random_bytes: Chance) -> None:
    secret, phrase = str(identity), "open sesame"
    shown = repr([identity, ScryptIdentity(phrase), ScryptRecipient(phrase), identity.recipient])
    assert phrase not in shown
    assert secret not in shown
    assert identity._key.private_bytes_raw().hex() not in shown
    assert str(identity.recipient) in shown
    for broken in (secret[:-1], secret[:-1] + "q", secret + "Q", secret.replace("1", "b", 1), secret.lower()):
        with pytest.raises(KeyRefused) as error:
            X25519Identity.parse(broken)
        assert not any(broken[at : at + 8] in f"{error.value} {error.value.hint}" for at in range(16, len(broken) - 8))
        assert error.value.__suppress_context__ or error.value.__context__ is None


def test_passphrases_and_work_factors_have_bounds() -> None:
    for make in (ScryptIdentity, ScryptRecipient):
        for phrase in ("", "\ud800"):
            with pytest.raises(KeyRefused, match="passphrase"):
                make(phrase)
    for factor in (0, -1, 23):
        with pytest.raises(ValueError, match="1 to 22"):
            ScryptRecipient("long enough", factor)
    assert ScryptRecipient("long enough").work_factor == 18


def test_a_stranger_cannot_make_us_compute(random_bytes: Chance) -> None:
    stanza = ScryptRecipient("long enough", 5).wrap(bytes(16), random_bytes)
    assert ScryptIdentity("long enough", 5).unwrap([stanza]) == bytes(16)
    with pytest.raises(HeaderRefused, match="work factor 5, at most 4"):
        ScryptIdentity("long enough", 4).unwrap([stanza])

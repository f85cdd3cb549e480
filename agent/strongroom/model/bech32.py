"""Bech32 (BIP 173) without its length limit, as age writes keys: one case, a checksum of six characters, no spare bits.

It is here because two packages that do not import each other read keys, the one that seals and the one that reads a
configuration: so a wrong character is found where it is written, and not when the first file is to be sealed. Refusals
never quote the text: it may be a secret key.
"""

from __future__ import annotations

_DIGITS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


class NotBech32(ValueError):
    """A text is not exactly Bech32; the message is a phrase for a person and never quotes it."""


def encode_bech32(prefix: str, data: bytes) -> str:
    """Write bytes as Bech32 in lower case; `prefix` is in lower case too."""
    values = _regroup(data, 8, 5, pad=True)
    checksum = _polymod(_expand(prefix) + values + [0] * _CHECKSUM) ^ 1
    values += [checksum >> 5 * (_CHECKSUM - 1 - place) & 31 for place in range(_CHECKSUM)]
    return f"{prefix}1{''.join(_DIGITS[value] for value in values)}"


def decode_bech32(text: str) -> tuple[str, bytes]:
    """Return the prefix in the case it came in, and the bytes; raise NotBech32 for anything not exactly Bech32."""
    if not text.isascii() or (text != text.lower() and text != text.upper()):
        raise NotBech32("a key is written in one case and plain ASCII, got a mixture")
    prefix, one, digits = text.rpartition("1")
    if not one or not prefix or len(digits) < _CHECKSUM or not all("!" <= letter <= "~" for letter in prefix):
        raise NotBech32("the text has not the form of a Bech32 key")
    try:
        values = [_VALUES[digit] for digit in digits.lower()]
    except KeyError:
        raise NotBech32("the key holds a character that Bech32 does not use") from None
    if _polymod(_expand(prefix.lower()) + values) != 1:
        raise NotBech32("the key's checksum does not match: a character is wrong or missing")
    return prefix, bytes(_regroup(values[:-_CHECKSUM], 5, 8, pad=False))


def _expand(prefix: str) -> list[int]:
    return [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate(_GENERATOR):
            if top >> bit & 1:
                check ^= term
    return check


def _regroup(values: bytes | list[int], size: int, into: int, *, pad: bool) -> list[int]:
    """Cut groups of `size` bits into groups of `into`; without `pad`, spare bits must be few and zero."""
    held, bits, groups = 0, 0, []
    for value in values:
        held, bits = held << size | value, bits + size
        while bits >= into:
            bits -= into
            groups.append(held >> bits)
            held &= (1 << bits) - 1
    if pad and bits:
        groups.append(held << into - bits)
    elif not pad and (bits >= size or held):
        raise NotBech32("the key has spare bits at its end that are not zero")
    return groups

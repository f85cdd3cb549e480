"""One person by their identifiers: telephone numbers, mail addresses and names, in every spelling of a record.

Two spellings of a number are the same where their digits are equal, or where one lacks the country code and has at
least nine digits: a shorter one may be of another person, and is only possible. A mail address compares whole, so that
joann@example.com is not ann@example.com. Everything else, such as a user name or an id, compares as whole words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from unicodedata import decimal

from msgspec import Struct

from strongroom.model.errors import UsageError
from strongroom.search.text import fold, phone_digits, same_phone

SAFE_DIGITS = 9  # of the shorter spelling of a number, from which on two spellings are of one person
_LONGEST_NUMBER = 15  # digits of a telephone number, after E.164
_FEWEST_LETTERS = 3

_HIDDEN = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"  # characters that do not show
_GAP = rf"[\s().\-/\u2010-\u2015\u2212\uff0e\uff0d\uff08\uff09{_HIDDEN}]"
# Bounded as addresses are (RFC 5321, section 4.5.3.1: 64 and 255 octets), with room for characters that do not show:
# without bounds, a long word such as a file in base64 would be read again from each of its letters.
_LABEL = rf"[\w\-{_HIDDEN}]{{1,255}}"
MAIL = rf"[\w.+\-'{_HIDDEN}]{{1,128}}(?:@|\uff20|%40){_LABEL}(?:[.\uff0e]{_LABEL}){{1,127}}"
NUMBER = rf"[+\uff0b]?\d(?:{_GAP}{{0,6}}\d){{6,}}"
_MAIL, _NUMBER = re.compile(MAIL), re.compile(NUMBER)
_FEWEST_SHARED = 7  # digits at the end of a number that every spelling of it has
_DIGITS = [f"[{digit}{chr(0x660 + digit)}{chr(0x6F0 + digit)}{chr(0x966 + digit)}]" for digit in range(10)]
_LETTERS = {"@": "(?:@|%40)", " ": r"\s+"}
_UNSEEN = re.compile(f"[{_HIDDEN}]")
_SCHEMES = re.compile(r"^(?:tel|sms|whatsapp|mailto|telegram|messenger|instagram|viber|signal):(?://)?")
_WHATSAPP = re.compile(r"@(?:s\.whatsapp\.net|c\.us)$")  # after a number, as WhatsApp's programs write it


class IdentifierKind(StrEnum):
    """What an identifier is, which says how it compares."""

    NUMBER = "number"
    MAIL = "mail"
    NAME = "name"  # a name, a user name, an id of a contact


class Identifier(Struct, frozen=True):
    """One identifier of a person."""

    text: str  # as it was given
    kind: IdentifierKind
    key: str  # what spellings of it share: digits without leading zeros, or the folded text

    def is_named(self, text: str) -> bool:
        """Say whether a whole value, such as a sender, is this identifier."""
        found = read_value(text)
        return (found is not None and self.is_same(found)) or self.is_in(text)

    def is_same(self, other: Identifier) -> bool:
        """Say whether another identifier is a spelling of this one."""
        if self.kind is not other.kind:
            return False
        return same_number(self.key, other.key) if self.kind is IdentifierKind.NUMBER else self.key == other.key

    def is_in(self, text: str) -> bool:
        """Say whether a text has this identifier somewhere."""
        if self.kind is IdentifierKind.NUMBER:
            return has_number(self.key, text)
        if self.kind is IdentifierKind.MAIL:
            return self.key in mails_in(text)
        return _word(self.key).search(_UNSEEN.sub("", fold(text))) is not None

    def may_be(self, text: str) -> bool:
        """Say whether a whole value may be this number, but lacks so many digits that it may be another one."""
        if self.kind is not IdentifierKind.NUMBER or self.is_named(text):
            return False
        return same_phone(self.key, phone_digits(fold(text)).lstrip("0"))

    @property
    def pattern(self) -> re.Pattern[str]:
        """Return what every folded text that has it matches, and others may as well."""
        if self.kind is IdentifierKind.NUMBER:
            return re.compile(rf"{_GAP}{{0,6}}".join(_DIGITS[int(digit)] for digit in self.key[-_FEWEST_SHARED:]))
        return re.compile(f"[{_HIDDEN}]*".join(_LETTERS.get(letter, re.escape(letter)) for letter in self.key))


def read_identifier(text: str) -> Identifier:
    """Read an identifier that a person typed. Raises UsageError for one that is empty or says too little."""
    found = read_value(text)
    if found is None:
        raise UsageError(
            f"{text.strip()[:40]!r} is too short to find a person by",
            hint="give a telephone number with its country code, a mail address, or a whole name",
        )
    return found


def read_value(text: str) -> Identifier | None:
    """Return what a whole value is as an identifier; None where it says too little."""
    folded = _SCHEMES.sub("", _UNSEEN.sub("", fold(text)).strip()).strip()
    digits = phone_digits(_WHATSAPP.sub("", folded))
    if digits.strip("0") and len(digits) <= _LONGEST_NUMBER + 2:
        return Identifier(text.strip(), IdentifierKind.NUMBER, digits.lstrip("0"))
    mails = mails_in(folded)
    if len(mails) == 1:
        return Identifier(text.strip(), IdentifierKind.MAIL, mails[0])
    name = folded.removeprefix("@")
    if len(name) < _FEWEST_LETTERS and name.isascii():
        return None
    return Identifier(text.strip(), IdentifierKind.NAME, name) if len(name) > 1 else None


def same_number(one: str, other: str) -> bool:
    """Say whether two numbers, as digits without leading zeros, are the same; one may lack its country code."""
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= SAFE_DIGITS and longer.endswith(shorter)


def has_number(key: str, text: str) -> bool:
    """Say whether a text has a telephone number, given its digits without leading zeros."""
    return any(_is_in_run(key, found[0]) for found in _NUMBER.finditer(text))


def _is_in_run(key: str, run: str) -> bool:
    """Say whether a number is in a row of digits with gaps, which may be one number or several things.

    What may be one number is compared whole; a part of it counts only if it is equal, since the end of a number of
    another country may be ours without its country code.
    """
    groups = re.findall(r"\d+", run)
    whole = digits_of(run).lstrip("0")
    if same_number(key, whole):
        return True
    compare = same_number if len(whole) > _LONGEST_NUMBER else str.__eq__
    return len(groups) > 1 and any(compare(key, part) for part in _parts(groups))


def _parts(groups: Sequence[str]) -> Iterator[str]:
    """Yield the digits of every few neighboring groups that can be a number."""
    for first in range(len(groups)):
        joined = ""
        for group in groups[first : first + _LONGEST_NUMBER + 3]:
            joined += digits_of(group)
            if len(joined) > _LONGEST_NUMBER + 2:
                break
            if len(joined) >= SAFE_DIGITS:
                yield joined.lstrip("0")


def mails_in(text: str) -> list[str]:
    """Return the folded mail addresses in a text."""
    return [mail_key(found[0]) for found in _MAIL.finditer(text)]


def mail_key(address: str) -> str:
    """Return what spellings of a mail address share."""
    return _UNSEEN.sub("", fold(address)).replace("%40", "@").strip(".'-+")


def digits_of(text: str) -> str:
    """Return the decimal digits of a text, of any script, as ASCII."""
    return "".join(str(decimal(each)) for each in text if each.isdecimal())


def names_one(identifiers: Sequence[Identifier], text: str) -> bool:
    """Say whether a whole value is one of these identifiers."""
    return any(each.is_named(text) for each in identifiers)


def _word(key: str) -> re.Pattern[str]:
    before = r"(?<!\w)" if key[:1].isalnum() and key.isascii() else ""
    after = r"(?!\w)" if key[-1:].isalnum() and key.isascii() else ""
    words = r"\s+".join(re.escape(word) for word in key.split())
    return re.compile(before + words + after)  # kept by the library's own cache

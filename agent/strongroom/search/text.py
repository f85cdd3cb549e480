"""Fold text so that two spellings of one thing are equal: letters, telephone numbers, mail addresses."""

from __future__ import annotations

import re
from unicodedata import is_normalized, normalize

FEWEST_DIGITS = 7  # of a telephone number: fewer than these say little about who it is

_PHONE = re.compile(r"\+?[\d\s().\-/]+")


def fold(text: str) -> str:
    """Return the text in one form for comparison: compatibility forms (NFKC) resolved, case removed.

    Follows "toNFKC_Casefold" of the Unicode Standard, section 3.13, but keeps what is ignorable by default.
    """
    if text.isascii():
        return text.lower()
    return normalize("NFKC", normalize("NFKC", text).casefold())


def fold_joined(texts: str, separator: str) -> str:
    """Return what `fold` returns, faster for many texts that were joined with a control character."""
    if texts.isascii():
        return texts.lower()
    if not is_normalized("NFKC", texts):  # mostly in a few of them
        parts = [part if part.isascii() else normalize("NFKC", part) for part in texts.split(separator)]
        texts = separator.join(parts)
    return normalize("NFKC", texts.casefold())


def phone_digits(folded: str) -> str:
    """Return the digits of a telephone number, without a leading 00; empty for anything else.

    The last digits of a number may begin with 00 as well: too few would be left without them.
    """
    text = folded.strip().removeprefix("tel:").removeprefix("whatsapp:")
    if not _PHONE.fullmatch(text):
        return ""
    digits = "".join(re.findall(r"\d", text))
    bare = digits.removeprefix("00")
    digits = bare if len(bare) >= FEWEST_DIGITS else digits
    return digits if len(digits) >= FEWEST_DIGITS else ""


def same_phone(one: str, other: str) -> bool:
    """Say whether two telephone numbers, as digits, can be the same: one may lack its country or area code."""
    return bool(one) and bool(other) and (one.endswith(other) or other.endswith(one))

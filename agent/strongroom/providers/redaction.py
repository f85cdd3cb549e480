"""Redaction: what a provider or a library says is cleaned before a person or a log sees it.

Gone are the secrets handed in, bearer tokens, and everything after the path of any address: a query may be a token.
Every pattern here looks ahead a bounded number of characters, so the time grows with the text and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "[hidden]"

_ADDRESS = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{1,20}://)(?:[^\s/@?#\"'<>]*@)?([^\s?#\"'<>]*)(?:[?#][^\s\"'<>]*)?")
_SCHEME = re.compile(r"\b(bearer|basic)\s+(?=[^\s\"',;]*[0-9._~+/=-])[^\s\"',;]{6,}", re.IGNORECASE)
_PAIR = re.compile(
    r"(?<![A-Za-z0-9])(token|signature|sig|secret|password|key|api-?key|credential|authorization)"
    r"(\"?\s{0,9}(?:=|:(?=[\s\"]{0,9}[^\s,;]{0,256}[0-9]))\s{0,9}\"?)(?!\[hidden\])[^\s&\"',;]{4,}",
    re.IGNORECASE,
)
_SHORTEST = 4


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without the secrets (also percent-encoded), tokens and queries of addresses.

    A secret shorter than four characters is not looked for: it would blot out half of any sentence.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN).replace(quote(secret, safe=""), HIDDEN)
    text = _ADDRESS.sub(r"\1\2", text)
    text = _PAIR.sub(rf"\1\2{HIDDEN}", text)
    return _SCHEME.sub(rf"\1 {HIDDEN}", text)


def plain_words(text: object, secrets: Iterable[str] = (), limit: int = 200) -> str:
    """Return foreign text as one printable, redacted line of at most `limit` characters; empty when it is no text."""
    if not isinstance(text, str):
        return ""
    visible = "".join(char if char.isprintable() else " " for char in text[: limit * 50])
    line = redact(" ".join(visible.split()), secrets)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"

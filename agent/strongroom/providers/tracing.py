"""What a person sees of a request and its answer: no credential, no token, no query of a link, and not too much."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress

from strongroom.model.provider import Exchange
from strongroom.providers.addresses import Link
from strongroom.providers.answers import HIDDEN, ApiResponse, redact

_SHOWN = 4_000  # characters of a body
_NAMED = ("content-type", "content-length", "location", "link", "retry-after", "x-ratelimit-remaining", "date")
_LINKS = re.compile(r"(https?://[^/?#\s>]+)[^\s>]*", re.IGNORECASE)
_LINK = re.compile(r"https?://[^/?#\s]+", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9_+/=.~-]{24,}")


def trace_call(method: str, link: Link, payload: bytes | None, reply: ApiResponse) -> Exchange:
    """Return one call of the API. The queries of its own path stay: a manifest has no credential in them."""
    sent = None if payload is None else _parsed(payload)
    return Exchange(method, link.target, sent, reply.status, named_headers(reply.headers), _shown(reply))


def named_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer that a manifest may name, and of addresses only the host."""
    shown = {name: redact(headers[name]) for name in _NAMED if name in headers}
    return {name: _LINKS.sub(rf"\1/{HIDDEN}", value) for name, value in shown.items()}


def _parsed(payload: bytes) -> object:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")  # a form: its credential is in a header


def _shown(reply: ApiResponse) -> str:
    text = reply.body.decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(_hidden(json.loads(text)), indent=2, ensure_ascii=False)
    text = redact(text, reply.secrets)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\n… ({len(text):,} characters in all)"


def _hidden(value: object, name: str = "") -> object:
    """Return a value without texts that are named like a token, and of links only the host: a path may be one, too."""
    if isinstance(value, dict):
        return {key: _hidden(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each, name) for each in value]
    if isinstance(value, str) and (link := _LINK.match(value)):
        return f"{link[0]}/{HIDDEN}"
    secret = re.search("token|secret|password|signature|credential", name, re.IGNORECASE)
    return HIDDEN if isinstance(value, str) and secret and _TOKEN.search(value) else value

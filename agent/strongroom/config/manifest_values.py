"""Turns single values of a manifest into ours: each function takes what the parser gave, or raises Unfit.

Two things can stand in no manifest: a secret, and a way out. Requests go below the provider's own address, by paths
that no part of an answer can lead elsewhere; keys and headers that are named like a credential are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from strongroom.config.addresses import is_private, parse_base_url
from strongroom.config.problem import Unfit, describe, quote, suggest
from strongroom.config.reader import Parse
from strongroom.config.values import parse_zone
from strongroom.model.expression import BadExpression, compile_expression
from strongroom.model.manifest_words import TextForm

PLACEHOLDERS = ("lower", "upper", "dataset", "datasets")
PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")
_IN_PATHS = ("id", "dataset")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%{}/-]*", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]{1,80}", re.ASCII)
_VALUE = re.compile(r"[ -~]{1,500}", re.ASCII)
_SECRET = re.compile(
    r"(?:.*[_-])?(?:api[_-]?key|token|secret|password|passphrase|credential|authorization|signature|sig|key)s?"
    r"|.*(?:apikey|secret|password|(?:access|auth|api)token)s?",
    re.IGNORECASE,
)
_LIKE_A_KEY = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_+/=.~-]{24,}")
_OURS = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "host", "forwarded", "user-agent", "expect", "upgrade"),
        *("content-length", "content-type", "content-encoding", "accept-encoding", "transfer-encoding"),
        *("connection", "te", "trailer", "range", "if-range"),
    }
)
"""Headers that the program sends itself, or that would change whom a request reaches."""
_LONGEST, _DEEPEST = 8_000, 8


def _line(what: str, longest: int = 300) -> Parse:
    def parse(value: object) -> str:
        if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > longest:
            raise Unfit(f"{what} on one line", describe(value))
        return value

    return parse


def parse_path(value: object) -> str:
    """Take a path below the provider's address."""
    expected = "a path below base_url, such as /v1/exports"
    if not isinstance(value, str) or not value.startswith("/"):
        raise Unfit(expected, describe(value), "it begins with /" if isinstance(value, str) else "")
    if "?" in value or "#" in value:
        raise Unfit(expected, "a path with a query or fragment", "write a query under query")
    parts = unquote(unquote(value)).split("/")[1:]
    if value.startswith("//") or "\\" in unquote(value) or ".." in parts or "." in parts:
        raise Unfit(expected, "a path that leads elsewhere")
    if not _PATH.fullmatch(value) or len(value) > 500 or not _sound_braces(value):
        raise Unfit(expected, describe(value))
    _check_placeholders(value, _IN_PATHS)
    return value


def _sound_braces(text: str) -> bool:
    return not set("{}") & set(PLACEHOLDER.sub("", text))


def _check_placeholders(text: str, known: tuple[str, ...]) -> None:
    for name in PLACEHOLDER.findall(text):
        if name not in known:
            listed = ", ".join("{" + each + "}" for each in known)
            raise Unfit(f"a known placeholder ({listed})", "{" + name + "}", suggest(name, known))


def parse_address(value: object) -> str:
    """Take the address of an API on the public internet; a source may name one that is not."""
    found = parse_base_url(value)
    if is_private(found):
        raise Unfit(
            "a public address", "one that is not on the public internet", "a source can name it as its base_url"
        )
    return found


def parse_expression(value: object) -> str:
    """Take a JMESPath expression that is bounded."""
    if not isinstance(value, str):
        raise Unfit("a JMESPath expression such as data.id", describe(value))
    try:
        compile_expression(value)
    except BadExpression as error:
        raise Unfit("a JMESPath expression such as data.id", describe(value), str(error)) from None
    return value


def parse_header(value: object) -> str:
    """Take the name of a header that a request may have."""
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise Unfit("the name of an HTTP header", describe(value))
    if value.lower() in _OURS:
        raise Unfit("another header", quote(value), "the program sends this header itself")
    return value


def parse_member(value: object) -> str:
    """Take the name of a file inside a ZIP."""
    if not isinstance(value, str) or not re.fullmatch(r"[^/\\\x00-\x1f]{1,200}", value) or value.strip(".") == "":
        raise Unfit("the name of a file inside the ZIP, without folders", describe(value))
    return value


def parse_status(value: object) -> int:
    """Take an HTTP status."""
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise Unfit("an HTTP status from 200 to 599", describe(value))
    return value


FORMS: Mapping[TextForm, Parse] = MappingProxyType(
    {
        TextForm.LINE: _line("text"),
        TextForm.WORD: _line("a word of the provider's", 1_000),
        TextForm.ADDRESS: parse_address,
        TextForm.PATH: parse_path,
        TextForm.EXPRESSION: parse_expression,
        TextForm.HEADER: parse_header,
        TextForm.MEMBER: parse_member,
        TextForm.ZONE: parse_zone,
        TextForm.FIELD: _line("the name of a field"),
    }
)


def parse_template(where: str) -> Callable[[str, object], Any]:
    """Return what takes the value of a key in a body, a query or the fixed headers of a request."""
    return _parse_fixed_header if where == "headers" else _parse_query if where == "query" else _parse_body


def _parse_fixed_header(name: str, value: object) -> str:
    parse_header(name)
    _refuse_secret_name(name)
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise Unfit("a line of plain characters", describe(value))
    _refuse_secret(value)
    return value


def _parse_query(name: str, value: object) -> Any:
    if isinstance(value, dict | list):
        raise Unfit("text or a number", describe(value))
    return _parse_body(name, value)


def _parse_body(name: str, value: object, depth: int = 0) -> Any:
    _refuse_secret_name(name)
    if depth > _DEEPEST:
        raise Unfit(f"at most {_DEEPEST} tables inside one another", "more")
    match value:
        case bool() | int() | float():
            return value
        case str() if len(value) <= _LONGEST:
            _check_placeholders(value, PLACEHOLDERS)
            _refuse_secret(value)
            return value
        case list():
            return [_parse_body("", item, depth + 1) for item in value]
        case dict():
            return {key: _parse_body(key, item, depth + 1) for key, item in value.items()}
        case _:
            raise Unfit("text, a number, true, false, a list or a table", describe(value))


def _refuse_secret_name(name: str) -> None:
    if _SECRET.fullmatch(name):
        raise Unfit(
            "no credential in a manifest", f"the key {quote(name)}", "[auth] says how the source's api_key is sent"
        )


def _refuse_secret(text: str) -> None:
    if _LIKE_A_KEY.fullmatch(text.strip()):
        raise Unfit("no secret in a manifest", describe(text), "[auth] says how the source's api_key is sent")

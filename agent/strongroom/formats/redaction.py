"""Redact a record: a new one in which fields and patterns are replaced, made anew so that nothing of them is left.

The replacement has a fixed text, which shows neither length nor equality. Nothing is cut out of the delivered bytes:
the record is decoded, changed and written again. A text that is itself JSON is redacted as such. Where a pattern is
found only after Unicode, HTML or URL escapes are resolved, the whole value is replaced: its place cannot be named.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote_plus

from msgspec import Struct

from strongroom.formats.exact_json import Number, decode_exact, pretty
from strongroom.formats.plaintext import Unreadable

_DEEPEST = 60  # levels; what lies deeper is replaced as a whole where there is any rule


class RedactionRule(Struct, frozen=True):
    """What to replace: fields by name at any depth, or by a path such as `contact.email`; what a pattern matches."""

    name: str  # shown in place of what was there
    fields: frozenset[str] = frozenset()  # in small letters
    pattern: re.Pattern[str] | None = None

    @property
    def mask(self) -> str:
        """Return what is shown instead."""
        return f"[redacted: {self.name}]"


class RedactedRecord(Struct, frozen=True):
    """A record after redaction."""

    line: bytes  # JSON on one line; the given bytes where no rule applies
    rules: tuple[str, ...]  # the names of the rules that applied, sorted; empty where nothing was replaced


def redact(line: bytes, rules: Sequence[RedactionRule]) -> RedactedRecord:
    """Return a record, given as a JSON object, with what the rules name replaced.

    Raises Unreadable (json-too-deep) for nesting at the limit of what can be read at all.
    """
    if not rules:
        return RedactedRecord(line, ())
    applied: set[str] = set()
    changed = _redact_value(decode_exact(line), rules, applied, ())
    if not applied:
        return RedactedRecord(line, ())
    text = pretty(changed, lines=False)
    return RedactedRecord(text.encode("utf-8", "replace"), tuple(sorted(applied)))


def redact_text(text: str, rules: Iterable[RedactionRule], applied: set[str] | None = None) -> str:
    """Return a text with what the patterns match replaced; `applied` takes the names of the rules that did."""
    applied = set() if applied is None else applied
    for rule in rules:
        if rule.pattern is None:
            continue
        found = len(rule.pattern.findall(text))
        if any(len(rule.pattern.findall(plain)) > found for plain in resolved_forms(text)):
            applied.add(rule.name)
            return rule.mask
        if found:
            applied.add(rule.name)
            text = rule.pattern.sub(rule.mask.replace("\\", "\\\\"), text)
    return text


def resolved_forms(text: str) -> set[str]:
    """Return what a reader may make of a text: escapes resolved, compatible signs replaced, hidden ones left out."""
    forms = {unicodedata.normalize("NFKC", text)}
    if "&" in text:
        forms.add(html.unescape(text))
    if "%" in text:
        forms.add(unquote_plus(text))
    if not text.isascii():
        forms.add("".join(sign for sign in text if unicodedata.category(sign) != "Cf"))
    return forms - {text}


def _redact_value(value: Any, rules: Sequence[RedactionRule], applied: set[str], path: tuple[str, ...]) -> Any:
    if len(path) > _DEEPEST:
        applied.update(rule.name for rule in rules)
        return rules[0].mask
    if isinstance(value, dict):
        return _redact_object(value, rules, applied, path)
    if isinstance(value, list):
        return [_redact_value(each, rules, applied, path) for each in value]
    if isinstance(value, Number):
        text = redact_text(value, rules, applied)
        return value if text == value else text
    return _redact_string(value, rules, applied, path) if isinstance(value, str) else value


def _redact_object(
    value: dict[str, Any], rules: Sequence[RedactionRule], applied: set[str], path: tuple[str, ...]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, each in value.items():
        inner = (*path, name.lower())
        rule = next((rule for rule in rules if {inner[-1], ".".join(inner)} & rule.fields), None)
        key = redact_text(name, rules, applied)
        while key in found:
            key += "'"
        if rule is None or each in (None, ""):
            found[key] = _redact_value(each, rules, applied, inner)
        else:
            applied.add(rule.name)
            found[key] = rule.mask
    return found


def _redact_string(text: str, rules: Sequence[RedactionRule], applied: set[str], path: tuple[str, ...]) -> str:
    """Redact a text; one that is JSON is decoded first, since its escapes hide what a pattern would find."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            inner = decode_exact(b'{"":%b}' % text.encode("utf-8", "surrogatepass"))[""]
        except ValueError:
            return redact_text(text, rules, applied)
        except Unreadable:
            applied.update(rule.name for rule in rules)
            return rules[0].mask
        within: set[str] = set()
        changed = _redact_value(inner, rules, within, (*path, ""))
        applied |= within
        return pretty(changed, lines=False) if within else text
    return redact_text(text, rules, applied)

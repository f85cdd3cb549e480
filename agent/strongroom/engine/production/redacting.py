"""Records with redactions: new bytes, and the salted digest of those that were delivered.

A plain digest would let anybody with the production try guesses, such as every telephone number, until one fits. So it
is salted with the salt of the archive, which lies in the sealed key file: whoever holds the identity can show later
what a record said, and that it was this.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from strongroom.age.keys import X25519Identity
from strongroom.engine.core.identities import unlock
from strongroom.engine.production.selection import SelectedRecord
from strongroom.formats.exact_json import Delivered, decode_exact
from strongroom.formats.records import record_name
from strongroom.formats.redaction import RedactionRule, redact
from strongroom.model.archive import Archive
from strongroom.model.errors import UsageError
from strongroom.vault.vault import Vault

_NAME = re.compile(r"[\w -]{1,40}")


class Redactor:
    """Applies rules to the records of archives, which come one archive after another."""

    def __init__(self, vault: Vault, identities: Sequence[X25519Identity], rules: Sequence[RedactionRule]) -> None:
        self._vault, self._identities, self.rules = vault, identities, rules
        self._archive, self._salt = "", b""

    def redact(self, record: SelectedRecord) -> SelectedRecord:
        """Return a record as it may be shown; the same where no rule applies."""
        line = record.delivered.line if self.rules else b""
        made = redact(line, self.rules)
        if not made.rules:
            return record
        shape = next(each for each in record.archive.expectation.datasets if each.name == record.dataset)
        before, fields = record.delivered.exact, decode_exact(made.line)
        same_id, same_time = (fields.get(name) == before.get(name) for name in (shape.id_field, shape.time_field))
        original = hmac.new(self._salt_of(record.archive), hashlib.sha256(line).digest(), hashlib.sha256)
        return replace(
            record,
            delivered=Delivered(fields, record.delivered.time if same_time else None, made.line),
            id=record_name(fields, shape) if same_id else "",
            at=record.at if same_time else None,
            redactions=made.rules,
            original=original.hexdigest(),
        )

    def _salt_of(self, archive: Archive) -> bytes:
        if self._archive != archive.id:
            self._archive, self._salt = archive.id, unlock(self._vault, archive, self._identities).salt
        return self._salt


class _Rule(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    fields: tuple[str, ...] = ()
    pattern: str = ""
    ignore_case: bool = False


class _Rules(Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[_Rule, ...]


def read_rules(path: Path) -> list[RedactionRule]:
    """Read the rules of a TOML file. Raises UsageError with what is wrong in it."""
    try:
        rules = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _Rules)
        found = [_read_rule(each) for each in rules.rule]
    except OSError as error:
        raise UsageError(f"the rules {path} cannot be read: {error.strerror}", hint="see --redact") from None
    except (ValueError, re.error) as error:  # also of msgspec and tomllib
        raise UsageError(
            f"the rules {path} are not valid: {error}", hint="see docs/productions.md, Redaction"
        ) from None
    if not found:
        raise UsageError(f"{path} has no rule", hint="see docs/productions.md, Redaction")
    return found


def _read_rule(rule: _Rule) -> RedactionRule:
    if not _NAME.fullmatch(rule.name):
        raise ValueError(f"the name {rule.name!r} must have 1 to 40 letters, digits, blanks and hyphens")
    if not rule.fields and not rule.pattern:
        raise ValueError(f"the rule {rule.name!r} has neither fields nor a pattern")
    pattern = re.compile(rule.pattern, re.IGNORECASE if rule.ignore_case else re.NOFLAG) if rule.pattern else None
    if pattern is not None and pattern.search("") is not None:
        raise ValueError(f"the pattern of the rule {rule.name!r} matches an empty text")
    return RedactionRule(rule.name, frozenset(each.lower() for each in rule.fields), pattern)


def rules_document(rules: Sequence[RedactionRule]) -> list[dict[str, object]]:
    """Return the rules as a production names them; a pattern may have what it hides, so only that there is one."""
    return [{"name": each.name, "fields": sorted(each.fields), "pattern": each.pattern is not None} for each in rules]

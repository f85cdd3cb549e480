"""Retention rules: the classes of the configuration are adopted by the vault, and a period is only ever extended.

The rule of an archive is fixed when the archive is made. In lock mode, which cannot be undone, a class is never made
shorter and a stream keeps the longest class that it ever named. Otherwise a change applies to new archives only.

Archives of versions before 0.4 count their period in UTC. It is extended to the calendar of their stream once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.destruction import PROGRAM, Person
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.model.retention import (
    NAMED_BY,
    RetentionRecord,
    RetentionRule,
    class_names,
    end_of,
    is_shorter,
    longest,
)
from strongroom.model.retention import Fate as Fate  # the steps of a destruction name it from here
from strongroom.model.times import format_instant
from strongroom.vault.archives import readable_archives
from strongroom.vault.catalogue import FACT, PUT_FACT, Catalogue
from strongroom.vault.log import add_entry
from strongroom.vault.logged_policy import logged_policy
from strongroom.vault.manifest_schema import rule_body
from strongroom.vault.retention_records import (
    classes_of_stream,
    get_classes,
    get_record,
    lengthen,
    put_class,
    put_stream_class,
    records,
)
from strongroom.vault.rows import leaving_out
from strongroom.vault.vault import Vault

LOCKED = "lock"  # the fact that holds since when
UNWANTED = "lock-unwanted"  # the configuration says otherwise


class Policy(Struct, frozen=True):
    """What a configuration says about retention."""

    classes: tuple[RetentionRule, ...]
    streams: tuple[tuple[str, str], ...]  # a stream, and the classes it names
    lock: bool = False


def is_locked(vault: Vault) -> bool:
    """Return whether the vault is in lock mode, which is never left."""
    return _fact(vault.catalogue, LOCKED) != ""


def is_lock_unwanted(vault: Vault) -> bool:
    """Return whether the vault is in lock mode although the configuration no longer asks for it."""
    return is_locked(vault) and _fact(vault.catalogue, UNWANTED) != ""


def adopt_policy(vault: Vault, policy: Policy, now: datetime) -> None:
    """Adopt what the configuration says, and log what is new.

    Raises UsageError, having changed nothing, where the vault is or becomes locked and a class would become shorter.
    """
    catalogue = vault.catalogue
    with catalogue.transaction():
        logged = logged_policy(catalogue)
        with leaving_out():  # an unreadable row is written again: the log decides
            known = {**logged.classes, **get_classes(catalogue)}
        changed = [rule for rule in policy.classes if {known.get(rule.name), logged.classes.get(rule.name)} != {rule}]
        if logged.locked or policy.lock or _fact(catalogue, LOCKED):
            for rule in changed:
                _refuse_shorter(rule, logged.classes.get(rule.name, known.get(rule.name)))
        wrote = _lock(catalogue, policy, now, logged=logged.locked)
        before = {rule.name: old for rule in changed if (old := _before(rule, known, logged.classes)) is not None}
        wrote = _record_changes(catalogue, policy, changed, before, now) or wrote
    if wrote:
        vault.write_log()


def _before(
    rule: RetentionRule, known: dict[str, RetentionRule], logged: dict[str, RetentionRule]
) -> RetentionRule | None:
    """Return the former rule of a class: its row, or the log where the row is the new rule already."""
    row = known.get(rule.name)
    return logged.get(rule.name) if row == rule else row


def _refuse_shorter(new: RetentionRule, old: RetentionRule | None) -> None:
    if old is None or not is_shorter(new, old):
        return
    raise UsageError(
        f"retention class {new.name} would become shorter: it was {old.words}, and is now {new.words}",
        hint="in lock mode a period can only be extended: restore the old period, or rename the new class",
    )


def _lock(catalogue: Catalogue, policy: Policy, now: datetime, *, logged: bool) -> bool:
    row = _fact(catalogue, LOCKED)
    unwanted = "yes" if (row or logged) and not policy.lock else ""
    if unwanted != _fact(catalogue, UNWANTED):
        catalogue.write(PUT_FACT, UNWANTED, unwanted)
    if not row and (logged or policy.lock):
        catalogue.write(PUT_FACT, LOCKED, format_instant(now))
    if row or logged or not policy.lock:
        return False
    add_entry(catalogue, Entry(EntryKind.VAULT_LOCKED, now))
    return True


def _record_changes(
    catalogue: Catalogue,
    policy: Policy,
    changed: Iterable[RetentionRule],
    known: dict[str, RetentionRule],
    now: datetime,
) -> bool:
    before: dict[str, Fact] = {}
    after: dict[str, Fact] = {}
    for rule in changed:
        put_class(catalogue, rule, now)
        after[rule.name] = {**rule_body(rule)}
        if (old := known.get(rule.name)) is not None:
            before[rule.name] = {**rule_body(old)}
    streams: dict[str, Fact] = {}
    for stream, names in policy.streams:
        fresh: list[Fact] = [name for name in class_names(names) if put_stream_class(catalogue, stream, name)]
        if fresh:
            streams[stream] = fresh
    facts = {"before": before, "now": after, "streams": streams}
    changes: dict[str, Fact] = {name: {**fact} for name, fact in facts.items() if fact}
    if changes:
        add_entry(catalogue, Entry(EntryKind.RETENTION_CHANGED, now, facts=changes))
    return bool(changes)


def with_rule(catalogue: Catalogue, archive: Archive, zone: str = "UTC") -> Archive:
    """Return a new archive with its retention rule: of all the classes that apply, the one that ends last.

    Its period is counted on the calendar of `zone`, the IANA name of the stream's time zone. Without a rule where the
    vault does not know a class: the archive is then retained until a person decides.
    """
    names, logged = class_names(archive.retention), logged_policy(catalogue)
    if logged.locked or _fact(catalogue, LOCKED):
        ever = (*logged.streams.get(archive.stream, ()), *classes_of_stream(catalogue, archive.stream))
        names = tuple(dict.fromkeys([*names, *ever]))
    known = {**get_classes(catalogue), **logged.classes}
    if not names or not known.keys() >= set(names):
        return archive
    rules = (replace(known[name], zone=zone) for name in names)
    rule = longest(rules, archive.spec.window, archive.verified_at)
    return replace(archive, retention=NAMED_BY.join(names), rule=rule)


class Extended(Struct, frozen=True):
    """One archive whose retention was extended."""

    archive: str
    before: datetime | None  # None where no rule was known
    until: datetime
    rule: RetentionRule


def extend(
    vault: Vault, archives: Iterable[Archive], class_name: str, by: Person, reason: str, now: datetime
) -> list[Extended]:
    """Apply a longer class to archives of the vault. All of them, or UsageError and none.

    An archive without a recorded rule accepts only the class that it names itself: any other could be shorter.
    """
    catalogue = vault.catalogue
    if not reason.strip():
        raise UsageError("a reason is missing", hint="give one with --reason; the log records it")
    with catalogue.transaction():
        rule = get_classes(catalogue).get(class_name)
        if rule is None:
            known = ", ".join(get_classes(catalogue)) or "none yet; the next run adopts those of the configuration"
            raise UsageError(f"the vault has no retention class {class_name}", hint=f"known classes: {known}")
        done = [_extend(catalogue, archive, rule, by, reason, now) for archive in archives]
        if not done:
            raise UsageError("there is no archive to extend", hint="see: strongroom archives")
    vault.write_log()
    return done


def extendable(vault: Vault, stream: str, class_name: str) -> list[Archive]:
    """Return the archives of a stream that the class would retain longer than now."""
    catalogue, found = vault.catalogue, []
    rule = get_classes(catalogue).get(class_name)
    if rule is None:
        return []
    for record in records(catalogue, stream):
        archive = next(readable_archives(catalogue, [] if record.destroyed else [record.id]), None)
        if archive is None:
            continue
        own = record.until is None and class_name in class_names(record.retention)
        until = end_of(_on_calendar_of(archive, rule), archive.spec.window, archive.verified_at)
        if own or (record.until is not None and until > record.until):
            found.append(archive)
    return found


def _extend(
    catalogue: Catalogue, archive: Archive, rule: RetentionRule, by: Person, reason: str, now: datetime
) -> Extended:
    record = get_record(catalogue, archive.id)
    if record is None or record.destroyed:
        raise UsageError(f"archive {archive.id} is destroyed, or being destroyed", hint="see: strongroom archives")
    rule = _on_calendar_of(archive, rule)
    until = end_of(rule, archive.spec.window, archive.verified_at)
    if record.until is None and rule.name not in class_names(archive.retention):
        raise UsageError(
            f"archive {archive.id} has no recorded rule and is retained forever; {rule.name} could only shorten that",
            hint=f"apply its own class, {archive.retention}",
        )
    if record.until is not None and until <= record.until:
        raise UsageError(
            f"archive {archive.id} is retained until {record.until:%Y-%m-%d}; {rule.name} would retain it only until "
            f"{until:%Y-%m-%d}",
            hint="periods can only be extended: choose a longer class",
        )
    lengthen(catalogue, archive, rule)
    facts: dict[str, Fact] = {"by": by.token, "rule": {**rule_body(rule)}, "until": format_instant(until)}
    if record.until is not None:
        facts["before"] = format_instant(record.until)
    add_entry(catalogue, Entry(EntryKind.RETENTION_EXTENDED, now, "", archive.id, archive.stream, facts, reason))
    return Extended(archive.id, record.until, until, rule)


def _on_calendar_of(archive: Archive, rule: RetentionRule) -> RetentionRule:
    return rule if archive.rule is None else replace(rule, zone=archive.rule.zone)


def _fact(catalogue: Catalogue, name: str) -> str:
    row = catalogue.read_one(FACT, name)
    return str(row["value"]) if row else ""


_ADOPTED = "periods-in-zones"  # the fact that holds since when
_WORDS = "its period is counted on the calendar of its stream's time zone"


def adopt_zones(vault: Vault, zones: Mapping[str, str], now: datetime) -> int:
    """Extend and log, once, each period that ends later in its stream's zone (IANA name); return how many."""
    catalogue = vault.catalogue
    if catalogue.read_one(FACT, _ADOPTED) is not None:
        return 0
    with catalogue.transaction():
        later = [each for stream, zone in zones.items() if zone != "UTC" for each in _later(catalogue, stream, zone)]
        for record, archive, rule in later:
            lengthen(catalogue, archive, rule)
            until = end_of(rule, archive.spec.window, archive.verified_at)
            facts: dict[str, Fact] = {
                "by": PROGRAM.token,
                "rule": {**rule_body(rule)},
                "until": format_instant(until),
                "before": format_instant(record.until or until),
            }
            add_entry(catalogue, Entry(EntryKind.RETENTION_EXTENDED, now, "", record.id, record.stream, facts, _WORDS))
        catalogue.write(PUT_FACT, _ADOPTED, format_instant(now))
    if later:
        vault.write_log()
    return len(later)


def _later(catalogue: Catalogue, stream: str, zone: str) -> Iterator[tuple[RetentionRecord, Archive, RetentionRule]]:
    for record in records(catalogue, stream):
        if record.destroyed or record.rule is None or record.until is None or record.rule.zone != "UTC":
            continue
        rule = replace(record.rule, zone=zone)
        for archive in readable_archives(catalogue, [record.id]):
            if end_of(rule, archive.spec.window, archive.verified_at) > record.until:
                yield record, archive, rule

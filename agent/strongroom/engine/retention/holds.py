"""Legal holds: placing and releasing them, both by a person with a reason and logged, and what they hold.

A hold applies to present and future archives from the moment it is placed, but not to an archive whose destruction has
begun. So placing one returns how many archives are on hold.

The log entry contains the matter and the reason sealed to the vault's recipients. An identity restores them when the
catalogue is rebuilt, and nobody else learns from the log what a hold is about.

A misspelled name would match nothing, and nobody would notice. So each name in a hold or an erasure request must be
known to the configuration or the vault, and names that are used together must belong together. They are compared
without case, and with accents in any Unicode form.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from strongroom.config.schema import Config
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.destruction import PROGRAM, DestructionStep, Person, move
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import SealError, UsageError
from strongroom.model.hold import Hold, HoldRule, catches
from strongroom.model.names import Noun, fold_name, make_id, nearest_words, pick_name
from strongroom.model.retention import Fate
from strongroom.model.times import Chance, format_instant
from strongroom.vault.archives import get_archive
from strongroom.vault.catalogue import Catalogue, find_by_prefix
from strongroom.vault.checkpoints import LoggedLine, entries_matching
from strongroom.vault.destructions import planned_for_retention, put_plan_item
from strongroom.vault.holds import (
    get_hold,
    holds,
    holds_on,
    listed_holds,
    put_hold,
    release_hold,
    with_names,
)
from strongroom.vault.log import add_entry
from strongroom.vault.log_reader import readable
from strongroom.vault.recipients import known_set, logged_set
from strongroom.vault.retention_records import get_record, known_streams, records
from strongroom.vault.vault import Vault

if TYPE_CHECKING:
    from strongroom.age.keys import X25519Identity


def archives_under(vault: Vault, matter: str) -> list[Archive]:
    """Return the archives under the active holds of a matter, oldest first. Raises UsageError without a hold."""
    known = holds(vault.catalogue)
    active = [hold for hold in known if fold_name(hold.matter) == fold_name(matter)]
    if not active:
        raise UsageError(
            f"the matter {matter!r} has no active hold",
            hint=nearest_words(matter, (hold.matter for hold in known)),
        )
    caught = [
        record.id
        for record in records(vault.catalogue)
        if not record.destroyed and any(catches(hold, record) for hold in active)
    ]
    return [archive for each in caught if (archive := get_archive(vault.catalogue, each)) is not None]


def hold_entries(vault: Vault) -> dict[str, list[LoggedLine]]:
    """Return the log entries about each hold, by its id."""
    found: dict[str, list[LoggedLine]] = {}
    for entry in entries_matching(vault.catalogue, kind="hold"):
        found.setdefault(str(entry.body["facts"].get("hold", "")), []).append(entry)
    return found


def export_entries(vault: Vault) -> dict[str, list[LoggedLine]]:
    """Return the log entries about exports of an archive's key, by the archive's id."""
    found: dict[str, list[LoggedLine]] = {}
    for entry in entries_matching(vault.catalogue, kind="keys"):
        for archive in entry.body["facts"].get("archives", []):
            found.setdefault(archive, []).append(entry)
    return found


def holds_over(vault: Vault, archive: Archive) -> list[str]:
    """Return the ids of the holds that an archive is under now."""
    return [hold.id for hold in holds_on(vault.catalogue, archive)]


LONGEST = 200  # characters of a matter or a reason


class Caught(Struct, frozen=True):
    """A hold, and the number of archives that are under it now."""

    hold: Hold
    archives: int


def place(
    vault: Vault, matter: str, rule: HoldRule, by: Person, reason: str, now: datetime, random_bytes: Chance
) -> Caught:
    """Place a hold. Raises UsageError where the matter or the reason is missing or not one short line."""
    _need(matter, "the matter", "--matter")
    _need(reason, "a reason", "--reason")
    hold = Hold(make_id(now, random_bytes), matter.strip(), rule, now, _signature(by), reason.strip())
    (hold,) = with_names(vault.catalogue, [hold])
    with vault.catalogue.transaction():
        put_hold(vault.catalogue, hold)
        facts: dict[str, Fact] = {"hold": hold.id, "by": by.token, **_rule_facts(rule)}
        facts |= sealed_words(vault.catalogue, hold, random_bytes)
        add_entry(
            vault.catalogue, Entry(EntryKind.HOLD_PLACED, now, facts=facts, words=f"{hold.matter}: {hold.reason}")
        )
        _exclude_from_plans(vault.catalogue, hold, now)
    vault.write_log()
    return Caught(hold, count_caught(vault, hold))


def foresee(vault: Vault, rule: HoldRule, now: datetime) -> int:
    """Return how many archives a hold with this rule would cover now; nothing is written."""
    (hold,) = with_names(vault.catalogue, [Hold("", "", rule, now, "", "")])
    return count_caught(vault, hold)


def release(vault: Vault, hold_id: str, by: Person, reason: str, now: datetime) -> Hold:
    """Release an active hold. Raises UsageError where no hold has that id, or it was released before."""
    _need(reason, "a reason", "--reason")
    catalogue = vault.catalogue
    with catalogue.transaction():
        hold = get_hold(catalogue, hold_id)
        if hold is None:
            raise UsageError(f"no hold has the id {hold_id}", hint="see: strongroom hold list")
        if not release_hold(catalogue, hold.id, now, _signature(by), reason.strip()):
            raise UsageError(f"hold {hold.id} is already released", hint="see: strongroom hold list --all")
        facts: dict[str, Fact] = {"hold": hold.id, "by": by.token}
        add_entry(catalogue, Entry(EntryKind.HOLD_RELEASED, now, facts=facts, words=f"{hold.matter}: {reason.strip()}"))
    vault.write_log()
    return get_hold(catalogue, hold.id) or hold


def _exclude_from_plans(catalogue: Catalogue, hold: Hold, now: datetime) -> None:
    """Exclude archives under a new hold from their destruction plans; in the plan of an erasure request they wait.

    At once and for good: it must not depend on the time of a release what is destroyed.
    """
    for each in planned_for_retention(catalogue):
        record = get_record(catalogue, each.archive)
        if record is None or not catches(hold, record):
            continue
        reason = f"on hold for the matter {hold.matter}"
        put_plan_item(catalogue, move(each, DestructionStep.SPARED, now, reason))
        facts: dict[str, Fact] = {"proposal": each.proposal, "fate": Fate.HELD.value, "hold": hold.id}
        add_entry(catalogue, Entry(EntryKind.DESTRUCTION_SPARED, now, archive=each.archive, facts=facts, words=reason))


def repeat_hold(
    catalogue: Catalogue, hold: Hold, rule: HoldRule, noun: Noun, now: datetime, random_bytes: Chance
) -> None:
    """Place a hold of the same matter with another rule, as the program, unless there is one; in a transaction."""
    if any(each.matter == hold.matter and each.rule == rule for each in holds(catalogue)):
        return
    reason = f"as hold {hold.id}, whose {noun} was renamed: {hold.reason}"[:LONGEST]
    again = Hold(make_id(now, random_bytes), hold.matter, rule, now, _signature(PROGRAM), reason)
    put_hold(catalogue, again)
    facts: dict[str, Fact] = {"hold": again.id, "by": PROGRAM.token, **_rule_facts(rule)}
    facts |= sealed_words(catalogue, again, random_bytes)
    add_entry(catalogue, Entry(EntryKind.HOLD_PLACED, now, facts=facts, words=f"{again.matter}: {again.reason}"))


def note_caught(catalogue: Catalogue, archive: Archive, now: datetime) -> None:
    """Log which active holds a new archive is under; inside the transaction that records it."""
    caught: list[Fact] = [hold.id for hold in holds_on(catalogue, archive)]
    if caught:
        add_entry(catalogue, Entry(EntryKind.HOLD_CAUGHT, now, "", archive.id, archive.stream, {"holds": caught}))


def count_caught(vault: Vault, hold: Hold) -> int:
    """Return the number of archives that are under an active hold."""
    return sum(catches(hold, record) and not record.destroyed for record in records(vault.catalogue))


def list_holds(vault: Vault, *, matter: str = "", everything: bool = False) -> list[Hold]:
    """Return the active holds, or with `everything` the released ones too; oldest first."""
    found = listed_holds(vault.catalogue, active=not everything)
    return [hold for hold in found if matter in ("", hold.matter)]


def find_hold(vault: Vault, part: str) -> Hold:
    """Return the hold whose id is, begins or ends with what a person typed. Raises UsageError."""
    ids: Sequence[str] = find_by_prefix(vault.catalogue, "holds", part) if part else ()
    if len(ids) > 1:
        raise UsageError(f"{part!r} matches several holds: {', '.join(ids)}", hint="type more of the id")
    hold = get_hold(vault.catalogue, ids[0]) if ids else None
    if hold is None:
        raise UsageError(f"no hold has an id like {part!r}", hint="see: strongroom hold list")
    return hold


def _need(text: str, what: str, option: str) -> None:
    """Refuse empty words, and words that could fill or forge lines of an evidence package."""
    line = text.strip()
    if not line:
        raise UsageError(f"{what} is missing", hint=f"give it with {option}")
    if len(line) > LONGEST or not line.isprintable():
        raise UsageError(
            f"{what} must be one line of at most {LONGEST} characters", hint=f"give a shorter one with {option}"
        )


def _signature(by: Person) -> str:
    return f"{by.name} ({by.token})"


def _rule_facts(rule: HoldRule) -> dict[str, Fact]:
    archives: list[Fact] = [*rule.archives]
    facts: dict[str, Fact] = {
        "source": rule.source,
        "stream": rule.stream,
        "dataset": rule.dataset,
        "start": format_instant(rule.start) if rule.start else "",
        "end": format_instant(rule.end) if rule.end else "",
        "archives": archives,
    }
    return {name: fact for name, fact in facts.items() if fact}


SEALED_ENTRIES = """
SELECT seq, line FROM entries
WHERE kind = 'hold.placed' AND EXISTS (SELECT 1 FROM holds WHERE matter = ?) ORDER BY seq
"""
NAME_MATTER = "UPDATE holds SET matter = ?, reason = ? WHERE id = ? AND matter = ?"
PUT_WORDS = "UPDATE entries SET words = ? WHERE seq = ?"

SEALED = "(name sealed)"
"""Shown for a matter, or a reason, that is not opened yet."""


def sealed_words(catalogue: Catalogue, hold: Hold, random_bytes: Chance) -> dict[str, Fact]:
    """Return matter and reason as a fact that only the vault's recipients can open; none without recipients."""
    from strongroom.age.keys import X25519Recipient  # slow to import: lists of holds do without
    from strongroom.age.writer import seal_bytes

    keys = logged_set(catalogue) or {each.key for each in known_set(catalogue)}
    if not keys:
        return {}
    words = json.dumps({"matter": hold.matter, "reason": hold.reason}).encode()
    sealed = seal_bytes(words, [X25519Recipient.parse(key) for key in sorted(keys)], random_bytes)
    return {"sealed": base64.b64encode(sealed).decode()}


def open_matters(catalogue: Catalogue, identities: Sequence[X25519Identity]) -> int:
    """Restore the matters and reasons of holds that an identity opens; return how many. Inside a transaction.

    Anyone who wrote the log line wrote these words: they change what people read, and nothing else.
    """
    opened = 0
    for row in catalogue.read(SEALED_ENTRIES, SEALED) if identities else ():
        with readable(row["line"]):
            facts = json.loads(row["line"])["facts"]
            words = _open(facts, identities) if "sealed" in facts else None
            if words is not None and catalogue.write(NAME_MATTER, *words, facts["hold"], SEALED):
                catalogue.write(PUT_WORDS, ": ".join(words), row["seq"])
                opened += 1
    return opened


def _open(facts: Mapping[str, Any], identities: Sequence[X25519Identity]) -> tuple[str, str] | None:
    from strongroom.age.writer import open_bytes

    try:
        words = json.loads(open_bytes(base64.b64decode(facts["sealed"], validate=True), identities))
    except SealError:
        return None
    matter, reason = str(words["matter"]), str(words["reason"])
    return (matter, reason) if matter.isprintable() and reason.isprintable() else None


class Named(Struct, frozen=True):
    """One stream, as configured or as an archive names it."""

    source: str
    stream: str
    datasets: tuple[str, ...]
    configured: bool = False


def known_names(config: Config, vault: Vault) -> list[Named]:
    """Return every stream of the configuration and of the archives, and every source without a stream."""
    configured = [Named(each.source, each.name, each.datasets, configured=True) for each in config.streams]
    bare = [Named(each.name, "", (), configured=True) for each in config.sources]
    return [*configured, *bare, *(Named(*each) for each in known_streams(vault.catalogue))]


def resolve_scope(known: Iterable[Named], rule: HoldRule) -> HoldRule:
    """Return the rule with each name as it is spelled where it is known.

    Raises UsageError for an unknown name, with the nearest known one, and for names that do not belong together.
    """
    known = list(known)
    source = _resolve("source", rule.source, (each.source for each in known))
    stream = _resolve("stream", rule.stream, (each.stream for each in known))
    dataset = _resolve("dataset", rule.dataset, (name for each in known for name in each.datasets))
    if not any(_fits(each, source, stream, dataset) for each in known):
        given = {"source": source, "stream": stream, "dataset": dataset}
        words = ", ".join(f"{noun} {name}" for noun, name in given.items() if name)
        raise UsageError(
            f"{words} do not belong together: this would match no archive, now or later",
            hint="to see which stream belongs to which source, run: strongroom config show",
        )
    return replace(rule, source=source, stream=stream, dataset=dataset)


def unconfigured(config: Config, rule: HoldRule) -> str:
    """Return a name of a hold that is no longer in the configuration; empty where all of them are."""
    known = [Named(each.source, each.name, each.datasets) for each in config.streams]
    for noun, name, names in (
        ("source", rule.source, [each.name for each in config.sources]),
        ("stream", rule.stream, [each.stream for each in known]),
        ("dataset", rule.dataset, [name for each in known for name in each.datasets]),
    ):
        if name and fold_name(name) not in map(fold_name, names):
            return f"{noun} {name}"
    return ""


def _fits(each: Named, source: str, stream: str, dataset: str) -> bool:
    wrong = (source and each.source != source) or (stream and each.stream != stream)
    return not wrong and (not dataset or dataset in each.datasets)


def _resolve(noun: str, name: str, names: Iterable[str]) -> str:
    return pick_name(noun, name, names, "the configuration or the vault") if name else ""

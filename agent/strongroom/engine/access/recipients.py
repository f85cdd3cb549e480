"""The public keys that new archives are sealed to: each change of the set is logged and raises an alert.

New archives are sealed to the recipients in the configuration. Anyone who can write it could add a key of their own and
read all later archives, so the vault remembers the last set and compares it at every start and every check.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import TYPE_CHECKING

from msgspec import Struct

from strongroom.engine.core.alert_store import reconcile
from strongroom.engine.core.identities import public_key
from strongroom.evidence.line import Entry, Fact
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.model.text import counted
from strongroom.model.times import Chance, format_instant
from strongroom.vault.log import add_entry, require_current
from strongroom.vault.recipients import (
    RecipientRecord,
    all_recipients,
    change_set,
    count_held,
    keys_in,
    known_set,
    last_drills,
    logged_set,
    mark_proven,
    replay_recipients,
    sealed_sets,
    sets_with,
    short_key,
    stale_archives,
)
from strongroom.vault.vault import Vault

if TYPE_CHECKING:
    from strongroom.age.keys import X25519Identity

LONGEST_LABEL = 60  # characters
SHOWN = 12  # characters that a key begins with in the list: less may be a typing error, or match by accident


class RecipientChange(Struct, frozen=True):
    """How the set of recipients differs from the one before."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


class RecipientStatus(Struct, frozen=True):
    """One recipient, and what it can do."""

    recipient: RecipientRecord
    configured: bool  # new archives are sealed to it
    opens: int  # archives whose key file is sealed to it now
    drilled_at: datetime | None  # when its identity last passed a recovery drill
    unseen: bool = False  # the vault never had it in force: its recipient's `since` says nothing


def change_of(vault: Vault, configured: Sequence[str]) -> RecipientChange | None:
    """Compare the configured set with the one that the vault has seen; None where they are equal.

    A vault that has seen none takes the one that its log began with, or failing that the configured one.
    """
    if not all_recipients(vault.catalogue):
        with vault.catalogue.transaction():
            if not all_recipients(vault.catalogue):
                replay_recipients(vault.catalogue)
    known = _in_force(vault)
    if known == set(configured):
        return None
    return RecipientChange(tuple(sorted(set(configured) - known)), tuple(sorted(known - set(configured))))


def _in_force(vault: Vault) -> frozenset[str]:
    """Return the current set by the log; by the rows, which nothing confirms, only if the log has none."""
    logged = logged_set(vault.catalogue)
    return frozenset(each.key for each in known_set(vault.catalogue)) if logged is None else logged


def note_recipients(
    vault: Vault, configured: Sequence[str], now: datetime, *, label: str = "", reason: str = "", noticed: str = ""
) -> RecipientChange | None:
    """Log the change and raise an alert when the configured set differs from the vault's; return what changed.

    `noticed` is how the vault learned of it: empty if it found the configuration changed. A vault that never had a set
    just takes this one: that is no change.
    """
    if not configured or (change := change_of(vault, configured)) is None:
        return None
    new = sorted(set(configured))
    with vault.catalogue.transaction():
        old = sorted(_in_force(vault))
        if old == new:  # another process was quicker, and has logged it
            return None
        change_set(vault.catalogue, new, now, label=label, reason=reason)
        if old:
            facts: dict[str, Fact] = {"old": [*old], "new": [*new], "noticed": noticed or "configuration"}
            words = "; ".join(filter(None, (label, reason)))
            add_entry(vault.catalogue, Entry(EntryKind.RECIPIENTS_CHANGED, now, facts=facts, words=words))
    if not old:
        return None
    reconcile(vault, [_alarm(change, now, noticed)], now, whole=False)
    vault.write_log()
    return change


def require_changeable(vault: Vault) -> None:
    """Raise VaultError where no change can be entered, before the configuration is changed."""
    require_current(vault.catalogue)


def prove(vault: Vault, key: str, identities: Sequence[X25519Identity], random_bytes: Chance, now: datetime) -> None:
    """Have a challenge for this public key opened, and record it. Raises UsageError when it is not opened."""
    require_proof(key, identities, random_bytes)
    with vault.catalogue.transaction():
        mark_proven(vault.catalogue, key, now)
        add_entry(vault.catalogue, Entry(EntryKind.RECIPIENT_PROVEN, now, facts={"recipient": key}))
    vault.write_log()


def require_proof(key: str, identities: Sequence[X25519Identity], random_bytes: Chance) -> None:
    """Seal a challenge to this public key and open it with the identities. Raises UsageError when they do not."""
    from strongroom.age.keys import X25519Recipient  # here and below: lists of recipients do without cryptography
    from strongroom.age.stanza import NoMatch
    from strongroom.age.writer import open_bytes, seal_bytes

    challenge = random_bytes(32)
    try:
        opened = open_bytes(seal_bytes(challenge, [X25519Recipient.parse(key)], random_bytes), identities)
    except NoMatch:
        opened = b""
    if not compare_digest(opened, challenge):
        raise UsageError(
            f"the identity given does not belong to {short_key(key)}",
            hint="give the identity file whose public key this is: age-keygen -y FILE shows it",
        )


def require_sealable(recipients: Sequence[str], random_bytes: Chance) -> None:
    """Seal a probe to each of these public keys. Raises UsageError, naming the first, where that cannot be done."""
    from strongroom.age.writer import seal_bytes

    for text in recipients:
        try:
            seal_bytes(random_bytes(32), [public_key(text)], random_bytes)
        except UsageError as error:
            raise UsageError(
                f"nothing can be sealed to {text}: {error.message}",
                hint="put the public key of an identity of yours into [vault] recipients: age-keygen -y FILE shows it",
            ) from error


def require_keepers(vault: Vault, kept: Sequence[str], *, unproven: bool = False) -> None:
    """Refuse a set that could lock everyone out. Raises UsageError.

    An empty one always; one of which no key was ever shown to open anything unless `unproven` says that it may be.
    """
    if not kept:
        raise UsageError("this is the last key: without it nothing new could ever be opened", hint="add another first")
    proven = {each.key for each in all_recipients(vault.catalogue) if each.proven_at is not None}
    if not unproven and not proven & set(kept):
        raise UsageError(
            "no remaining key has been proven to open an archive",
            hint="prove one first: strongroom key drill --identity FILE, or --paper; or continue with --unproven",
        )


def read_label(text: str) -> str:
    """Return a label as it is kept. Raises UsageError where it could fill or break a table or the configuration."""
    label = text.strip()
    if len(label) > LONGEST_LABEL or not label.isprintable():
        words = f"a label is one printable line of at most {LONGEST_LABEL} characters"
        raise UsageError(words, hint="choose a shorter one with --label")
    return label


def named_recipient(vault: Vault, configured: Sequence[str], text: str) -> str:
    """Return the configured recipient that a person means: its key, as much of it as the list shows, or its label.

    Raises UsageError where that is none, several, or too little of a key to be no accident.
    """
    found = [
        each.recipient.key
        for each in recipient_statuses(vault, configured)
        if each.configured and (_is_begun_by(each.recipient.key, text) or text in {each.recipient.label} - {""})
    ]
    if len(found) != 1:
        what = "several of the vault's keys" if found else "none of the vault's keys"
        hint = f"give its whole label, or at least {SHOWN} characters of the key: strongroom key list"
        raise UsageError(f"this names {what}", hint=hint)
    return found[0]


def _is_begun_by(key: str, text: str) -> bool:
    head, _, tail = text.partition("…")
    return len(head) >= SHOWN and key.startswith(head) and key.endswith(tail)


def recipient_statuses(vault: Vault, configured: Sequence[str]) -> list[RecipientStatus]:
    """Return every recipient of today and of before, those in force first.

    Also those that the vault never saw in force: named by the configuration alone, or by what archives are sealed to.
    """
    drills, sets = last_drills(vault.catalogue), sealed_sets(vault.catalogue)
    known = {each.key: each for each in all_recipients(vault.catalogue)}
    unseen = {*configured, *keys_in(sets)} - set(known)
    recipients = [*known.values(), *(RecipientRecord(key, datetime.max.replace(tzinfo=UTC)) for key in unseen)]
    found = [
        RecipientStatus(
            each, each.key in configured, sum(sets_with(sets, each.key)), drills.get(each.key), each.key in unseen
        )
        for each in recipients
    ]
    return sorted(found, key=lambda each: (not each.configured, each.recipient.since, each.recipient.key))


def last_drill(vault: Vault) -> datetime | None:
    """Return when a recovery drill was last passed, with any identity."""
    return max(last_drills(vault.catalogue).values(), default=None)


def count_stale(vault: Vault, configured: Sequence[str]) -> int:
    """Return how many archives have a key file that is not sealed to exactly these public keys."""
    return len(stale_archives(vault.catalogue, configured))


def undrilled(vault: Vault, every: timedelta, now: datetime) -> list[RecipientRecord]:
    """Return the current recipients without a passed drill for longer than `every`, or since they were added.

    An empty vault has nothing to be drilled with.
    """
    if not count_held(vault.catalogue):
        return []
    drills = last_drills(vault.catalogue)
    return [each for each in known_set(vault.catalogue) if now - drills.get(each.key, each.since) > every]


def drill_alarms(vault: Vault, now: datetime, every: timedelta | None) -> list[Alert]:
    """Return a reminder when no recovery drill was passed for longer than `every`; nothing if that is None."""
    late = undrilled(vault, every, now) if every is not None else []
    if every is None or not late:
        return []
    count = counted(len(late), "key")
    title = f"no recovery drill was passed with {count} of the vault for more than {counted(every.days, 'day')}"
    body = f"keys {', '.join(each.short for each in late)}; prove each with: strongroom key drill"
    return [Alert(AlertKind.DRILL, Level.WARNING, title, body)]


def _alarm(change: RecipientChange, now: datetime, noticed: str) -> Alert:
    parts = []
    if change.added:
        parts.append(f"{len(change.added)} added")
    if change.removed:
        parts.append(f"{len(change.removed)} removed")
    title = f"the keys that open new archives were changed: {', '.join(parts)}"
    changes = [
        *(f"added {short_key(key)}" for key in change.added),
        *(f"removed {short_key(key)}" for key in change.removed),
    ]
    how = "by strongroom key" if noticed else "in the configuration"
    body = f"{how}: {', '.join(changes)}; if nobody you know did this, stop the daemon and see: strongroom key list"
    level = Level.CRITICAL if change.added else Level.WARNING
    return Alert(f"{AlertKind.RECIPIENTS} {format_instant(now)}", level, title, body)

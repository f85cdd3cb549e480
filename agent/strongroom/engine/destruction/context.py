"""What every step of a destruction needs: the vault, the clock, and the rules of [destruction].

Anyone who can write the configuration could name an approver of their own, or require only one person, and change it
back after the destruction. So each change of the rules is logged and raises an alert. The configuration is compared
with the chained log, never with a row, at each start and reload and before each step. A vault begins with the defaults.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta

from msgspec import Struct, field

from strongroom.config.schema import Config
from strongroom.engine.copies.removal import CopyRemoval
from strongroom.engine.core.alert_store import reconcile
from strongroom.engine.retention.verdicts import Judge, judge_anew
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.note import Signer
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.model.archive import Tombstone
from strongroom.model.entry_kind import EntryKind
from strongroom.model.text import counted
from strongroom.model.times import Chance, Clock, format_duration, format_instant
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log import add_entry, select_entries
from strongroom.vault.log_reader import is_in_chain, readable
from strongroom.vault.vault import Vault


class DestructionRules(Struct, frozen=True):
    """The rules of [destruction]. For an existing proposal they can only become stricter."""

    people: int = 2  # different people that a destruction requires, including the proposer
    cooling_off: timedelta = timedelta(days=7)
    approvers: tuple[str, ...] = ()  # public note keys; where there are any, one of them signs each approval


class DestructionContext(Struct, frozen=True):
    """Where destructions are proposed, approved and carried out."""

    vault: Vault
    clock: Clock  # the vault's own time, which never runs backwards
    random_bytes: Chance
    rules: DestructionRules = field(default_factory=DestructionRules)
    signer: Callable[[], Signer | None] = lambda: None  # asked when the first certificate is written
    judge: Judge = judge_anew
    require_time: Callable[[], None] = lambda: None  # raises WorldError as long as the time cannot be trusted
    require_calm: Callable[[], None] = lambda: None  # raises WorldError while an alert about the time is active
    refuse_wrong_clock: Callable[[], None] = lambda: None  # raises WorldError while a provider says that it is wrong
    remove_from_copies: Callable[[Tombstone], CopyRemoval] = lambda _tombstone: CopyRemoval()
    crash_point: Callable[[str], None] = lambda _where: (
        None
    )  # called at each place where a crash would leave another state

    def log(
        self, kind: EntryKind, at: datetime, *, archive: str = "", stream: str = "", words: str = "", **facts: Fact
    ) -> None:
        """Enter an act into the evidence log; inside the act's own transaction. Facts without content are left out."""
        known = {name: fact for name, fact in facts.items() if fact not in ("", None, [])}
        add_entry(self.vault.catalogue, Entry(kind, at, archive=archive, stream=stream, facts=known, words=words))


def rules_of(config: Config) -> DestructionRules:
    """Return the rules in the configuration."""
    section = config.destruction
    return DestructionRules(section.people, section.cooling_off, section.approvers)


# The term is that of the index on exactly these entries.
RULES_ENTRIES = f"{select_entries('')} WHERE kind = 'destruction.rules-changed' ORDER BY seq DESC"

CHANGED = EntryKind.DESTRUCTION_RULES_CHANGED


def note_rules(vault: Vault, rules: DestructionRules, now: datetime) -> bool:
    """Log a change of the rules and raise an alert; return False if the log already has these rules."""
    rules = _sorted(rules)
    if logged_rules(vault.catalogue) == rules:
        return False
    with vault.catalogue.transaction():
        before = logged_rules(vault.catalogue)
        if before == rules:  # another process was quicker, and has raised the alert
            return False
        facts: dict[str, Fact] = {**_facts(rules), "before": _facts(before)}
        add_entry(vault.catalogue, Entry(CHANGED, now, facts=facts))
    reconcile(vault, [_alarm(before, rules, now)], now, whole=False)
    vault.write_log()
    return True


def logged_rules(catalogue: Catalogue) -> DestructionRules:
    """Return the current rules by the chained log, whatever rows say."""
    return next((rules for _seq, _at, rules in logged_changes(catalogue)), DestructionRules())


def logged_changes(catalogue: Catalogue) -> Iterator[tuple[int, str, DestructionRules]]:
    """Yield number, time and rules of each change in the chained log, newest first."""
    for row in catalogue.read(RULES_ENTRIES):
        if is_in_chain(row):
            with readable(row["line"]):
                body = json.loads(row["line"])
                yield int(row["seq"]), str(body["at"]), _rules(body["facts"])


def unconfirmed_changes(catalogue: Catalogue, configured: DestructionRules | None = None) -> Iterator[str]:
    """Yield what no log can prove: that each change of the rules, logged or not, was intended."""
    changes = list(logged_changes(catalogue))
    before = [*(rules for _seq, _at, rules in changes[1:]), DestructionRules()]
    for (seq, at, now), old in zip(changes, before, strict=False):
        weaker = f" ({', '.join(found)})" if (found := weakened(old, now)) else ""
        yield (
            f"that the change of [destruction] in entry {seq} of {at[:10]} was intended{weaker}: since then it takes "
            f"{rules_words(now)}"
        )
    logged = changes[0][2] if changes else DestructionRules()
    if configured is not None and _sorted(configured) != logged:
        yield (
            f"that an authorized person changed [destruction] in the configuration: the log requires "
            f"{rules_words(logged)}; the configuration requires {rules_words(configured)}"
        )


def weakened(before: DestructionRules, now: DestructionRules) -> list[str]:
    """Return, in words, each requirement that is weaker than before."""
    found = []
    if now.people < before.people:
        found.append(f"{counted(now.people, 'person', 'people')} instead of {before.people}")
    if now.cooling_off < before.cooling_off:
        found.append(
            f"a cooling-off of {format_duration(now.cooling_off)} instead of {format_duration(before.cooling_off)}"
        )
    if before.approvers and not now.approvers:
        found.append("approvals without a signature")
    elif before.approvers and set(now.approvers) - set(before.approvers):
        found.append(f"{counted(len(set(now.approvers) - set(before.approvers)), 'other approver')}")
    return found


def _alarm(before: DestructionRules, now: DestructionRules, at: datetime) -> Alert:
    weaker = weakened(before, now)
    title = "the configuration changed who may approve a destruction, how many people are required, or the cooling-off"
    body = (
        f"it now takes {rules_words(now)}; before: {rules_words(before)}. If nobody you know did this, stop the daemon "
    )
    body += "and check the plans: strongroom destroy list"
    return Alert(
        f"{AlertKind.APPROVERS} {format_instant(at)}", Level.CRITICAL if weaker else Level.WARNING, title, body
    )


def rules_words(rules: DestructionRules) -> str:
    """Return in words what a destruction requires."""
    signed = f", signed by one of {_names(rules.approvers)}" if rules.approvers else ", unsigned"
    return f"{counted(rules.people, 'person', 'people')}, a cooling-off of {format_duration(rules.cooling_off)}{signed}"


def _names(approvers: Collection[str]) -> str:
    return ", ".join("+".join(each.split("+")[:2]) for each in approvers)


def _sorted(rules: DestructionRules) -> DestructionRules:
    return DestructionRules(rules.people, rules.cooling_off, tuple(sorted(set(rules.approvers))))


def _facts(rules: DestructionRules) -> dict[str, Fact]:
    return {
        "people": rules.people,
        "cooling_off_seconds": int(rules.cooling_off.total_seconds()),
        "approvers": [*rules.approvers],
    }


def _rules(facts: dict[str, object]) -> DestructionRules:
    people, seconds, approvers = facts["people"], facts["cooling_off_seconds"], facts["approvers"]
    if not isinstance(people, int) or not isinstance(seconds, int) or not isinstance(approvers, list):
        raise TypeError
    return DestructionRules(people, timedelta(seconds=seconds), tuple(str(each) for each in approvers))

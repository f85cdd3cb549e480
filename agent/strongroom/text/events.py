"""What the entries of the evidence log mean, in a few words: for terminals, for papers and for the screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from strongroom.model.entry_kind import EntryKind
from strongroom.model.provider import shown_ref
from strongroom.model.times import parse_instant
from strongroom.text.times import utc_clock
from strongroom.text.units import number, short, size

if TYPE_CHECKING:
    from strongroom.engine.core.moments import Moment
    from strongroom.engine.proof.inclusion_proofs import LoggedLine

KINDS: Mapping[str, str] = MappingProxyType(
    {
        EntryKind.JOB_PLANNED: "planned",
        EntryKind.JOB_INTENDED: "asking the provider for an export",
        EntryKind.JOB_ACCEPTED: "the provider is preparing it",
        EntryKind.JOB_POSTPONED: "the provider asked to wait",
        EntryKind.JOB_REFUSED: "the provider refused",
        EntryKind.JOB_UNANSWERED: "no answer: looking at the provider's list before a retry",
        EntryKind.JOB_ADOPTED: "found on the provider's list and adopted",
        EntryKind.JOB_ABSENT: "the provider's list proves it was never made",
        EntryKind.JOB_INDISTINCT: "several exports could be ours",
        EntryKind.JOB_COMPLETED: "ready to download",
        EntryKind.JOB_OPENED: "downloading and sealing",
        EntryKind.JOB_LINK_DIED: "the link was dead: getting a fresh one",
        EntryKind.JOB_BROKEN: "the transfer broke: retrying",
        EntryKind.JOB_DURABLE: "stored: sealed and flushed to disk",
        EntryKind.JOB_PROVEN: "verified: read back and counted",
        EntryKind.JOB_REJECTED: "faulty: moved to quarantine",
        EntryKind.JOB_RESTARTED: "interrupted in the middle: starting over",
        EntryKind.JOB_DELAYED: "delayed",
        EntryKind.JOB_DIED: "this export can no longer be downloaded",
        EntryKind.JOB_RENEWED: "the provider is making the file of the same export again",
        EntryKind.JOB_LAPSED: "the provider will not make it again: a new export is needed",
        EntryKind.JOB_SUCCEEDED: "a new export replaces it",
        EntryKind.JOB_GIVEN_UP: "given up",
        EntryKind.JOB_RETRIED: "queued for another try",
        EntryKind.JOB_CANCELLED: "cancelled",
        EntryKind.VAULT_CREATED: "the vault was created",
        EntryKind.CHECKPOINT_SIGNED: "the log was signed",
        EntryKind.CHECKPOINT_SENT: "the checkpoint was sent off this machine",
        EntryKind.HANDOVER_MADE: "an evidence package was made",
        EntryKind.EXPORT_DELETED: "deleted at the provider, after it was archived",
        EntryKind.EXPORT_KEPT: "the provider keeps the export",
        EntryKind.VAULT_LOCKED: "lock mode is on for good: periods can only be extended",
        EntryKind.RETENTION_CHANGED: "the retention classes were changed",
        EntryKind.RETENTION_EXTENDED: "retention was extended",
        EntryKind.HOLD_PLACED: "a legal hold was placed",
        EntryKind.HOLD_RELEASED: "a legal hold was released",
        EntryKind.INDEX_FAILED: "its search segment could not be made",
        EntryKind.INDEX_SEALED: "its search segment was made",
        EntryKind.STREAM_RENAMED: "the stream was renamed",
        EntryKind.SOURCE_RENAMED: "the source was renamed",
        EntryKind.HOLD_CAUGHT: "on hold from its arrival",
        EntryKind.DESTRUCTION_PROPOSED: "archives are proposed for destruction",
        EntryKind.DESTRUCTION_APPROVED: "a destruction was approved",
        EntryKind.DESTRUCTION_UNDONE: "removed from the plan: not destroyed",
        EntryKind.DESTRUCTION_SPARED: "removed from the plan when judged again: not destroyed",
        EntryKind.DESTRUCTION_REFUSED: "a destruction was STOPPED: catalogue and log contradict each other",
        EntryKind.DESTRUCTION_BEGUN: "the destruction has begun",
        EntryKind.ARCHIVE_DESTROYED: "destroyed, with a certificate",
        EntryKind.ARCHIVE_BURIED: "was destroyed and restored from a copy: destroyed again",
        EntryKind.ERASURE_REQUESTED: "an erasure request was recorded",
        EntryKind.ERASURE_ANSWERED: "an erasure request was answered",
        EntryKind.SOURCE_PAUSED: "the source is paused",
        EntryKind.SOURCE_RESUMED: "the source was resumed",
        EntryKind.DESTRUCTION_RULES_CHANGED: "what the configuration requires before a destruction was changed",
        EntryKind.RECIPIENTS_CHANGED: "the keys that open new archives were changed",
        EntryKind.RECIPIENT_PROVEN: "the private key of a recipient was proven",
        EntryKind.KEY_RESEALED: "its key file was sealed to other keys",
        EntryKind.CASE_OPENED: "a case was created",
        EntryKind.CASE_CHANGED: "something was added to a case",
        EntryKind.SUBJECT_REQUESTED: "a person's request for their data was recorded",
        EntryKind.SUBJECT_CHANGED: "something was added to a person's request for their data",
        EntryKind.RECONCILE_MADE: "two streams were compared by ids",
        EntryKind.SEARCH_MADE: "a person searched the archives",
        EntryKind.PRODUCTION_MADE: "a production of records was made",
        EntryKind.REPORT_MADE: "a report was made",
        EntryKind.KEYS_EXPORTED: "keys of archives were exported",
        EntryKind.DRILL_PASSED: "a recovery drill was passed",
        EntryKind.DRILL_FAILED: "a recovery drill FAILED",
        EntryKind.SCRUB_FINISHED: "everything was read again",
        EntryKind.SCRUB_FOUND: "not what was archived",
        EntryKind.SCRUB_CLEARED: "found unchanged again",
        EntryKind.VAULT_REBUILT: "the catalogue was rebuilt",
        EntryKind.HISTORY_ACCEPTED: "a person accepted that the earlier history is lost",
        EntryKind.VAULT_ASIDES_SHREDDED: "older catalogues were overwritten and removed",
        EntryKind.LOG_REMADE: "the log file was missing and was rewritten",
        EntryKind.ARCHIVE_DAMAGED: "moved to quarantine: damaged",
        EntryKind.ARCHIVE_MISSING: "its manifest was missing when the catalogue was rebuilt",
        EntryKind.ARCHIVE_ADOPTED: "found in the vault and added to the catalogue",
        EntryKind.FILE_REWRITTEN: "a file beside the archives was rewritten",
        EntryKind.MANIFEST_REWRITTEN: "the manifest was rewritten",
        EntryKind.FILES_MOVED: "stray files were moved to quarantine",
        EntryKind.COPY_BEGUN: "a copy of the vault was started",
        EntryKind.COPY_FORGOTTEN: "a person recorded that a copy of the vault is gone",
        EntryKind.COPY_FOUND: "an object of a copy is damaged or missing",
        EntryKind.COPY_CLEARED: "an object of a copy is unchanged again",
        EntryKind.COPY_SCRUBBED: "a copy of the vault was read again",
        EntryKind.COPY_REPAIRED: "damage was repaired with a copy of the vault",
        EntryKind.COPY_REHEARSED: "a restore from a copy was rehearsed",
        EntryKind.VAULT_RESTORED: "the vault was restored from a copy",
        EntryKind.COVERAGE_LOST: "lost: the provider no longer has it",
        EntryKind.COVERAGE_RECONSIDERED: "not lost after all",
        EntryKind.COVERAGE_UNSETTLED: "had not settled when it was exported: it proves nothing about this time",
        EntryKind.EMPTY_DOUBTED: "empty, which is unusual: it is exported once more",
        EntryKind.EMPTY_CONFIRMED: "found empty again: accepted",
        EntryKind.EMPTY_REFUTED: "not empty: a later export found records",
        EntryKind.EMPTY_UNCONFIRMED: "the second look at an empty window could not be made",
        EntryKind.ARCHIVE_DIFFERS: "another export of the window has other counts",
        EntryKind.SNAPSHOT_TAKEN: "another copy; the one before it stays",
        EntryKind.REQUEST_ANSWERED: "a request was answered",
        EntryKind.SOURCE_ADDRESS: "the address of a source was recorded",
        EntryKind.CLOCK_CONFIRMED: "a provider confirmed the system clock",
        EntryKind.CLOCK_ACCEPTED: "a person accepted the system clock",
        EntryKind.SOURCE_HEADER_LEARNED: "learned whether the announced number of rows counts the header",
        EntryKind.SOURCE_RETENTION_TOLD: "learned how long the provider keeps records",
        EntryKind.SOURCE_RETENTION_CHANGED: "the provider changed how long it keeps records",
    }
)


def kind_words(kind: str) -> str:
    """Return what a kind of entry means; the kind itself if it is not known."""
    return KINDS.get(kind, kind)


def moment_words(moment: Moment) -> str:
    """Say what happened, with the facts that matter most in parentheses."""
    facts = main_facts(moment)
    return kind_words(moment.kind) + (f" ({facts})" if facts else "")


def main_facts(moment: Moment) -> str:
    """Write the facts of a moment that a person wants to see on one line."""
    return ", ".join([*_main_facts(moment), *([moment.words] if moment.words else [])])


def _main_facts(moment: Moment) -> Iterator[str]:
    facts = moment.facts
    if facts.get("cause"):
        yield f"cause {facts['cause']}"
    if facts.get("ref"):
        yield f"export {shown_ref(str(facts['ref']))}"
    if isinstance(length := facts.get("size"), int):
        yield size(length)
    if isinstance(counts := facts.get("records"), list):
        yield f"{' records, then '.join(map(str, counts))}"
    elif isinstance(counts, int):
        yield number(counts, "record")
    if isinstance(later := facts.get("next"), str):
        yield f"next at {utc_clock(parse_instant(later))}"
    for name in ("successor", "parent"):
        if facts.get(name):
            yield f"{name} {short(str(facts[name]))}"
    if moment.archive and moment.kind in (EntryKind.JOB_PROVEN, EntryKind.JOB_REJECTED):
        yield f"archive {short(moment.archive)}"


def entry_words(entry: LoggedLine) -> str:
    """Say what an entry records, with all of its facts."""
    facts = entry.body.get("facts")
    words = facts_words(facts) if isinstance(facts, dict) else ""
    return ", ".join(part for part in (kind_words(str(entry.body["kind"])), words) if part)


def facts_words(facts: Mapping[str, object]) -> str:
    """Write facts on one line; empty ones are left out."""
    return ", ".join(f"{name} {words}" for name, words in fact_pairs(facts))


def fact_pairs(facts: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return facts as pairs of name and words, by name; empty ones are left out."""
    pairs = ((name.replace("_", " "), value_words(facts[name])) for name in sorted(facts))
    return [(name, words) for name, words in pairs if words]


def value_words(value: object) -> str:
    """Write what a fact says as words: a list joined, a table as its names with their values."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        tables = any(isinstance(each, Mapping) for each in value)
        return ("; " if tables else ", ").join(filter(None, map(value_words, value)))
    if isinstance(value, Mapping):
        pairs = ((str(name), value_words(each)) for name, each in value.items())
        return "; ".join(f"{name}: {words}" for name, words in pairs if words)
    return "" if value is None else str(value)

"""What the entries of the evidence log mean, in a few words: for terminals, for papers and for the screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from strongroom.model.times import parse_instant
from strongroom.text.times import utc_clock
from strongroom.text.units import number, short, size

if TYPE_CHECKING:
    from strongroom.engine.core.moments import Moment
    from strongroom.engine.proof.inclusion_proofs import LoggedLine

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "job.planned": "planned",
        "job.intended": "asking the provider for an export",
        "job.accepted": "the provider is preparing it",
        "job.postponed": "the provider asked to wait",
        "job.refused": "the provider refused",
        "job.unanswered": "no answer: looking at the provider's list before a retry",
        "job.adopted": "found on the provider's list and adopted",
        "job.absent": "the provider's list proves it was never made",
        "job.indistinct": "several exports could be ours",
        "job.completed": "ready to download",
        "job.opened": "downloading and sealing",
        "job.link-died": "the link was dead: getting a fresh one",
        "job.broken": "the transfer broke: retrying",
        "job.durable": "stored: sealed and flushed to disk",
        "job.proven": "verified: read back and counted",
        "job.rejected": "faulty: moved to quarantine",
        "job.restarted": "interrupted in the middle: starting over",
        "job.delayed": "delayed",
        "job.died": "this export can no longer be downloaded",
        "job.renewed": "the provider makes the file of the same export again",
        "job.lapsed": "the provider will not make it again: a new export is needed",
        "job.succeeded": "a new export takes over",
        "job.given-up": "given up",
        "job.retried": "queued for another try",
        "job.cancelled": "cancelled",
        "vault.created": "the vault was created",
        "checkpoint.signed": "the log was signed",
        "checkpoint.sent": "the checkpoint was sent off this machine",
        "handover.made": "an evidence package was made",
        "export.deleted": "deleted at the provider, after it was archived",
        "export.kept": "the provider keeps the export",
        "vault.locked": "lock mode is on for good: periods can only be extended",
        "retention.changed": "the retention classes were changed",
        "retention.extended": "retention was extended",
        "hold.placed": "a legal hold was placed",
        "hold.released": "a legal hold was released",
        "stream.renamed": "the stream was renamed",
        "source.renamed": "the source was renamed",
        "hold.caught": "on hold from its arrival",
        "destruction.proposed": "archives are proposed for destruction",
        "destruction.approved": "a destruction was approved",
        "destruction.undone": "taken off the plan: not destroyed",
        "destruction.spared": "removed from the plan when judged again: not destroyed",
        "destruction.refused": "a destruction was STOPPED: catalogue and log contradict each other",
        "destruction.begun": "the destruction has begun",
        "archive.destroyed": "destroyed, with a certificate",
        "archive.buried": "was destroyed and restored from a copy: destroyed again",
        "erasure.requested": "an erasure request was recorded",
        "erasure.answered": "an erasure request was answered",
        "source.paused": "the source is paused",
        "source.resumed": "the source was resumed",
        "destruction.rules-changed": "what the configuration requires before a destruction was changed",
        "recipients.changed": "the keys that open new archives were changed",
        "recipient.proven": "the private key of a recipient was proven",
        "key.resealed": "its key file was sealed to other keys",
        "search.made": "a person searched the archives",
        "keys.exported": "keys of archives were exported",
        "drill.passed": "a recovery drill was passed",
        "drill.failed": "a recovery drill FAILED",
        "scrub.finished": "everything was read again",
        "scrub.found": "not what was archived",
        "scrub.cleared": "found unchanged again",
        "vault.rebuilt": "the catalogue was rebuilt",
        "history.accepted": "a person accepted that the earlier history is lost",
        "vault.asides-shredded": "older catalogues were overwritten and removed",
        "log.remade": "the log file was missing and was rewritten",
        "archive.damaged": "moved to quarantine: damaged",
        "archive.missing": "its manifest was missing when the catalogue was rebuilt",
        "archive.adopted": "found in the vault and added to the catalogue",
        "file.rewritten": "a file beside the archives was rewritten",
        "manifest.rewritten": "the manifest was rewritten",
        "files.moved": "stray files were moved to quarantine",
        "coverage.lost": "lost: the provider no longer has it",
        "coverage.reconsidered": "not lost after all",
        "coverage.unsettled": "had not settled when it was exported: it proves nothing about this time",
        "empty.doubted": "empty, which is unusual: it is exported once more",
        "empty.confirmed": "found empty again: accepted",
        "empty.refuted": "not empty: a later export found records",
        "empty.unconfirmed": "the second look at an empty window could not be made",
        "archive.differs": "another export of the window has other counts",
        "snapshot.taken": "another copy; the one before it stays",
        "request.answered": "a request was answered",
        "source.address": "the address of a source was recorded",
        "clock.confirmed": "a provider confirmed the system clock",
        "clock.accepted": "a person accepted the system clock",
        "source.header-learned": "learned whether the announced number of rows counts the header",
        "source.retention-told": "learned how long the provider keeps records",
        "source.retention-changed": "the provider changed how long it keeps records",
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
        yield f"export {facts['ref']}"
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
    if moment.archive and moment.kind in ("job.proven", "job.rejected"):
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

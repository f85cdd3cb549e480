"""A coverage statement: "no gap from A to B", or the list of gaps, in plain text that the agent signs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from strongroom.config.schema import Config
from strongroom.config.secrets import resolve
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.proof.checkpoints import Issuer
from strongroom.engine.proof.derived import coverage_differences
from strongroom.engine.queries.coverage_report import StreamCoverage
from strongroom.evidence.line import digest
from strongroom.evidence.note import Signer
from strongroom.model.coverage import HELD, Cover, joined, unheld
from strongroom.model.errors import UsageError, VaultError
from strongroom.model.plan import Stream
from strongroom.model.provider import COLLECTED
from strongroom.model.second_look import SecondLookOutcome, words_of
from strongroom.model.text import counted
from strongroom.model.times import format_instant
from strongroom.model.waiting import described_cause
from strongroom.model.window import Window, subtract
from strongroom.vault.log import LAST_ENTRY
from strongroom.vault.vault import Vault

TITLE = "strongroom coverage statement 2"
_HELD = (Cover.PROVEN, Cover.EMPTY)


def state_coverage(
    vault: Vault, streams: Sequence[StreamCoverage], period: Window, issuer: Issuer | None = None
) -> str:
    """Return the text of a statement about a period. It ends in a newline and is ready to be signed.

    Names of the issuer and of streams, instants, counts and the position of the log; no record and no name of a person.
    Archived, gap and destroyed lines together are the whole period of each stream: a verifier checks that.
    """
    issuer = issuer or Issuer()
    row = vault.catalogue.read_one(LAST_ENTRY)
    newest = newest_moments(vault, 1)
    lines = [
        TITLE,
        f"organization {issuer.organization}",
        f"vault {issuer.vault or 'not named'}",
        f"key {issuer.key or 'not named'}",
        f"from {format_instant(period.start)}",
        f"to {format_instant(period.end)}",
        f"log {row['seq']} {digest(row['line'])}" if row else "log 0",
        f"as of {format_instant(newest[0].at)}" if newest else "as of the beginning",
    ]
    for each in streams:
        lines += ["", *_stream(each, period, issuer)]
    lines += ["", *_MEANING]
    return "\n".join(lines) + "\n"


def require_confirmed(vault: Vault, streams: Mapping[str, Stream]) -> None:
    """Raise VaultError unless log and archives confirm the coverage that a statement is made from."""
    wrong = coverage_differences(vault, streams)
    if wrong:
        raise VaultError(
            f"no statement is signed: the evidence log does not confirm the coverage in the catalogue:"
            f" {wrong[0].where}: {wrong[0].message}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""),
            hint="run `strongroom audit verify`, then rebuild the catalogue: strongroom rebuild",
        )


def sign(text: str, config: Config) -> str:
    """Sign a statement with the agent's key. Raises UsageError when none is configured."""
    if config.vault.signing_key is None:
        raise UsageError(
            "the agent has no signing key", hint="set [vault] signing_key; `strongroom init` creates a key"
        )
    return Signer.parse(resolve(config.vault.signing_key).reveal()).sign(text)


def has_gap(streams: Sequence[StreamCoverage], period: Window) -> bool:
    """Say whether anything of the period is not held."""
    return any(_gaps(each, period) for each in streams)


def _stream(each: StreamCoverage, period: Window, issuer: Issuer) -> Iterator[str]:
    gaps = _gaps(each, period)
    archives = sum(interval.cover in _HELD for interval in each.intervals if interval.window.overlaps(period))
    yield f"stream {each.stream}: {'no gap' if not gaps else counted(len(gaps), 'gap')}, {counted(archives, 'archive')}"
    yield f"source account {issuer.account(each.source)}"
    if each.paged:
        yield f"collected {each.stream} {COLLECTED}"
    for held in _archived(each, period):
        yield f"archived {each.stream} {format_instant(held.start)} {format_instant(held.end)}"
    for gap, why in gaps:
        yield f"gap {each.stream} {format_instant(gap.start)} {format_instant(gap.end)} {why}"
    for gone, why in _destroyed(each, period):
        yield f"destroyed {each.stream} {format_instant(gone.start)} {format_instant(gone.end)} {why}"
    for look in each.looks:
        if look.outcome in (SecondLookOutcome.PENDING, SecondLookOutcome.UNCONFIRMED):
            yield (
                f"unconfirmed {each.stream} {format_instant(look.window.start)} {format_instant(look.window.end)}"
                f" archived as empty by one export: {words_of(look)}"
            )
    for blind in each.blind:
        for word, windows in (("open", blind.open), ("closed", blind.closed)):
            for window in windows:
                yield (
                    f"left out {each.stream} {format_instant(window.start)} {format_instant(window.end)} {word},"
                    f" {blind.spot.lacks}"
                )


def _archived(each: StreamCoverage, period: Window) -> list[Window]:
    """Return the time of which the vault has a verified copy, or has verified that there was nothing."""
    held = [interval.window for interval in each.intervals if interval.cover in _HELD]
    return subtract(period, subtract(period, held))


def _destroyed(each: StreamCoverage, period: Window) -> list[tuple[Window, str]]:
    """Return what was archived, was destroyed when its period was over, and is archived no more; and why."""
    reported = [*_archived(each, period), *(gap for gap, _why in _gaps(each, period))]
    pieces: list[tuple[Window, str]] = []
    for interval in each.intervals:
        window = interval.window.within(period)
        if interval.cover is Cover.DESTROYED and window is not None:
            found = subtract(window, reported)
            pieces += [(piece, interval.cause or "its time was over") for piece in found]
            reported += found
    return sorted(pieces)


def _gaps(each: StreamCoverage, period: Window) -> list[tuple[Window, str]]:
    """Return what was never archived, and why; what was archived and later destroyed is returned with it."""
    reported = joined(unheld(each.intervals, period))
    known = [interval.window for interval in each.intervals if interval.cover in HELD]
    nothing = subtract(period, known + [interval.window for interval in reported])
    gaps = [(gap.window, f"{gap.cover.words}, {described_cause(gap.cause)}".removesuffix(", ")) for gap in reported]
    return sorted([*gaps, *((window, "not held") for window in nothing)])


_MEANING = (
    "What this means: for the periods marked archived, the vault holds a copy of what the provider delivered, and",
    "every record of it was read and counted, or the provider delivered a complete export without records. For",
    "the periods marked gap it holds none, for the reason given. Periods marked destroyed were archived, and were",
    "destroyed under the retention rules. Records that the provider did not deliver cannot be covered by this",
    "statement. All times are UTC; the first time of a period belongs to it, the last does not.",
)

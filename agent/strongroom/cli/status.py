"""`strongroom status`: the vault at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from strongroom.cli.amounts import count_words, instant_words, short, size_words
from strongroom.cli.documents import status_document
from strongroom.cli.json_output import put_document
from strongroom.cli.leftout import past_unreadable
from strongroom.cli.options import json_option
from strongroom.cli.session import Session, pass_session
from strongroom.cli.table import render_fields
from strongroom.cli.terminal import clean, say, width
from strongroom.model.counts import counted
from strongroom.model.waiting import group_words

if TYPE_CHECKING:
    from datetime import timedelta

    from strongroom.engine.readings import Status


@click.command("status")
@json_option
@pass_session
def status(session: Session, as_json: bool) -> None:
    """Show the vault at a glance: what is held, covered, under way, missing and paused."""
    from strongroom.cli.audit import view_document, view_fields
    from strongroom.cli.keywords import drill_words
    from strongroom.cli.scrub import scrub_document, scrub_words
    from strongroom.cli.standing import disk_words, known_limits, standing_document, standing_fields
    from strongroom.engine.assembly import open_reading, system_clock
    from strongroom.engine.health.scrubview import pace_of, scrub_state
    from strongroom.engine.health.standing import standing_of
    from strongroom.engine.keys.recipients import last_drill
    from strongroom.engine.proof.notary import evidence_view
    from strongroom.engine.readings import status_of

    config = session.config()
    with past_unreadable(), open_reading(config) as vault:
        found = status_of(vault, system_clock())
        evidence = evidence_view(config, vault)
        scrubbed = scrub_state(vault, system_clock(), pace_of(config))
        drilled = last_drill(vault)
        # The adapters are slow to load, and a person is shown no quota here.
        standing = standing_of(vault, config, known_limits(config, vault) if as_json else {}, system_clock())
    silence = found.silence(system_clock())
    if as_json:
        beside = {
            "silent_seconds": silence.total_seconds() if silence is not None else None,
            "evidence": view_document(evidence),
            "scrub": scrub_document(scrubbed),
            "last_drill": drilled,
        }
        put_document(
            {"vault": str(config.vault.path), **status_document(found), **beside, **standing_document(standing)}
        )
        return
    drill = ("last drill", drill_words(drilled, system_clock()))
    beside_fields = [("scrub", scrub_words(scrubbed)), drill, *view_fields(evidence), *standing_fields(standing)]
    beside_fields.insert(0, ("disk free", disk_words(standing)))
    fields = [("vault", str(config.vault.path)), *_fields(found, silence), *beside_fields]
    for line in render_fields(fields, width()):
        say(line)


def _fields(found: Status, silence: timedelta | None) -> Iterator[tuple[str, str]]:
    from strongroom.engine.phrases import wish_words

    for holding, totals in found.archives.items():
        words = f"{counted(totals.count, 'archive')}, {counted(totals.records, 'record')}"
        yield holding, f"{words}, {size_words(totals.size)} as delivered, {size_words(totals.sealed_size)} on disk"
    yield "jobs", ", ".join(f"{count} {state}" for state, count in found.jobs.items()) or "none yet"
    for stream, covers in found.coverage.items():
        yield "coverage", f"{stream}: " + ", ".join(f"{count} {cover}" for cover, count in covers.items())
    for source in found.sources:
        if source.paused:
            yield "paused", f"{source.name}: {source.paused}"
    for name, why in found.paused_streams.items():
        yield "paused", clean(f"stream {name}: paused by {why}")
    for each in found.running:
        total = f" of {size_words(each.total)}" if each.total is not None else ""
        yield "running", f"{short(each.job)} {each.stage} {size_words(each.done)}{total}"
    for group in found.waits:
        yield "waiting", clean(group_words(group))
    for request in found.waiting:
        asked = f"asked by {request.by} on {instant_words(request.at)}, not answered yet"
        yield "waiting", clean(f"{wish_words(request)}: {asked}")
    silent = f"; it does not answer: silent for {count_words(round(silence.total_seconds()))} s" if silence else ""
    yield "in use by", (found.worked_on_by or "nobody") + silent
    yield "last entry", instant_words(found.last_entry) if found.last_entry else ""

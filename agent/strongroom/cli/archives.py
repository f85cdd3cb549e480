"""`strongroom archives`: what the vault holds, and all that is known of one archive without opening it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.documents import archive_document, verdict_document
from strongroom.cli.options import (
    OneOf,
    Session,
    WordOf,
    asked_stream,
    from_option,
    json_option,
    limit_option,
    pass_session,
    report_pending_renames,
    stretch,
    to_option,
)
from strongroom.cli.output import (
    TextColumn,
    hang,
    past_unreadable,
    put_document,
    render_fields,
    render_table,
    report_total,
)
from strongroom.cli.requests import regenerate
from strongroom.cli.terminal import clean, report, say_lines, width
from strongroom.model.archive import Archive, Holding, Seal, Sort
from strongroom.model.inspection import Finding
from strongroom.model.provider import shown_ref
from strongroom.model.retention import Verdict, class_names
from strongroom.text.times import utc, utc_minute, utc_window
from strongroom.text.units import number, short, size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from strongroom.engine.queries.lists import ArchiveFiles
    from strongroom.engine.retention.verdicts import DestroyedArchive

_ALL = 1 << 62
_COLUMNS = (
    TextColumn("ARCHIVE"),
    TextColumn("STREAM", least=8),
    TextColumn("WINDOW"),
    TextColumn("RECORDS", right=True),
    TextColumn("SIZE", right=True),
    TextColumn("VERIFIED"),
    TextColumn("STATE", least=4),
)


@click.group("archives", invoke_without_command=True)
@click.option("--stream", default="", help="Only archives of this stream.")
@click.option("--holding", type=WordOf(Holding), default=None, help="Only in this state.")
@click.option(
    "--sort",
    type=OneOf([each.value for each in Sort]),
    default=None,
    help="What comes first: the last archived (default), the latest window, the largest, or the most records.",
)
@from_option
@to_option
@limit_option
@json_option
@click.pass_context
def archives(
    ctx: click.Context,
    /,
    stream: str,
    holding: str | None,
    sort: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List archives, newest first. Times are in UTC. Every command accepts the shortened ID.

    With --from or --to it lists the archives whose windows touch that period, latest window first.
    """
    if ctx.invoked_subcommand is not None:
        return
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.queries.lists import count_listed_archives, list_archives, present_names
    from strongroom.engine.retention.verdicts import count_destroyed, list_destroyed

    config = ctx.ensure_object(Session).config()
    with past_unreadable(), open_reading(config) as vault:
        report_pending_renames(config, vault)
        stream, names = asked_stream(config, vault, stream), present_names(vault)
        period = stretch(start, end)
        order = Sort(sort or (Sort.WINDOW if period else Sort.ARCHIVED))
        broken: list[str] = []
        found = list_archives(
            vault, stream=stream, holding=holding or "", sort=order, period=period, most=limit, unread=broken.append
        )
        gone = list_destroyed(vault, _ALL if stream else limit, stream) if holding == Holding.DESTROYED else ()
        destroyed = count_destroyed(vault)
        total = len(found)
        if total == limit:
            total = count_listed_archives(vault, stream=stream, holding=holding or "", period=period)
    if holding == Holding.DESTROYED:
        _show_destroyed(gone[:limit], len(gone) if stream else destroyed, as_json)
        return
    if as_json:
        listed = [archive_document(each) | {"stream": names.get(each.stream, each.stream)} for each in found]
        put_document({"archives": listed, "unreadable": broken})
    elif found:
        say_lines(
            render_table(
                _COLUMNS, [_row(archive, names.get(archive.stream, archive.stream)) for archive in found], width()
            )
        )
        report_total(len(found), total, "archive")
    elif not broken:
        report("There are no such archives.")
    if destroyed and not as_json:
        report(f"Not listed: {number(destroyed)} that were destroyed; see: strongroom archives --holding destroyed")


def _show_destroyed(gone: Sequence[DestroyedArchive], total: int, as_json: bool) -> None:
    from strongroom.cli.destruction_plans import destroyed_document, destroyed_lines

    if as_json:
        put_document({"archives": [destroyed_document(each) for each in gone]})
        return
    say_lines(destroyed_lines(gone))
    report_total(len(gone), total, "destroyed archive")
    if not gone:
        report("No archive was destroyed.")


archives.add_command(regenerate)


@archives.command("show")
@click.argument("archive_id", metavar="ID")
@json_option
@pass_session
def show(session: Session, archive_id: str, as_json: bool) -> None:
    """Show one archive: its manifest, findings and times, and how to open it without Strongroom."""
    from strongroom.cli.identities import age_command
    from strongroom.cli.jobs import moment_lines
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.core.trusted_clock import vault_now
    from strongroom.engine.ingest.job_lineage import versions_of
    from strongroom.engine.queries.lists import archive_life, files_of, manifest_of, present_names
    from strongroom.engine.repair.diagnosis import faults_of
    from strongroom.engine.retention.verdicts import verdict as verdict_of

    config = session.config()
    with open_reading(config) as vault:
        life = archive_life(vault, find_archive(vault, archive_id))
        files, versions = files_of(vault, life.archive), versions_of(vault, life.archive)
        faults = faults_of(vault, life.archive, deep=False)
        now_called = present_names(vault).get(life.archive.stream, "")
        verdict = verdict_of(vault, life.archive, vault_now(vault, system_clock))
    archive = life.archive
    command = age_command(config.vault.identity, files.key, files.payload, archive.seal.file_name, archive.seal)
    if as_json:
        moments = list(life.moments)
        paths = {"payload": str(files.payload), "key": str(files.key)}
        put_document(
            {
                "archive": manifest_of(archive),
                "files": paths,
                "sealed_to": list(files.sealed_to),
                "open_with": command,
                "verdict": verdict_document(verdict),
                "versions": {"older": versions.older, "newer": versions.newer},
                "moments": moments,
                "faults": list(faults),
            }
        )
        return
    lines = [
        *render_fields(_fields(archive, files, verdict, now_called), width()),
        "",
        *_members(archive),
        *_findings(archive),
    ]
    say_lines(
        [
            *(line for each in faults for line in hang("UNSOUND  ", 9, f"{each.message} ({each.file})", width())),
            *lines,
            *moment_lines(life.moments, width()),
            "",
            "Open it with the standard age tool, in bash:",
            command,
        ]
    )


def _row(archive: Archive, stream: str) -> tuple[str, ...]:
    return (
        short(archive.id),
        stream,
        utc_window(archive.spec.window),
        number(archive.inspection.records),
        size(archive.seal.size),
        utc_minute(archive.verified_at),
        archive.holding.words,
    )


def _fields(archive: Archive, files: ArchiveFiles, verdict: Verdict, now_called: str) -> list[tuple[str, str]]:
    seal, window, found = archive.seal, archive.spec.window, archive.inspection
    renamed = f"; it is called {now_called} now" if now_called else ""
    return [
        ("archive", archive.id),
        ("state", archive.holding.words),
        ("stream", f"{archive.stream} ({', '.join(archive.spec.datasets)}) of {archive.source}{renamed}"),
        ("window", f"{utc(window.start)} to {utc(window.end)}, the end not included"),
        ("records", f"{number(found.records)}, of which {number(found.in_window)} in the window"),
        ("earliest", utc(found.earliest) if found.earliest else ""),
        ("latest", utc(found.latest) if found.latest else ""),
        ("delivered", f"{seal.delivered_name}, {number(seal.size)} bytes ({size(seal.size)})"),
        ("coding", _coding(seal)),
        ("sealed", f"{number(seal.sealed_size)} bytes"),
        ("SHA-256", f"{seal.sealed_sha256} (of the sealed file)"),
        ("stored", f"{utc(archive.durable_at)}: sealed and flushed to disk"),
        ("verified", f"{utc(archive.verified_at)}: read back, decrypted, every record counted"),
        ("retention", ", ".join(class_names(archive.retention))),
        ("verdict", verdict.words),
        ("job", f"{archive.job}, export {shown_ref(archive.ref)}"),
        ("sealed to", ", ".join(files.sealed_to)),
        ("payload", str(files.payload)),
        ("key", str(files.key)),
    ]


def _coding(seal: Seal) -> str:
    if not seal.delivered_coding:
        return ""
    size = "cannot be decoded" if seal.decoded_size is None else f"decoded {number(seal.decoded_size)} bytes"
    return f"delivered {seal.delivered_coding}-coded; {size}"


def _members(archive: Archive) -> list[str]:
    columns = (
        TextColumn("FILE", least=12),
        TextColumn("DATASET", least=8),
        TextColumn("RECORDS", right=True),
        TextColumn("SIZE", right=True),
    )
    rows = [
        (each.member or archive.seal.delivered_name, each.dataset or "-", number(each.records), size(each.size))
        for each in archive.inspection.members
    ]
    return [*render_table(columns, rows, width()), ""] if rows else []


def _findings(archive: Archive) -> list[str]:
    lines = [line for finding in archive.inspection.findings for line in _finding(finding)]
    return [*lines, ""] if lines else []


def _finding(finding: Finding) -> list[str]:
    words = f"{finding.message} ({finding.code})" + (f" in {clean(finding.member)}" if finding.member else "")
    return hang(f"{finding.severity.value:<9}", 9, words, width())

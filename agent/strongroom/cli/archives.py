"""`strongroom archives`: what the vault holds, and all that is known of one archive without opening it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.amounts import count_words, instant_words, minute_words, short, size_words, window_words
from strongroom.cli.documents import archive_document, moment_document
from strongroom.cli.jobs import moment_lines
from strongroom.cli.json_output import put_document
from strongroom.cli.opening import age_command
from strongroom.cli.options import json_option, limit_option
from strongroom.cli.session import Session, pass_session
from strongroom.cli.table import Column, hang, render_fields, render_table
from strongroom.cli.terminal import clean, say, tell, width
from strongroom.model.archive import Archive, Holding
from strongroom.model.inspection import Finding

if TYPE_CHECKING:
    from strongroom.engine.readings import ArchiveFiles

_COLUMNS = (
    Column("ARCHIVE"),
    Column("STREAM", least=8),
    Column("WINDOW"),
    Column("RECORDS", right=True),
    Column("SIZE", right=True),
    Column("VERIFIED"),
    Column("HOLDING", least=4),
)


@click.group("archives", invoke_without_command=True)
@click.option("--stream", default="", help="Only archives of this stream.")
@click.option("--holding", type=click.Choice([each.value for each in Holding]), default=None, help="Only held so.")
@limit_option
@json_option
@click.pass_context
def archives(ctx: click.Context, stream: str, holding: str | None, limit: int, as_json: bool) -> None:
    """List archives, newest first. Times are UTC; the shortened id is enough wherever an id is asked for."""
    if ctx.invoked_subcommand is not None:
        return
    from strongroom.engine.assembly import open_reading
    from strongroom.engine.readings import list_archives

    session = ctx.ensure_object(Session)
    with open_reading(session.config()) as vault:
        found = list_archives(vault, stream=stream, holding=holding or "", most=limit)
    if as_json:
        put_document({"archives": [archive_document(archive) for archive in found]})
    elif found:
        for line in render_table(_COLUMNS, [_row(archive) for archive in found], width()):
            say(line)
    else:
        tell("There are no such archives.")


@archives.command("show")
@click.argument("archive_id", metavar="ID")
@json_option
@pass_session
def show(session: Session, archive_id: str, as_json: bool) -> None:
    """Tell what an archive is: its manifest, what reading it found, both clocks, and how to open it without us."""
    from strongroom.engine.assembly import open_reading
    from strongroom.engine.readings import archive_life, files_of, find_archive, manifest_of

    config = session.config()
    with open_reading(config) as vault:
        life = archive_life(vault, find_archive(vault, archive_id))
        files = files_of(vault, life.archive)
    archive = life.archive
    command = age_command(
        config.vault.identity, files.key, files.payload, archive.seal.delivered_name, archive.seal.coding
    )
    if as_json:
        moments = [moment_document(moment) for moment in life.moments]
        paths = {"payload": str(files.payload), "key": str(files.key)}
        put_document({"archive": manifest_of(archive), "files": paths, "open_with": command, "moments": moments})
        return
    lines = [*render_fields(_fields(archive, files), width()), "", *_members(archive), *_findings(archive)]
    for line in [
        *lines,
        *moment_lines(life.moments, width()),
        "",
        "Open it with the stock age tool, in bash:",
        command,
    ]:
        say(line)


def _row(archive: Archive) -> tuple[str, ...]:
    return (
        short(archive.id),
        archive.stream,
        window_words(archive.spec.window),
        count_words(archive.inspection.records),
        size_words(archive.seal.size),
        minute_words(archive.verified_at),
        archive.holding.value,
    )


def _fields(archive: Archive, files: ArchiveFiles) -> list[tuple[str, str]]:
    seal, window, found = archive.seal, archive.spec.window, archive.inspection
    return [
        ("archive", archive.id),
        ("holding", archive.holding.value),
        ("stream", f"{archive.stream} ({', '.join(archive.spec.datasets)}) of {archive.source}"),
        ("window", f"{instant_words(window.start)} to {instant_words(window.end)}, the end not included"),
        ("records", f"{count_words(found.records)}, of which {count_words(found.in_window)} in the window"),
        ("earliest", instant_words(found.earliest) if found.earliest else ""),
        ("latest", instant_words(found.latest) if found.latest else ""),
        ("delivered", f"{seal.delivered_name}, {seal.size} bytes ({size_words(seal.size)})"),
        ("sealed", f"{seal.sealed_size} bytes"),
        ("SHA-256", f"{seal.sealed_sha256} (of the sealed file)"),
        ("durable", f"{instant_words(archive.durable_at)}: sealed and flushed to disk"),
        ("verified", f"{instant_words(archive.verified_at)}: read back, decrypted, every record counted"),
        ("retention", archive.retention),
        ("job", f"{archive.job}, export {archive.ref}"),
        ("sealed to", ", ".join(archive.recipients)),
        ("payload", str(files.payload)),
        ("key", str(files.key)),
    ]


def _members(archive: Archive) -> list[str]:
    columns = (
        Column("FILE", least=12),
        Column("DATASET", least=8),
        Column("RECORDS", right=True),
        Column("SIZE", right=True),
    )
    rows = [
        (
            each.member or archive.seal.delivered_name,
            each.dataset or "-",
            count_words(each.records),
            size_words(each.size),
        )
        for each in archive.inspection.members
    ]
    return [*render_table(columns, rows, width()), ""] if rows else []


def _findings(archive: Archive) -> list[str]:
    lines = [line for finding in archive.inspection.findings for line in _finding(finding)]
    return [*lines, ""] if lines else []


def _finding(finding: Finding) -> list[str]:
    words = f"{finding.message} ({finding.code})" + (f" in {clean(finding.member)}" if finding.member else "")
    return hang(f"{finding.severity.value:<9}", 9, words, width())

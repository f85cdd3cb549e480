"""`strongroom diff`: what became of the records between two archives, told to the person who holds the identity."""

from __future__ import annotations

from pathlib import Path

import click

from strongroom.cli.identities import open_identities
from strongroom.cli.options import Session, identity_option, json_option, pass_session, passphrase_option
from strongroom.cli.output import TextColumn, hang, put_document, render_table
from strongroom.cli.terminal import clean, say, tell, width
from strongroom.model.archive import Archive, Change, DatasetDifference, Difference
from strongroom.model.errors import ExitCode
from strongroom.model.text import counted
from strongroom.text.layout import cells
from strongroom.text.times import utc_window
from strongroom.text.units import number, short


@click.command("diff")
@click.argument("older_id", metavar="OLDER")
@click.argument("newer_id", metavar="[NEWER]", required=False, default="")
@click.option(
    "--limit",
    type=click.IntRange(0, 10_000),
    default=20,
    show_default=True,
    help="Show at most this many IDs of each kind.",
)
@identity_option
@passphrase_option
@json_option
@pass_session
def diff(
    session: Session,
    /,
    older_id: str,
    newer_id: str,
    limit: int,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Compare two archives record by record: what was added, changed or removed from the older to the newer.

    One archive alone is compared with the one before it: the older version of its window, or the copy before it if
    its stream has no time windows. Your identity opens both in this process. Nothing is logged or stored. Exits with
    1 if they differ.
    """
    from strongroom.engine.access.compare import compare
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.access.records import archive_before
    from strongroom.engine.core.sources import Dependencies, open_reading

    config = session.config()
    with open_reading(config) as vault:
        if newer_id:
            older, newer = find_archive(vault, older_id), find_archive(vault, newer_id)
        else:
            newer = find_archive(vault, older_id)
            older = archive_before(vault, newer)
        opened = open_identities(config, identity, passphrase_file)
        difference = compare(vault, older, newer, opened, Dependencies().random_bytes, most=limit)
    if as_json:
        put_document(_document(difference))
    else:
        _say(older, newer, difference)
    return ExitCode.OK if difference.alike else ExitCode.FINDINGS


def _say(older: Archive, newer: Archive, difference: Difference) -> None:
    titles = ("OLDER", "NEWER", "SAME", "ADDED", "CHANGED", "VANISHED")
    columns = (TextColumn("DATASET", least=8), *(TextColumn(title, right=True) for title in titles))
    for line in render_table(columns, [_row(each) for each in difference.datasets], width()):
        say(line)
    for each in difference.datasets:
        _say_examples(each)
    for name in difference.only_older:
        say(f"{clean(name)}: only in the older archive")
    for name in difference.only_newer:
        say(f"{clean(name)}: only in the newer archive")
    for name, archive in (("older", older), ("newer", newer)):
        tell(f"{name}: {short(archive.id)}  {archive.stream} {utc_window(archive.spec.window)}")
    tell("The records are the same." if difference.alike else "The records differ.")


def _row(each: DatasetDifference) -> tuple[str, ...]:
    counts = (each.older, each.newer, each.same, each.added.count, each.changed.count, each.vanished.count)
    return (each.dataset, *(number(count) for count in counts))


def _say_examples(each: DatasetDifference) -> None:
    for kind, change in (("added", each.added), ("changed", each.changed), ("vanished", each.vanished)):
        if change.ids:
            more = change.count - len(change.ids)
            words = ", ".join(change.ids) + (f" and {number(more)} more" if more else "")
            _say_hanging(f"{each.dataset} {kind}", words)
    if each.fields:
        fields = ", ".join(f"{field.name} ({number(field.records)})" for field in each.fields)
        _say_hanging(f"{each.dataset} fields", f"{fields} in {number(each.fields_compared)} changed records")
    if each.nameless:
        words = f"{counted(each.nameless, 'record')} without an id: a changed one counts as vanished and added"
        _say_hanging(f"{each.dataset} note", words)


def _say_hanging(label: str, words: str) -> None:
    start = f"{clean(label)}: "
    for line in hang(start, cells(start), words, width()):
        say(line)


def _document(difference: Difference) -> dict[str, object]:
    return {
        "alike": difference.alike,
        "older": difference.older,
        "newer": difference.newer,
        "only_older": list(difference.only_older),
        "only_newer": list(difference.only_newer),
        "datasets": [_dataset_document(each) for each in difference.datasets],
    }


def _dataset_document(each: DatasetDifference) -> dict[str, object]:
    return {
        "dataset": each.dataset,
        "older": each.older,
        "newer": each.newer,
        "same": each.same,
        "added": _change_document(each.added),
        "changed": _change_document(each.changed),
        "vanished": _change_document(each.vanished),
        "fields": [{"name": field.name, "records": field.records} for field in each.fields],
        "fields_compared": each.fields_compared,
        "nameless": each.nameless,
    }


def _change_document(change: Change) -> dict[str, object]:
    return {"count": change.count, "ids": list(change.ids)}

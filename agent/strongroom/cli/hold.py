"""`strongroom hold`: legal holds by matter. A hold wins over every period and every request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from strongroom.cli.amounts import day_words, instant_words, short
from strongroom.cli.options import Session, instant, json_option, pass_session
from strongroom.cli.output import TextColumn, put_document, render_fields, render_table
from strongroom.cli.renames import tell_pending_renames
from strongroom.cli.rows_left_out import past_unreadable
from strongroom.cli.terminal import clean, say, tell, width
from strongroom.model.errors import UsageError
from strongroom.model.hold import Hold, HoldRule
from strongroom.model.units import counted

_COLUMNS = (
    TextColumn("HOLD"),
    TextColumn("MATTER", least=12),
    TextColumn("PLACED"),
    TextColumn("STANDS"),
    TextColumn("WHAT", least=16),
)


@click.group("hold")
def hold() -> None:
    """Keep archives for a matter, those that are there and those that come, until the hold is released."""


@hold.command("place")
@click.option("--matter", metavar="NAME", required=True, help="What it is about, in your own words.")
@click.option("--source", default="", help="Only this source.")
@click.option("--stream", default="", help="Only this stream.")
@click.option("--dataset", default="", help="Only archives that have this dataset.")
@click.option("--from", "start", type=instant, metavar="TIME", help="Only what has records from this instant on.")
@click.option("--to", "end", type=instant, metavar="TIME", help="Only what has records before this instant.")
@click.option("--archive", "archives", metavar="ID", multiple=True, help="This archive; as often as you like.")
@click.option("--everything", is_flag=True, help="The whole vault; needed where nothing else is named.")
@click.option("--reason", metavar="WORDS", required=True, help="Why, for whoever reads it later.")
@json_option
@pass_session
def place(
    session: Session,
    /,
    matter: str,
    source: str,
    stream: str,
    dataset: str,
    start: datetime | None,
    end: datetime | None,
    archives: tuple[str, ...],
    everything: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Place a hold. What is named narrows it down; whatever arrives later and fits is held, too.

    An archive whose records have no time is held by any range of dates.
    """
    import os

    from strongroom.engine.access.find import find_archive
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.core.trusted_clock import vault_now
    from strongroom.engine.retention.holds import place as put
    from strongroom.engine.retention.scope import known_names, resolve_scope

    config = session.config()
    with open_reading(config) as vault:
        if start is not None and end is not None and start >= end:
            raise UsageError("--to must be later than --from")
        ids = tuple(find_archive(vault, part).id for part in archives)
        rule = resolve_scope(known_names(config, vault), HoldRule(source, stream, dataset, start, end, ids))
        if rule.everything != everything:
            raise UsageError("say what is held, or --everything, and not both")
        caught = put(vault, matter, rule, acting_person(), reason, vault_now(vault, system_clock), os.urandom)
    if as_json:
        put_document({"hold": hold_document(caught.hold), "archives": caught.archives})
    else:
        say(f"hold {caught.hold.id} stands; it keeps {counted(caught.archives, 'archive')}, and what comes and fits")


@hold.command("release")
@click.argument("hold_id", metavar="ID")
@click.option("--reason", metavar="WORDS", required=True, help="Why, for whoever reads it later.")
@json_option
@pass_session
def release(session: Session, hold_id: str, reason: str, as_json: bool) -> None:
    """Release a hold. Nothing is destroyed by that: periods and requests for erasure go on where they stood."""
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.core.trusted_clock import vault_now
    from strongroom.engine.retention.holds import find_hold
    from strongroom.engine.retention.holds import release as let_go

    with open_reading(session.config()) as vault:
        found = find_hold(vault, hold_id)
        released = let_go(vault, found.id, acting_person(), reason, vault_now(vault, system_clock))
    if as_json:
        put_document({"hold": hold_document(released)})
    else:
        say(f"hold {short(released.id)} of the matter {clean(released.matter)} is released")


@hold.command("list")
@click.option("--matter", default="", help="Only holds of this matter.")
@click.option("--all", "everything", is_flag=True, help="Also holds that were released.")
@json_option
@pass_session
def list_(session: Session, matter: str, everything: bool, as_json: bool) -> None:
    """List the holds that stand, oldest first."""
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.queries.lists import known_matter
    from strongroom.engine.retention.holds import list_holds
    from strongroom.engine.retention.sealed_matter import SEALED

    config = session.config()
    with past_unreadable(), open_reading(config) as vault:
        tell_pending_renames(config, vault)
        found = list_holds(vault, matter=known_matter(vault, matter), everything=everything)
    if as_json:
        put_document({"holds": [hold_document(each) for each in found]})
    elif found:
        for line in render_table(_COLUMNS, [_row(each) for each in found], width()):
            say(line)
        if any(each.matter == SEALED for each in found):
            tell("The catalogue was made again without an identity. For the names: strongroom rebuild --identity FILE")
    else:
        tell("No hold stands." if not everything else "There was never a hold.")


@hold.command("show")
@click.argument("hold_id", metavar="ID")
@json_option
@pass_session
def show(session: Session, hold_id: str, as_json: bool) -> None:
    """Tell all of a hold: what it keeps, who placed it and why, and how many archives that is now."""
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.retention.holds import count_caught, find_hold

    with open_reading(session.config()) as vault:
        found = find_hold(vault, hold_id)
        caught = count_caught(vault, found)
    if as_json:
        put_document({"hold": hold_document(found), "archives": caught})
        return
    for line in render_fields(_fields(found, caught), width()):
        say(line)


def _fields(found: Hold, caught: int) -> list[tuple[str, str]]:
    fields = [
        ("hold", found.id),
        ("matter", clean(found.matter)),
        ("what", "; ".join(_what(found.rule))),
        ("placed", f"{instant_words(found.placed_at)} by {clean(found.placed_by)}"),
        ("reason", clean(found.reason)),
        ("keeps", f"{counted(caught, 'archive')} now"),
    ]
    if found.stands:
        return fields
    released = f"{instant_words(found.released_at)} by {clean(found.released_by)}"
    return [*fields, ("released", released), ("reason for it", clean(found.release_reason))]


def _row(found: Hold) -> tuple[str, ...]:
    stands = "yes" if found.released_at is None else f"until {day_words(found.released_at)}"
    return (short(found.id), clean(found.matter), day_words(found.placed_at), stands, "; ".join(_what(found.rule)))


def _what(rule: HoldRule) -> Iterator[str]:
    if rule.everything:
        yield "everything"
    for noun, name in (("source", rule.source), ("stream", rule.stream), ("dataset", rule.dataset)):
        if name:
            yield f"{noun} {name}"
    if rule.start:
        yield f"from {instant_words(rule.start)}"
    if rule.end:
        yield f"before {instant_words(rule.end)}"
    if len(rule.archives) == 1:
        yield f"archive {short(rule.archives[0])}"
    elif rule.archives:
        yield f"{counted(len(rule.archives), 'archive')}"


def hold_document(found: Hold) -> dict[str, object]:
    """Tell a hold."""
    rule = found.rule
    return {
        "id": found.id,
        "matter": found.matter,
        "stands": found.stands,
        "source": rule.source or None,
        "stream": rule.stream or None,
        "dataset": rule.dataset or None,
        "from": rule.start,
        "to": rule.end,
        "archives": list(rule.archives),
        "placed_at": found.placed_at,
        "placed_by": found.placed_by,
        "reason": found.reason,
        "released_at": found.released_at,
        "released_by": found.released_by or None,
        "release_reason": found.release_reason or None,
    }

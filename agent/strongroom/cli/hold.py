"""`strongroom hold`: legal holds by matter. A hold overrides every retention period and every request."""

from __future__ import annotations

from datetime import datetime

import click

from strongroom.cli.options import Session, instant, json_option, pass_session, report_pending_renames
from strongroom.cli.output import TextColumn, past_unreadable, put_document, render_fields, render_table, report_total
from strongroom.cli.terminal import clean, report, say, say_lines, width
from strongroom.model.errors import UsageError
from strongroom.model.hold import Hold, HoldRule
from strongroom.model.text import counted
from strongroom.text.sentences import hold_scope
from strongroom.text.times import utc, utc_day
from strongroom.text.units import short

_COLUMNS = (
    TextColumn("HOLD"),
    TextColumn("MATTER", least=12),
    TextColumn("PLACED"),
    TextColumn("ACTIVE"),
    TextColumn("WHAT", least=16),
)


@click.group("hold")
def hold() -> None:
    """Place, list and release legal holds. A hold covers existing and future archives until it is released."""


@hold.command("place")
@click.option("--matter", metavar="NAME", required=True, help="The matter, in your own words.")
@click.option("--source", default="", help="Only this source.")
@click.option("--stream", default="", help="Only this stream.")
@click.option("--dataset", default="", help="Only archives that have this dataset.")
@click.option("--from", "start", type=instant, metavar="TIME", help="Only archives with records at or after this time.")
@click.option("--to", "end", type=instant, metavar="TIME", help="Only archives with records before this time.")
@click.option("--archive", "archives", metavar="ID", multiple=True, help="This archive; may be repeated.")
@click.option("--everything", is_flag=True, help="The whole vault; required if nothing else is named.")
@click.option("--reason", metavar="WORDS", required=True, help="The reason, recorded with the hold.")
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
    """Place a hold. The options narrow it down. Archives that arrive later and match are on hold, too.

    An archive whose records have no time is covered by every range of dates.
    """
    import os

    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.core.trusted_clock import vault_now
    from strongroom.engine.retention.holds import known_names, resolve_scope
    from strongroom.engine.retention.holds import place as put

    config = session.config()
    with open_reading(config) as vault:
        if start is not None and end is not None and start >= end:
            raise UsageError("--to must be later than --from")
        ids = tuple(find_archive(vault, part).id for part in archives)
        rule = resolve_scope(known_names(config, vault), HoldRule(source, stream, dataset, start, end, ids))
        if rule.everything != everything:
            raise UsageError("name what to hold, or give --everything, but not both")
        caught = put(vault, matter, rule, acting_person(), reason, vault_now(vault, system_clock), os.urandom)
    if as_json:
        put_document({"hold": hold_document(caught.hold), "archives": caught.archives})
    else:
        say(f"hold {caught.hold.id} is active; it covers {counted(caught.archives, 'archive')} now, and later ones")


@hold.command("release")
@click.argument("hold_id", metavar="ID")
@click.option("--reason", metavar="WORDS", required=True, help="The reason, recorded with the hold.")
@json_option
@pass_session
def release(session: Session, hold_id: str, reason: str, as_json: bool) -> None:
    """Release a hold. This destroys nothing by itself: retention periods and erasure requests apply again."""
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
    """List the active holds, oldest first."""
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.queries.lists import known_matter
    from strongroom.engine.retention.holds import SEALED, list_holds

    config = session.config()
    with past_unreadable(), open_reading(config) as vault:
        report_pending_renames(config, vault)
        found = list_holds(vault, matter=known_matter(vault, matter), everything=everything)
    if as_json:
        put_document({"holds": [hold_document(each) for each in found]})
    elif found:
        say_lines(render_table(_COLUMNS, [_row(each) for each in found], width()))
        report_total(len(found), len(found), "hold")
        if any(each.matter == SEALED for each in found):
            report("The catalogue was rebuilt without an identity. For the names: strongroom rebuild --identity FILE")
    else:
        report("There is no active hold." if not everything else "There has never been a hold.")


@hold.command("show")
@click.argument("hold_id", metavar="ID")
@json_option
@pass_session
def show(session: Session, hold_id: str, as_json: bool) -> None:
    """Show one hold: what it covers, who placed it and why, and how many archives it covers now."""
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.retention.holds import count_caught, find_hold

    with open_reading(session.config()) as vault:
        found = find_hold(vault, hold_id)
        caught = count_caught(vault, found)
    if as_json:
        put_document({"hold": hold_document(found), "archives": caught})
        return
    say_lines(render_fields(_fields(found, caught), width()))


def _fields(found: Hold, caught: int) -> list[tuple[str, str]]:
    fields = [
        ("hold", found.id),
        ("matter", clean(found.matter)),
        ("what", clean(hold_scope(found.rule))),
        ("placed", f"{utc(found.placed_at)} by {clean(found.placed_by)}"),
        ("reason", clean(found.reason)),
        ("covers", f"{counted(caught, 'archive')} now"),
    ]
    if found.stands:
        return fields
    released = f"{utc(found.released_at)} by {clean(found.released_by)}"
    return [*fields, ("released", released), ("reason for it", clean(found.release_reason))]


def _row(found: Hold) -> tuple[str, ...]:
    active = "yes" if found.released_at is None else f"until {utc_day(found.released_at)}"
    return (short(found.id), clean(found.matter), utc_day(found.placed_at), active, clean(hold_scope(found.rule)))


def hold_document(found: Hold) -> dict[str, object]:
    """Return a hold for programs."""
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

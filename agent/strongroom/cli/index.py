"""`strongroom index`: the sealed segments that make a search fast."""

from __future__ import annotations

from pathlib import Path

import click

from strongroom.cli.identities import open_identities
from strongroom.cli.options import Session, identity_option, json_option, pass_session, passphrase_option
from strongroom.cli.output import put_document, quiet_option
from strongroom.cli.terminal import clean, counting, report, say
from strongroom.model.errors import ExitCode
from strongroom.text.units import number, short, size


@click.group("index")
def index() -> None:
    """Create missing search segments, or count them.

    A segment has the searchable text of an archive's records, sealed to the archive's own key. It is created together
    with the archive. `strongroom search` also finds records in archives without a segment, but has to read them.
    """


@index.command("build")
@identity_option
@passphrase_option
@json_option
@pass_session
def build(session: Session, identity: Path | None, passphrase_file: Path | None, as_json: bool) -> int:
    """Create the segment of each archive that has none, or a damaged one.

    Needs your identity, to read the archives. If it is interrupted, run it again: it resumes. Exits with 1 if an
    archive cannot be read.
    """
    from strongroom.engine.access.index import IndexProgress, build_segments, without_segment
    from strongroom.engine.core.sources import open_reading, system_clock

    config = session.config()
    stopped = False
    with open_reading(config) as vault:
        archives = list(without_segment(vault))
        progress = IndexProgress(missing=len(archives))
        if archives:
            identities = open_identities(config, identity, passphrase_file)
            try:
                with counting("making search segments", quiet=as_json) as watch:
                    made = build_segments(vault, archives, identities, system_clock, progress)
                    for done, _archive in enumerate(made, 1):
                        watch(done, progress.missing)
            except KeyboardInterrupt:
                stopped = True
    for archive, why in progress.failed.items():
        report(f"archive {archive} could not be read: {clean(why)}; next: strongroom verify {short(archive)}")
    if as_json:
        put_document(
            {
                "missing": progress.missing,
                "made": progress.made,
                "failed": len(progress.failed),
                "records": progress.records,
                "size": progress.size,
            }
        )
    elif not archives:
        say("Every archive has its search segment.")
    else:
        made_of = f"{number(progress.made)} of {number(progress.missing, 'missing segment')} made"
        say(f"{made_of}: {number(progress.records, 'record')}, {size(progress.size)}")
    if stopped:
        report("interrupted; to resume: strongroom index build")
        return ExitCode.INTERRUPTED
    return ExitCode.FINDINGS if progress.failed else ExitCode.OK


@index.command("status")
@quiet_option
@json_option
@pass_session
def status(session: Session, as_json: bool) -> int:
    """Count the archives without a usable segment. Reads every segment, and needs no identity.

    Exits with 1 if there is such an archive.
    """
    from strongroom.engine.access.index import without_segment
    from strongroom.engine.core.sources import open_reading

    with open_reading(session.config()) as vault:
        missing = [archive.id for archive in without_segment(vault)]
    if as_json:
        put_document({"missing": len(missing), "archives": missing})
    elif missing:
        say(f"{number(len(missing), 'archive')} without a search segment. To create them: strongroom index build")
    else:
        say("Every archive has its search segment.")
    return ExitCode.FINDINGS if missing else ExitCode.OK

"""The files of a report: the page, its JSON twin and the signed note that names the digest of each.

Nothing is overwritten or written into the vault. `strongroom-verify` checks a note and the files beside it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.engine.access.restore import require_outside
from strongroom.engine.core.engine import Engine
from strongroom.engine.core.sources import Dependencies, engine_to_look, open_reading, plans_of
from strongroom.engine.proof.checkpoints import signer_of
from strongroom.engine.queries.report import Report, make_report, report_zone
from strongroom.evidence.line import Entry, Fact
from strongroom.model.calendar_period import named_period, period_name
from strongroom.model.destruction import PROGRAM, Person
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.model.times import format_instant
from strongroom.model.window import Window
from strongroom.vault.catalogue import FACT, PUT_FACT
from strongroom.vault.durable import write_new
from strongroom.vault.files import is_there
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault

TITLE = "strongroom report 1"
NOTE = ".note"
_WRITTEN, _SENT = "report-written", "report-sent"  # the last scheduled one, facts of the catalogue


def is_signed(config: Config) -> bool:
    """Say whether reports are signed: the agent has a signing key."""
    return config.vault.signing_key is not None


def keep_report(
    vault: Vault,
    config: Config,
    report: Report,
    folder: Path,
    files: Mapping[str, bytes],
    by: Person,
    send: Send | None = None,
) -> list[Path]:
    """Write the files of a report and their signed note into a folder; return their paths.

    `files` has the content by suffix, such as ".html". Raises UsageError where the folder is not there or is inside the
    vault, or a file of that name is; WorldError where the disk is full or fails. `send` gets the paths; the digests are
    entered into the log after that.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="create it first, or name another")
    require_outside(vault, folder)
    stem = _stem(period_name(report.period, report.zone), report.audience)
    named = {f"{stem}{suffix}": content for suffix, content in files.items()}
    if is_signed(config):
        named[f"{stem}{NOTE}"] = signer_of(config).sign(_note(report, named)).encode()
    for name in named:
        if is_there(folder / name):
            raise UsageError(
                f"{folder / name} exists and is never overwritten", hint="move it away, or name another folder"
            )
    for name, content in named.items():
        write_new(folder / name, folder / f".{name}.{os.getpid()}.part", content)
    if send is not None:
        send([folder / name for name in named])
    if not vault.read_only:
        _log(vault, report, named, by)
    return [folder / name for name in named]


def _stem(period: str, audience: str) -> str:
    return f"strongroom-report-{period}-{audience}"


def _note(report: Report, named: Mapping[str, bytes]) -> str:
    issuer, (entries, sha256) = report.issuer, report.log
    lines = [
        TITLE,
        f"organization {issuer.organization}",
        f"vault {issuer.vault or 'not named'}",
        f"key {issuer.key or 'not named'}",
        f"from {format_instant(report.period.start)}",
        f"to {format_instant(report.period.end)}",
        f"made {format_instant(report.made_at)}",
        f"log {entries} {sha256}".rstrip(),
        *(f"file {name} {hashlib.sha256(content).hexdigest()}" for name, content in named.items()),
    ]
    return "\n".join(lines) + "\n"


def _log(vault: Vault, report: Report, named: Mapping[str, bytes], by: Person) -> None:
    digests: dict[str, Fact] = {
        f"{Path(name).suffix[1:]}_sha256": hashlib.sha256(content).hexdigest() for name, content in named.items()
    }
    facts: dict[str, Fact] = {
        "by": by.uid,
        "for": report.audience.value,
        "from": format_instant(report.period.start),
        "to": format_instant(report.period.end),
        **digests,
    }
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry(EntryKind.REPORT_MADE, report.made_at, facts=facts))
    vault.write_log()


Render = Callable[..., dict[str, bytes]]
"""Makes the files of a report, by suffix; called with the report and `signed`."""

Send = Callable[[Sequence[Path]], object]
"""Sends files. Raises UsageError or WorldError where they were not accepted."""


class OwedReport(Struct, frozen=True):
    """The scheduled report of the last period that is over, and how it is made."""

    engine: Engine
    config: Config
    period: Window
    name: str  # of the period
    render: Render

    def once(self, fact: str, give: Callable[[], list[Path]]) -> list[Path]:
        """Do something with this report unless it was done before."""
        catalogue, wanted = self.engine.vault.catalogue, f"{self.config.report.audience} {self.name}"
        done = catalogue.read_one(FACT, fact)
        if done is not None and done["value"] == wanted:
            return []
        paths = give()
        with catalogue.transaction():
            catalogue.write(PUT_FACT, fact, wanted)
        return paths

    def keep(self, folder: Path, send: Send | None = None) -> list[Path]:
        """Make it in a folder."""
        made = make_report(self.engine, self.config, self.period, self.config.report.audience)
        files = self.render(made, signed=is_signed(self.config))
        return keep_report(self.engine.vault, self.config, made, folder, files, PROGRAM, send)

    def send(self, folder: Path | None, send: Send) -> list[Path]:
        """Send the files that are in the folder; without them, such as are made for this alone."""
        stem = _stem(self.name, self.config.report.audience)
        named = [folder / f"{stem}{suffix}" for suffix in (".html", ".json", NOTE)] if folder is not None else []
        filed = [path for path in named if is_there(path)]
        if filed:
            send(filed)
        else:
            with TemporaryDirectory() as place:
                self.keep(Path(place), send)
        return []


def write_owed_report(config: Config, dependencies: Dependencies, render: Render, send: Send) -> list[Path]:
    """Make the scheduled report of the last period that is over, if it was not yet; return the files in its folder.

    With an address it is sent as well, until it was accepted once. Raises StrongroomError as `keep_report` and `send`.
    """
    settings, written = config.report, list[Path]()
    with open_reading(config) as vault:
        engine, zone = engine_to_look(config, vault, dependencies), report_zone(plans_of(config))
        period = named_period(f"last-{settings.every}", zone, engine.clock())
        owed = OwedReport(engine, config, period, period_name(period, zone), render)
        if (folder := settings.folder) is not None:
            written = owed.once(_WRITTEN, lambda: owed.keep(folder))
        if settings.notify is not None:
            owed.once(_SENT, lambda: owed.send(folder, send))
    return written

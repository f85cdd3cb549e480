"""The audit: log, checkpoints, catalogue and files compared with one another on this machine.

What an outsider can check is checked by the outsider's program (evidence/verifier.py). What only the vault has, its
rows and folders, is compared here. Nothing is written or repaired.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import zip_longest
from pathlib import Path

from strongroom.engine.core.check import UNFINISHED, unread_words
from strongroom.engine.core.trusted_clock import TOLERANCE
from strongroom.engine.destruction.context import DestructionRules
from strongroom.engine.proof.checkpoints import origin_in
from strongroom.engine.proof.derived import row_differences
from strongroom.engine.proof.history_audit import audit_history
from strongroom.engine.proof.known_checkpoints import NOWHERE, CheckpointPlace, KnownCheckpoints
from strongroom.evidence.verifier import Key, Log, Wrong, check_log, compare_file
from strongroom.evidence.verifier import Report as Report  # the command line names it from here
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError, VaultError
from strongroom.model.text import counted
from strongroom.vault.checkpoints import PAGE, all_checkpoints, entries_matching, note_path, stamp_path, walk_lines
from strongroom.vault.files import file_size, is_folder, is_there, read_file, walk
from strongroom.vault.jobs import live_jobs
from strongroom.vault.layout import Layout
from strongroom.vault.lock import is_held
from strongroom.vault.log import open_log
from strongroom.vault.vault import Vault

PUBLISHED_DIGESTS = "SELECT id, key_sha256, manifest FROM archives WHERE id > ? ORDER BY id LIMIT ?"

PARTS = {"manifest": "manifest_sha256", "key": "key_sha256", "payload": "sealed_sha256"}
_FOLDERS = ("archives", "keys", "manifests", "quarantine", "log/certificates")

Step = Callable[[int, int], None]
"""Called with the number of archives checked and the total."""


def audit_vault(
    vault: Vault,
    keys: Sequence[str],
    outside: Sequence[Path],
    *,
    payloads: bool = True,
    rules: DestructionRules | None = None,
    step: Step = lambda _done, _total: None,
    known_places: KnownCheckpoints = NOWHERE,
    tolerance: timedelta = TOLERANCE,
) -> Report:
    """Check everything. `keys` are the trusted public keys, `outside` checkpoints kept elsewhere.

    Checkpoints at the `known_places` are compared like those. `tolerance` is how far an entry's time may be off.
    Without `payloads` the sealed payloads are not read. `rules` are those of the configuration.
    Raises UsageError for a malformed key.
    """
    report = Report()
    places = _look(vault, known_places, report)
    outside = [*outside, *(each.path for each in places if each.path is not None)]
    log = check_log(vault.layout.log, [_key(text) for text in keys], list(outside), report)
    if not keys and (outside or all_checkpoints(vault.catalogue)):
        words = "there is no public key to check them with; give one with --public-key"
        report.findings.append(Wrong("signature", "checkpoints", words))
    report.check("catalogue.sqlite", partial(_compare_rows, vault, log))
    for where, look in (("checkpoints", _checkpoints(vault)), ("archives", _rows(vault, log))):
        _collect(report, where, look)
    _report_places(vault.layout, report, known_places, places)
    audit_history(vault, report, tolerance, rules=rules)
    _collect(report, "catalogue.sqlite", iter(row_differences(vault)))
    published, sound = _published(log), 0
    damaged = {entry.body.get("archive") for entry in entries_matching(vault.catalogue, kind=EntryKind.ARCHIVE_DAMAGED)}
    for done, archive in enumerate(published, 1):
        if archive in damaged:
            words = f"the content of archive {archive}: the log says that its files are damaged and were set aside"
            report.unproven.append(words)
        else:
            sound += _check_archive(vault.layout, log, archive, report, payloads=payloads)
        step(done, len(published))
    if log.whole:
        _collect(report, "files", _unrecorded(vault, log))
    else:  # its other entries are unknown, so no file can be called unrecorded
        words = "that every file belongs to an archive: the log could not be read to its end"
        report.unproven.append(words)
    report.proven.append(
        f"of {counted(len(published), 'archive')}, the files of {sound} are the ones recorded in the log"
    )
    if not payloads:
        report.unproven.append("that the sealed payloads are unchanged: they were not read")
    if not outside:
        report.unproven.append("that nothing newer was rolled back: there is no checkpoint that was kept elsewhere")
    return report


def _look(vault: Vault, known_places: KnownCheckpoints, report: Report) -> list[CheckpointPlace]:
    try:
        return known_places.look(origin_in(vault))
    except UNFINISHED as error:
        report.findings.append(Wrong("unread", "checkpoint targets", unread_words(error)))
        return []


def _report_places(
    layout: Layout, report: Report, known_places: KnownCheckpoints, places: Sequence[CheckpointPlace]
) -> None:
    """Report which places were compared, which could not be read, and which have nothing of this log."""
    for each in places:
        for wrong in report.findings:
            if each.path is not None and wrong.where == each.path.name and not _is_ours(layout, each):
                wrong.where = f"{each.name}: {wrong.where}"
        if each.unread:
            words = f"it could not be read ({each.unread}), so newer history there would not be noticed"
            report.findings.append(Wrong("unreachable", each.name, words))
        elif each.checkpoint is None:
            report.unproven.append(f"anything by {each.name}: it has no checkpoint of this log")
        else:
            count = counted(each.checkpoint.size, "entry")
            report.proven.append(f"{each.name} was read: its newest checkpoint of this log covers {count}")
    for name in known_places.blind:
        words = f"anything by checkpoint target {name}: it cannot be read from here; use --checkpoint with a copy"
        report.unproven.append(words)


def _is_ours(layout: Layout, place: CheckpointPlace) -> bool:
    """Return whether the vault has a checkpoint of the same size: the file name alone is then ambiguous."""
    return place.checkpoint is not None and is_there(note_path(layout, place.checkpoint.size))


def _collect(report: Report, where: str, look: Iterator[Wrong]) -> None:
    """Keep what a check finds; one that cannot be finished is a finding of its own."""
    seen = {(each.code, each.where) for each in report.findings}
    try:
        for wrong in look:
            if (wrong.code, wrong.where) not in seen:
                report.findings.append(wrong)
    except UNFINISHED as error:
        report.findings.append(Wrong("unread", where, unread_words(error)))


def place_of(layout: Layout, log: Log, archive: str, part: str) -> Path:
    """Return where a part of an archive is, by the log."""
    if log.archives.get(archive, {}).get("holding") == "quarantined":
        return layout.quarantined(archive, {"manifest": ".json", "key": ".key.age", "payload": ".age"}[part])
    return {"manifest": layout.manifest, "key": layout.key, "payload": layout.archive}[part](archive)


def _key(text: str) -> Key:
    try:
        return Key(text)
    except (ValueError, OSError):
        raise UsageError("this is not a public key: expected name+hash+key", hint="copy all of it") from None


def _published(log: Log) -> list[str]:
    return [archive for archive, known in log.archives.items() if "manifest_sha256" in known]


def _compare_rows(vault: Vault, log: Log) -> str:
    """Compare every line of the file with its row."""
    try:
        fd = open_log(vault.layout.log, os.O_RDONLY)
    except VaultError as error:
        raise Wrong("row", "log.jsonl", error.message) from error
    with os.fdopen(fd, "rb") as file:
        lines = (line.removesuffix(b"\n") for line in file)
        for number, (line, row) in enumerate(zip_longest(lines, walk_lines(vault.catalogue)), 1):
            if line is None and is_held(vault.layout.lock):
                break  # the process that works in the vault is about to write it
            if line != row:
                there = "the file ends" if line is None else "the catalogue ends" if row is None else "they differ"
                raise Wrong("row", f"line {number}", f"the log file and the catalogue should be equal: {there}")
    return f"the catalogue has the same {counted(log.size, 'entry')} as the log file"


def _checkpoints(vault: Vault) -> Iterator[Wrong]:
    """Yield what is wrong between the checkpoints' files, their rows, and what the log says of them."""
    kept = {each.size: each.note.encode() for each in all_checkpoints(vault.catalogue)}
    for entry in entries_matching(vault.catalogue, kind="checkpoint"):
        facts = entry.body["facts"]
        expected = {
            note_path(vault.layout, facts["entries"]): facts.get("note_sha256"),
            stamp_path(vault.layout, facts["entries"]): facts.get("stamp_sha256"),
        }
        for path, digest in expected.items():
            found = _there(path) if digest is not None else None
            if digest is not None and (found is None or hashlib.sha256(found).hexdigest() != digest):
                words = "is missing" if found is None else "was changed"
                yield Wrong("checkpoint", path.name, f"the one recorded in entry {entry.seq} {words}")
            if path.suffix == ".note" and digest is not None and kept.get(facts["entries"], found) != found:
                yield Wrong("row", path.name, "the checkpoint's file and its row should be equal")


def _there(path: Path) -> bytes | None:
    try:
        return read_file(path)
    except OSError:
        return None


def _compare(path: Path, where: str, expected: str | None, part: str) -> None:
    """Compare a file of the vault with the log. Raises OSError, also for a link, or Wrong."""
    file_size(path)
    compare_file(path, where, expected, part)


def _rows(vault: Vault, log: Log) -> Iterator[Wrong]:
    """Yield what is wrong between the catalogue's archives and what the log says of them."""
    last, seen = "", set()
    while rows := vault.catalogue.read(PUBLISHED_DIGESTS, last, PAGE):
        for row in rows:
            last, known = row["id"], log.archives.get(row["id"], {})
            seen.add(last)
            digests = {"manifest": hashlib.sha256(row["manifest"].encode()).hexdigest(), "key": row["key_sha256"]}
            for part, found in digests.items():
                if PARTS[part] in known and known[PARTS[part]] != found:
                    yield Wrong(
                        "row", last, f"the catalogue and the log have different digests of this archive's {part}"
                    )
            if log.whole and ("manifest_sha256" not in known or last in log.certificates):
                yield Wrong("row", last, "the catalogue lists an archive that the log does not list as archived")
    for archive in _published(log):
        if archive not in seen and archive not in log.certificates:
            yield Wrong("row", archive, "the log lists an archive that the catalogue does not have")


def _check_archive(layout: Layout, log: Log, archive: str, report: Report, *, payloads: bool) -> bool:
    known, before = log.archives[archive], len(report.findings)
    for part, fact in PARTS.items():
        path = place_of(layout, log, archive, part)
        where = str(path.relative_to(layout.root))
        if archive in log.certificates and part != "manifest":
            if is_there(path):
                report.findings.append(Wrong("not-destroyed", where, "the log says that this archive was destroyed"))
        elif fact in known and (payloads or part != "payload"):
            report.check(where, partial(_compare, path, where, known[fact], part))
    return len(report.findings) == before


def _unrecorded(vault: Vault, log: Log) -> Iterator[Wrong]:
    """Yield every file in an archive's place that the log does not record and that is not being made now."""
    root, making = vault.layout.root, {job.archive for job in live_jobs(vault.catalogue) if job.archive}
    for folder in _FOLDERS:
        if not is_folder(root / folder):
            continue
        for entry in walk(root / folder, lambda name: "/" not in name):
            if entry.status is not None and stat.S_ISDIR(entry.status.st_mode):
                continue
            archive = entry.name.rpartition("/")[2].partition(".")[0]
            known = archive in log.certificates if "/" in folder else archive in log.archives
            known = known or (folder == "quarantine" and entry.name in log.aside)
            if not known and archive not in making:
                yield Wrong("stray", f"{folder}/{entry.name}", "the log records no such file")

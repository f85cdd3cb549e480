"""A vault: the files of every archive against its log."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from strongroom_verify.files import compare_file
from strongroom_verify.findings import Report, Wrong
from strongroom_verify.log import check_log
from strongroom_verify.notes import Key

_LOG_FOLDERS = ("log", "log/checkpoints")


def check_vault(root: Path, keys: list[Key], outside: list[Path], report: Report) -> None:
    """Check a vault's log, then every archive's files against it, and that there are no other files."""
    report.scope = "the log, and the files of every archive in it"
    log, before, sound = check_log(root / "log" / "log.jsonl", keys, outside, report), len(report.findings), 0
    expected = {f"log/certificates/{archive}.note" for archive in log.certificates}
    for archive, known in log.archives.items():
        if "manifest_sha256" in known and re.fullmatch("[0-9a-z]{26}", archive):
            places = _places(archive, known)
            expected.update(places)
            if archive in log.damaged:
                words = f"the files of archive {archive}: the log says that they were damaged and set aside"
                report.unproven.append(words)
                continue
            sound += _check_archive(root, known, places, report, gone=archive in log.certificates)
    for name, digest in log.notes.items():
        if any(each.where == name for each in report.findings):
            continue
        report.check(name, partial(_check_note, root / "log" / "checkpoints" / name, name, digest))
    for name, digest in log.aside.items():
        where = f"quarantine/{name}"
        expected.add(where)
        if digest and re.fullmatch("[0-9A-Za-z.]+", name) and os.path.lexists(root / where):  # a person may remove it
            report.check(where, partial(compare_file, root / where, where, digest, "aside"))
    if log.whole:  # or what the log did not come to would look like a stray
        report.findings += _strays_of_vault(root, expected)
    if len(report.findings) == before:
        report.proven.append(f"the files of {sound} archives are the ones recorded in the log, and there are no others")


def _check_note(path: Path, where: str, digest: str) -> None:
    if not os.path.lexists(path):
        words = "checkpoint removed: the log records that it was signed; put back a copy"
        raise Wrong("missing", where, words)
    compare_file(path, where, digest, "checkpoint")


def _places(archive: str, known: dict[str, Any]) -> dict[str, str]:
    """Return where the files of an archive lie, each with the fact of the log that is its digest."""
    shard = archive[-2:]
    folders = ("archives/" + shard, "keys/" + shard, "manifests/" + shard)
    folders = ("quarantine",) * 3 if known.get("holding") == "quarantined" else folders
    payload, key, manifest = (f"{folder}/{archive}" for folder in folders)
    return {payload + ".age": "sealed_sha256", key + ".key.age": "key_sha256", manifest + ".json": "manifest_sha256"}


def _check_archive(root: Path, known: dict[str, Any], places: dict[str, str], report: Report, *, gone: bool) -> bool:
    """Compare the files of an archive; of a destroyed one (`gone`) nothing but its tombstone may be there."""
    before = len(report.findings)
    for name, digest in places.items():
        fact = "tombstone_sha256" if gone and digest == "manifest_sha256" else digest
        if gone and fact != "tombstone_sha256":
            if os.path.lexists(root / name):
                report.findings.append(Wrong("not-destroyed", name, "the log says that this archive was destroyed"))
        elif fact in known:
            report.check(name, partial(compare_file, root / name, name, known[fact], fact.partition("_")[0]))
    return not gone and len(report.findings) == before


def _strays_of_vault(root: Path, expected: set[str]) -> Iterator[Wrong]:
    for folder in (*_LOG_FOLDERS, "log/certificates", "archives", "keys", "manifests", "quarantine"):
        if (root / folder).is_symlink():
            yield Wrong("link", folder, "a folder of a vault is never a symbolic link: what is behind it is another's")
        if (root / folder).is_symlink() or folder in _LOG_FOLDERS:
            continue
        for place, folders, files in os.walk(root / folder):
            for name in sorted(folders + files):
                path = Path(place, name)
                where = path.relative_to(root).as_posix()
                if path.is_symlink() or (name in files and where not in expected):
                    yield Wrong("stray", where, "the log records no such file")

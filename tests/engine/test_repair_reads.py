"""What a recovery reads: a line of the log, a manifest that the log confirms, and files that belong to no archive."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, cast

import pytest

from kit.watched_vault import days, open_house
from strongroom.engine.core.check import cause_words
from strongroom.engine.proof.log_continuity import is_at
from strongroom.engine.proof.manifests import manifest_from
from strongroom.engine.repair.diagnosis import _unproven
from strongroom.engine.repair.findings import ProblemKind
from strongroom.model.errors import VaultError
from strongroom.vault.manifest import write_manifest
from strongroom.vault.old_catalogues import witnesses_of
from strongroom.vault.orphans import StrayFiles

NAME = "0" * 26
FILES = tuple(Path(name) for name in ("payload", "key", "manifest"))


@pytest.mark.parametrize(
    ("end", "line", "found"),
    [
        (4, b"one", True),
        (8, b"two", True),
        (8, b"one", False),
        (7, b"two", False),
        (12, b"two", False),
    ],
)
def test_a_line_of_the_log_is_found_where_it_ends(tmp_path: Path, end: int, line: bytes, found: bool) -> None:
    log = tmp_path / "log" / "log.jsonl"
    log.parent.mkdir()
    log.write_bytes(b"one\ntwo\n")
    assert is_at(log, end, line) is found
    assert not is_at(log.with_name("none"), end, line)


class Kept:
    """Older catalogues that have one manifest."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def manifest(self, _archive: str, logged: str) -> bytes | None:
        return self.data if logged == "confirmed" else None


def test_only_a_whole_manifest_of_this_archive_that_the_log_confirms_is_taken(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        archive = house.archive(days(2, 1), 3)
    data = write_manifest(archive)

    def taken(data: bytes, name: str = archive.id, logged: str = "confirmed") -> object:
        told: Any = [{"facts": {"manifest_sha256": logged}}] if logged else []
        return manifest_from(cast("Any", Kept(data)), name, told)

    assert taken(data) == archive
    assert taken(data, logged="another") is None
    assert taken(data, logged="") is None
    assert taken(data, name=NAME) is None
    assert taken(data[:-20]) is None


@pytest.mark.parametrize(
    ("files", "manifest", "other", "kind", "words"),
    [
        (FILES, True, False, ProblemKind.UNKNOWN, "is in the vault, but not in the catalogue"),
        (FILES, True, True, ProblemKind.STRAY, "with files that are not those of the log"),
        (FILES[1:], True, False, ProblemKind.STRAY, "not complete"),
        (FILES[:2], False, False, ProblemKind.STRAY, "part of an archive without a manifest"),
        (FILES[:2], False, True, ProblemKind.STRAY, "part of an archive without a manifest"),
    ],
)
def test_files_that_the_catalogue_does_not_know_are_told_as_what_they_are(
    files: tuple[Path, ...], manifest: bool, other: bool, kind: ProblemKind, words: str
) -> None:
    names = tuple(str(each) for each in files)
    found = _unproven(StrayFiles(NAME, files), files[-1] if manifest else None, names, other=other)
    assert (found.kind, found.archive, found.files) == (kind, NAME, names)
    assert words in found.words


def test_an_older_catalogue_is_believed_only_where_the_digest_is_the_one_that_the_log_has(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        archive = house.archive(days(2, 1), 3)
        data = write_manifest(archive)
        digest = hashlib.sha256(data).hexdigest()
        witnesses = witnesses_of(house.vault.layout)
        assert witnesses.manifest(archive.id, digest) == data
        assert witnesses.manifest(archive.id, "0" * 64) is None
        assert witnesses.manifest(NAME, digest) is None
        assert witnesses.tombstone(archive.id, digest) is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (VaultError("the catalogue refused", hint="see"), "the catalogue refused"),
        (OSError(5, "Input/output error", "/vault/keys"), "Input/output error: /vault/keys"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (TimeoutError(), "TimeoutError"),
        (KeyError("facts"), "something there has an unexpected form"),
    ],
)
def test_a_check_that_could_not_be_finished_says_why(error: Exception, words: str) -> None:
    assert cause_words(error) == words

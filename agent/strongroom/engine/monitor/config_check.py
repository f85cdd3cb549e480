"""What a configuration says that is no mistake of form: plans that begin in the future, files that others may change.

Whoever can write the configuration decides to whom new archives are sealed, so who can write it is looked at like the
vault itself.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from strongroom.config.keys import references_of
from strongroom.config.problem import KeyPath
from strongroom.config.schema import Config
from strongroom.config.secrets import Scheme
from strongroom.engine.core.check import Check, CheckResult
from strongroom.model.times import format_instant

_GROUP, _OTHERS = stat.S_IWGRP, stat.S_IWOTH


class Late(Struct, frozen=True):
    """A stream whose coverage begins later than now."""

    stream: str
    key: KeyPath
    words: str


def late_beginnings(config: Config, now: datetime) -> Iterator[Late]:
    """Yield every stream that archives nothing yet because its `since` lies in the future."""
    for place, stream in enumerate(config.streams):
        if stream.since is not None and stream.since > now:
            words = f"since lies in the future: nothing before {format_instant(stream.since)} is archived"
            yield Late(stream.name, ("stream", place, "since"), words)


def check_beginnings(config: Config, now: datetime) -> Iterator[Check]:
    """Warn of streams that begin in the future."""
    for each in late_beginnings(config, now):
        yield Check(f"stream {each.stream}", CheckResult.WARN, each.words, "if that is not intended, correct the date")


def check_who_writes(config: Config) -> Iterator[Check]:
    """Say who else than their owner may change the configuration, and the folders where keys lie."""
    found = [_judge(config.file, "the configuration", "add a recipient and read all that comes from then on")]
    found += [_judge(folder, "the folder", "put another file in its place") for folder in _folders(config)]
    wrong = [check for check in found if check is not None]
    yield from wrong or [
        Check("configuration", CheckResult.OK, "only its owner can change it, or put keys in its place")
    ]


def _folders(config: Config) -> list[Path]:
    """Return the folders of the configuration, of the identity and of every key that lies in a file."""
    files = [config.file.resolve(), config.file]
    files += [config.vault.identity] if config.vault.identity else []
    files += [Path(ref.target) for ref in references_of(config) if ref.scheme is Scheme.FILE]
    return list(dict.fromkeys(file.parent for file in files))


def _judge(path: Path, what: str, harm: str) -> Check | None:
    """Judge one file or folder. A folder with the sticky bit lets nobody touch another's files."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None  # a missing file is reported where it is needed
    if not mode & (_GROUP | _OTHERS) or (stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
        return None
    who, verdict = ("anybody", CheckResult.FAIL) if mode & _OTHERS else ("its group", CheckResult.WARN)
    words = f"{who} may write {what} {path} (mode {stat.S_IMODE(mode):04o}): they could {harm}"
    return Check("configuration", verdict, words, f"chmod go-w {path}")

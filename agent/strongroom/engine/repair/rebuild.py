"""The catalogue rebuilt from what does not depend on it: the log, the manifests, the tombstones.

Three passes, each of which resumes where an interrupted one stopped: lines become entries, jobs and coverage; manifests
become archives, where the log confirms them; the rest is derived from the log at the end. A missing manifest is written
again from an older catalogue, if the log has its digest. The previous catalogue is moved aside, never deleted. What was
destroyed stays destroyed: a manifest that came back is not entered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from msgspec import Struct, field

from strongroom.age.keys import X25519Identity
from strongroom.engine.access.restore import require_outside_of
from strongroom.engine.proof.log_continuity import is_at, require_history
from strongroom.engine.proof.manifests import Restorer, enter_file, manifests_of, name_of
from strongroom.engine.proof.replay import Body, Replay, put_line, replay_ends
from strongroom.engine.retention.holds import SEALED, open_matters
from strongroom.evidence.line import Entry, Fact, digest
from strongroom.model.coverage import Cover
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import Interrupted, VaultError, WorldError
from strongroom.model.plan import Stream
from strongroom.model.times import Clock, format_instant
from strongroom.vault import old_catalogues as rebuilding
from strongroom.vault.catalogue import PUT_FACT, Catalogue, open_catalogue
from strongroom.vault.coverage import covered_by
from strongroom.vault.durable import make_folder
from strongroom.vault.files import is_there, open_lines
from strongroom.vault.layout import FORMAT, Layout, beside
from strongroom.vault.lock import hold
from strongroom.vault.log import add_entry, write_out
from strongroom.vault.old_catalogues import witnesses_of
from strongroom.vault.rows import UNREADABLE, RowUnreadable
from strongroom.vault.scrubs import UNSHOWN
from strongroom.vault.vault import require_sound_places

COUNT_MATTERS = "SELECT count(*) AS count FROM holds WHERE matter = ?"
UNSHOWN_TOMBSTONES = """
SELECT DISTINCT stream, archive FROM entries
WHERE kind = 'archive.destroyed' AND archive NOT IN (SELECT archive FROM tombstones) ORDER BY archive
"""
UNCOVER_UNSHOWN = """
UPDATE coverage SET cover = 'missing', cause = ?, archive = ''
WHERE cover IN ('proven', 'empty') AND archive NOT IN (SELECT id FROM archives)
"""
COUNTS = """
SELECT (SELECT count(*) FROM archives) AS archives, (SELECT count(*) FROM tombstones) AS tombstones,
       (SELECT count(*) FROM entries) AS entries, (SELECT count(*) FROM jobs) AS jobs
"""

BATCH = 2000  # lines, or manifests, that share a commit
GONE = "manifest-missing"
NO_HISTORY = (
    "log/log.jsonl: there was no log, so earlier legal holds are unknown. Place them again before you do anything else;"
    " earlier archives are not destroyed, because the log has no entries about them"
)

Watch = Callable[[str, int], None]
"""Called with the name of the pass and the number of further items done."""


class Rebuilt(Struct):
    """The result of a rebuild."""

    entries: int = 0
    jobs: int = 0
    archives: int = 0
    tombstones: int = 0
    faults: list[str] = field(default_factory=list)  # each with the file it is about
    restored: list[str] = field(default_factory=list)  # what was written again from an older catalogue
    sealed: int = 0  # holds whose matter no identity opened
    aside: Path | None = None  # where the previous catalogue is now


class Rebuild(Struct, frozen=True):
    """One rebuild. With `to` the new catalogue is made there and the vault's own is not changed."""

    root: Path  # the vault's folder
    clock: Clock
    streams: Mapping[str, Stream] = field(default_factory=dict)  # by name, as configured
    to: Path | None = None
    lose_history: bool = False  # continue although the log is missing or cut: what it had is lost then
    watch: Watch = lambda _what, _count: None
    stop: Callable[[], bool] = lambda: False  # asked between batches
    batch: int = BATCH
    identities: Sequence[X25519Identity] = ()  # to open the names of matters

    @property
    def layout(self) -> Layout:
        """The paths of the vault."""
        return Layout(self.root)


def rebuild(order: Rebuild) -> Rebuilt:
    """Rebuild the catalogue. After an interruption the next call resumes.

    Raises VaultLocked while another process works in the vault, VaultError where the chain of the log is broken,
    UsageError where the log has lost lines without `lose_history`, Interrupted when `stop` returns True.
    """
    require_sound_places(order.layout)
    if order.to is not None:
        require_outside_of(order.root, order.to)
    if not is_there(order.layout.log) and not any(manifests_of(order.layout)):
        raise VaultError(f"there is no vault at {order.layout.root}", hint="check [vault] path")
    with hold(order.layout.lock, "strongroom rebuild"):
        if not order.lose_history and order.to is None:
            require_history(order.layout)
        unfinished = beside(order.to, ".part") if order.to else _place(order.layout)
        if order.to is not None and is_there(order.to):
            raise VaultError(f"{order.to} exists and is never overwritten", hint="name another file")
        done = Rebuilt()
        catalogue = _begin(order, unfinished)
        try:
            _read_log(order, catalogue)
            _read_manifests(order, catalogue, done)
            _finish(order, catalogue, done)
        finally:
            catalogue.close()
        if order.to is None:
            done.aside = rebuilding.set_aside(order.layout, order.clock())
        rebuilding.take_place(unfinished, order.to or order.layout.catalogue)
        if order.to is None:
            _level_log(order.layout)
        return done


def _place(layout: Layout) -> Path:
    return layout.root / "rebuilding.sqlite"


def _begin(order: Rebuild, unfinished: Path) -> Catalogue:
    """Open what an interrupted rebuild left, if it is of this log; start again otherwise."""
    catalogue = rebuilding.open_unfinished(unfinished)
    _, line, _ = rebuilding.last_line(catalogue)
    offset = int(rebuilding.read_mark(catalogue, "offset") or 0)
    if line and not is_at(order.layout.log, offset, line):
        catalogue.close()
        rebuilding.discard(unfinished)
        return rebuilding.open_unfinished(unfinished)
    return catalogue


def _read_log(order: Rebuild, catalogue: Catalogue) -> None:
    """Enter and apply every whole line; an incomplete line at the end is ignored."""
    seq, _, prev = rebuilding.last_line(catalogue)
    offset = int(rebuilding.read_mark(catalogue, "offset") or 0)
    replay = Replay(catalogue, order.streams)
    replay.take_up()
    if not is_there(order.layout.log):
        return
    with open_lines(order.layout.log) as file:
        file.seek(offset)
        while lines := list(islice(_whole(file), order.batch)):
            _check_stop(order)
            bodies = []
            for line in lines:  # check the chain first
                seq += 1
                bodies.append(_read_line(line, seq, prev))
                prev, offset = digest(line), offset + len(line) + 1
            with catalogue.transaction():
                for line, body in zip(lines, bodies, strict=True):
                    _enter(catalogue, replay, body, line)
                replay.flush()
                rebuilding.put_mark(catalogue, "offset", str(offset))
            order.watch("log", len(lines))


def _enter(catalogue: Catalogue, replay: Replay, body: Body, line: bytes) -> None:
    try:
        put_line(catalogue, body, line)
        replay.feed(body)
    except (RowUnreadable, *UNREADABLE) as error:
        raise VaultError(
            f"this program cannot read line {body['seq']} of log/log.jsonl",
            hint="install a newer version of strongroom; if none wrote the line, restore log/log.jsonl from a copy: "
            "docs/recovery/torn-log.md",
        ) from error


def _whole(lines: Iterator[bytes]) -> Iterator[bytes]:
    return (line[:-1] for line in lines if line.endswith(b"\n"))


def _read_line(line: bytes, seq: int, prev: str) -> Body:
    try:
        body: Body = json.loads(line)
        follows = body["seq"] == seq and body["prev"] == prev
    except (ValueError, KeyError, TypeError, RecursionError):
        follows, body = False, {}
    if not follows:
        raise VaultError(
            f"line {seq} of log/log.jsonl does not follow the line before it, so nothing was rebuilt",
            hint="restore log/log.jsonl from a copy; see docs/recovery/torn-log.md",
        )
    return body


def _read_manifests(order: Rebuild, catalogue: Catalogue, done: Rebuilt) -> None:
    """Enter every archive and tombstone, in the order of their paths."""
    layout = order.layout
    mark = rebuilding.read_mark(catalogue, "manifest")
    paths = iter([path for path in manifests_of(layout) if name_of(layout, path) > mark])
    while some := list(islice(paths, order.batch)):
        _check_stop(order)
        with catalogue.transaction():
            for path in some:
                done.faults += enter_file(layout, catalogue, path)
            rebuilding.put_mark(catalogue, "manifest", name_of(layout, some[-1]))
        order.watch("manifests", len(some))


def _finish(order: Rebuild, catalogue: Catalogue, done: Rebuilt) -> None:
    now: datetime = order.clock()
    with catalogue.transaction():
        _restore_lost(order, catalogue, done, now)
        replay_ends(catalogue)
        open_matters(catalogue, order.identities)
        done.sealed = int(catalogue.read(COUNT_MATTERS, SEALED)[0]["count"])
        _uncover_lost(order, catalogue, done, now)
        rebuilding.drop_marks(catalogue)
        catalogue.write(PUT_FACT, "format", str(FORMAT))
        row = catalogue.read(COUNTS)[0]
        done.entries, done.jobs, done.archives, done.tombstones = (
            row[name] for name in ("entries", "jobs", "archives", "tombstones")
        )
        if not done.entries and done.archives:
            done.faults.insert(0, NO_HISTORY)
        if order.to is None:
            facts: dict[str, Fact] = {"entries": done.entries, "archives": done.archives, "faults": len(done.faults)}
            add_entry(catalogue, Entry(EntryKind.VAULT_REBUILT, now, facts=facts))


def _restore_lost(order: Rebuild, catalogue: Catalogue, done: Rebuilt, now: datetime) -> None:
    """Restore missing manifests and tombstones from an older catalogue, if the log confirms them."""
    restorer = Restorer(order.layout, catalogue, witnesses_of(order.layout), now, writes=order.to is None)
    for row in [*catalogue.read(UNSHOWN), *catalogue.read(UNSHOWN_TOMBSTONES)]:
        try:
            name = restorer.restore(row["archive"])
        except (VaultError, WorldError) as error:
            done.faults.append(f"archive {row['archive']}: its manifest cannot be written again: {error.message}")
            continue
        if name:
            done.faults = [each for each in done.faults if not each.startswith((f"{name}: ", f"{Path(name).name}: "))]
            done.restored.append(f"{name}: written again from an older catalogue; the log has its digest")


def _uncover_lost(order: Rebuild, catalogue: Catalogue, done: Rebuilt, now: datetime) -> None:
    """Report archives of the log without a manifest, and mark their windows as missing."""
    for row in catalogue.read(UNSHOWN):
        done.faults.append(f"archive {row['archive']} of {row['stream']}: its manifest is missing")
        if order.to is None:  # without an entry it would be lost with the next catalogue
            _log_uncovered(catalogue, row["archive"], row["stream"], now)
    for row in catalogue.read(UNSHOWN_TOMBSTONES):
        done.faults.append(f"archive {row['archive']}: it was destroyed, but its tombstone is missing")
    catalogue.write(UNCOVER_UNSHOWN, GONE)


def _log_uncovered(catalogue: Catalogue, archive_id: str, stream: str, now: datetime) -> None:
    covered = covered_by(catalogue, archive_id)
    windows: list[Fact] = [
        [format_instant(each.window.start), format_instant(each.window.end), Cover.MISSING.value] for each in covered
    ]
    if covered:
        facts: dict[str, Fact] = {"cause": GONE, "uncovered": windows}
        add_entry(catalogue, Entry(EntryKind.ARCHIVE_MISSING, now, covered[0].job, archive_id, stream, facts))


def _level_log(layout: Layout) -> None:
    make_folder(layout.log.parent)
    catalogue = open_catalogue(layout.catalogue)
    try:
        write_out(catalogue, layout.log)
    finally:
        catalogue.close()


def _check_stop(order: Rebuild) -> None:
    if order.stop():
        raise Interrupted("the rebuild was interrupted", hint="run it again: it resumes where it stopped")

"""The scrub: reads every sealed byte, every other file and every line of the log from the disk, without an identity.

It works in slices, so that a daemon can do it between two turns of its jobs. Its progress is saved from time to time:
after a restart it resumes there, and an archive that was partly read is read again from its beginning.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.engine.access.fixity import FixityFault, check_small_files, forget_cached
from strongroom.engine.access.inventory import row_fault
from strongroom.engine.repair.scrub_reading import FilesReading, LogReading, ScrubReading, check_log_piece, short_log
from strongroom.model.errors import VaultError, VaultLocked, WorldError
from strongroom.model.scrub import LOG, Lap, ScrubPace, cost, is_worth_a_look, lap_due, slice_size
from strongroom.model.times import Clock
from strongroom.vault import scrubs
from strongroom.vault.archives import get_archive, has_archive
from strongroom.vault.files import open_folder
from strongroom.vault.key_rotation import keys_alone
from strongroom.vault.log import last_entry_number, require_current
from strongroom.vault.rows import RowUnreadable
from strongroom.vault.scrubs import ScrubFinding
from strongroom.vault.vault import Vault

SAVE_BYTES = 256 << 20  # read since the last save, at the most
SAVE_ARCHIVES = 500


class _Unsaved(Struct):
    cost: int = 0
    archives: int = 0
    findings: list[tuple[str, str, list[ScrubFinding]]] = field(default_factory=list)  # of an archive, its stream


class Scrub:
    """The scrub of one vault. Between processes its state is only in the catalogue."""

    def __init__(self, vault: Vault, clock: Clock, pace: ScrubPace) -> None:
        self._vault, self._clock, self._pace = vault, clock, pace
        self._lap: Lap | None = None  # as it was last saved
        self._cursor = ""
        self._reading: ScrubReading | LogReading | FilesReading | None = None
        self._unsaved = _Unsaved()
        self._short: FixityFault | None = None  # what the log file lacked when it was reached
        self._last = clock()

    def has_work(self, now: datetime) -> bool:
        """Say whether `tend` would read something, as far as is known without looking at the catalogue."""
        if self._lap is None or self._lap.ended_at is not None:
            return False
        return is_worth_a_look(replace(self._lap, done=self._done()), self._pace, now)

    def adopt(self, pace: ScrubPace) -> None:
        """Use another period or rate from now on."""
        self._pace = pace

    def tend(self) -> int:
        """Read what is due now, within the rate; return how much was read. For a daemon's turns."""
        now = self._clock()
        since, self._last = now - self._last, now
        with _alone(self._vault) as mine:
            if not mine or not self._take_up(now, begin=False):
                return 0
            lap = replace(self._lap, done=self._done()) if self._lap else None
            return self._walk(slice_size(lap, self._pace, now, since)) if lap else 0

    def begin(self) -> Lap:
        """Return the current lap, or a new one. Raises VaultLocked as `run` does.

        Raises VaultError where the log is ahead of the catalogue: another entry would make the two differ for good.
        """
        require_current(self._vault.catalogue, self._vault.layout.log)
        self.run(0)
        if self._lap is None:
            raise VaultLocked("another process ended this scrub", hint="run it again")
        return self._lap

    def run(self, most: int, *, begin: bool = True) -> int:
        """Read at most `most` now, whatever is due; return how much was read, 0 when the lap has ended.

        `begin` starts a new lap where there is none. Raises VaultLocked while another process scrubs.
        """
        with _alone(self._vault) as mine:
            if not mine:
                raise VaultLocked(
                    "another process is scrubbing this vault",
                    hint="wait for it; to see its progress: strongroom scrub status",
                )
            return self._walk(most) if self._take_up(self._clock(), begin=begin) else 0

    def finish(self) -> None:
        """Save the progress and close every file."""
        with _alone(self._vault) as mine:
            if mine and self._is_current():
                self._save()
        self._drop()

    def _take_up(self, now: datetime, *, begin: bool) -> bool:
        """Continue where the catalogue says; begin a lap where one is due. Return whether there is a lap."""
        if self._is_current() and self._lap is not None and self._lap.ended_at is None:
            return True
        self._drop()
        lap = scrubs.last_lap(self._vault.catalogue)
        if lap is None or lap.ended_at is not None:
            if not begin and not lap_due(lap, self._pace, now):
                return False
            lap = Lap(lap.number + 1 if lap else 1, now, scrubs.whole_cost(self._vault.catalogue))
            with self._vault.catalogue.transaction():
                scrubs.put_lap(self._vault.catalogue, lap)
        self._lap, self._cursor = lap, lap.cursor
        return True

    def _is_current(self) -> bool:
        return self._lap is not None and scrubs.last_lap(self._vault.catalogue) == self._lap

    def _drop(self) -> None:
        if isinstance(self._reading, ScrubReading):
            self._reading.close()
        self._lap, self._reading, self._unsaved = None, None, _Unsaved()

    def _walk(self, budget: int) -> int:
        spent = 0
        while spent < budget and self._lap is not None and self._lap.ended_at is None:
            spent += self._advance(budget - spent)
        if self._is_save_due():
            self._save()
        return spent

    def _advance(self, budget: int) -> int:
        """Do one small step: open the next archive, read on, or judge what was read. Returns its cost."""
        if self._reading is None:
            self._reading = self._open_next()
            return 1
        if isinstance(self._reading, LogReading):
            return self._read_log(self._reading)
        if isinstance(self._reading, FilesReading):
            return self._reading.read() or self._end(self._reading)
        if read := self._reading.read(budget):
            return read
        return self._judge(self._reading)

    def _open_next(self) -> ScrubReading | LogReading:
        after = self._cursor
        while after != LOG and (archive_id := scrubs.next_archive_id(self._vault.catalogue, after)) is not None:
            after = archive_id
            try:
                archive = get_archive(self._vault.catalogue, archive_id)
            except RowUnreadable:
                self._unsaved.findings.append((archive_id, "", self._findings([row_fault(archive_id)])))
                continue
            if archive is not None:
                return ScrubReading(self._vault, archive)
        self._cursor = LOG
        self._short = short_log(self._vault)  # before it is brought level
        self._level()
        return LogReading(last_entry_number(self._vault.catalogue))

    def _level(self) -> None:
        with suppress(VaultError, WorldError):  # reading it will report the error; the catalogue has every entry
            self._vault.write_log()

    def _judge(self, reading: ScrubReading) -> int:
        archive, faults = reading.archive, reading.verdict()
        forget_cached(self._vault, archive)
        faults += check_small_files(self._vault, archive)
        if any(fault.code == "key" for fault in faults):
            with keys_alone(self._vault.layout):  # a rotation may have been about to record it
                faults = [each for each in faults if each.code != "key"]
                faults += [each for each in check_small_files(self._vault, archive) if each.code == "key"]
        self._reading, self._cursor = None, archive.id
        self._unsaved.cost += cost(archive.seal.sealed_size)
        self._unsaved.archives += 1
        if faults and not scrubs.is_still_read(self._vault.catalogue, archive.id):
            return cost(0)  # destroyed while it was read
        if faults or scrubs.findings_of(self._vault.catalogue, archive.id):
            self._unsaved.findings.append((archive.id, archive.stream, self._findings(faults)))
        return cost(0)

    def _read_log(self, reading: LogReading) -> int:
        """Read a piece of the log; the files beside the archives come next."""
        fault, size = check_log_piece(self._vault, reading)
        if fault is not None or reading.seq >= reading.last:
            self._reading = FilesReading(self._vault, fault or self._short)
        return size

    def _end(self, reading: FilesReading) -> int:
        """Record what was found of the log and of the files beside the archives, and end the lap."""
        catalogue = self._vault.catalogue
        for (archive, stream), faults in reading.faults.items():
            if faults or not archive or scrubs.findings_of(catalogue, archive):
                self._unsaved.findings.append((archive, stream, self._findings(faults)))
        self._look_for_unlisted()
        self._save(files=reading.counts)
        return 1

    def _look_for_unlisted(self) -> None:
        """Find archives that the log has and the catalogue lacks."""
        unlisted = scrubs.unlisted_archives(self._vault.catalogue)
        for name, stream in unlisted.items():
            file, message = f"manifests/{name[-2:]}/{name}.json", "expected an archive that the log has, found none"
            self._unsaved.findings.append(
                (name, stream, self._findings([FixityFault(name, file, "unlisted", message)]))
            )
        gone = (name for name in scrubs.found_unlisted(self._vault.catalogue) if name not in unlisted)
        self._unsaved.findings += [
            (name, "", []) for name in gone if not has_archive(self._vault.catalogue, name)
        ]  # what is listed again was judged above

    def _findings(self, faults: list[FixityFault]) -> list[ScrubFinding]:
        now = self._clock()
        return [ScrubFinding(each.archive, each.file, each.code, each.message, now) for each in faults]

    def _done(self) -> int:
        """What is done of the lap, with what was read of the archive that is open."""
        read = 0
        if isinstance(self._reading, ScrubReading):
            read = self._reading.archive.seal.sealed_size - self._reading.left
        return (self._lap.done if self._lap else 0) + self._unsaved.cost + read

    def _is_save_due(self) -> bool:
        unsaved = self._unsaved
        return bool(unsaved.findings) or unsaved.cost >= SAVE_BYTES or unsaved.archives >= SAVE_ARCHIVES

    def _save(self, *, files: Mapping[str, int] | None = None) -> None:
        """Save the progress; at the end of the lap `files` counts what was read beside the archives."""
        lap, unsaved, now, ended = self._lap, self._unsaved, self._clock(), files is not None
        if lap is None or not (ended or unsaved.archives or unsaved.findings):
            return
        lap = replace(lap, done=lap.done + unsaved.cost, archives=lap.archives + unsaved.archives, cursor=self._cursor)
        lap = replace(lap, ended_at=now) if ended else lap
        catalogue = self._vault.catalogue
        with catalogue.transaction():
            for archive, stream, found in unsaved.findings:
                scrubs.put_findings(catalogue, archive, stream, found, now)
            scrubs.put_lap(catalogue, lap) if files is None else scrubs.end_lap(catalogue, lap, files)
        self._lap, self._unsaved = lap, _Unsaved()
        if ended or unsaved.findings:
            self._level()
        if ended:
            self._reading = None


@contextmanager
def _alone(vault: Vault) -> Iterator[bool]:
    """Be the only process that scrubs, for one slice; yield False where another does."""
    with open_folder(vault.layout.root / "archives") as folder:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True

"""Pairs: ours, theirs, ours, theirs. A shared machine drifts, so only ratios taken pair by pair mean anything."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from exports import Export
from measure import Sample
from ours import Ours
from peers import (
    AGE_RESTORE,
    BORG,
    BORG_RESTORE,
    BORG_VERIFY,
    CHAIN,
    CHAIN_VERIFY,
    PIPE,
    RESTIC,
    RESTIC_RESTORE,
    RESTIC_VERIFY,
    Shell,
    environment_for,
)


@dataclass(frozen=True, slots=True)
class Contest:
    """One job of ours against one command line."""

    job: str  # ingest, verify, restore
    peer: str  # its command line, in short
    shell: Shell
    targets: tuple[tuple[int, float], ...] = ()  # highest ratio wanted, by megabytes of JSON
    durable: bool = False  # compare the time until the file is durable, not the whole command


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the pairs of one contest at one size gave."""

    contest: Contest
    megabytes: int
    pairs: tuple[tuple[Sample, Sample], ...]
    absent: str = ""  # tools that are not installed

    @property
    def ratios(self) -> list[float]:
        """Our time over theirs, pair by pair, in order."""
        return sorted(self.time(ours) / theirs.wall for ours, theirs in self.pairs)

    @property
    def target(self) -> float | None:
        """The highest ratio wanted, where one is set."""
        return dict(self.contest.targets).get(self.megabytes)

    def time(self, ours: Sample) -> float:
        """The time of ours that is compared."""
        return ours.durable if self.contest.durable and ours.durable is not None else ours.wall

    def ours(self, value: Callable[[Sample], float]) -> float:
        """The median of our runs."""
        return median(value(ours) for ours, _ in self.pairs)

    def theirs(self, value: Callable[[Sample], float]) -> float:
        """The median of their runs."""
        return median(value(theirs) for _, theirs in self.pairs)


CONTESTS = (
    Contest("ingest", "curl; unzip -t; sha256sum; age", CHAIN, ((200, 0.60), (1000, 0.45))),
    Contest("ingest", "curl; restic backup", RESTIC, ((1000, 1.5),)),
    Contest("ingest", "curl; borg create", BORG, ((1000, 1.2),)),
    Contest("durable", "curl \\| age; sync", PIPE, ((200, 3.0), (1000, 1.3)), durable=True),
    Contest("verify", "age -d; sha256sum; unzip -t", CHAIN_VERIFY, ((200, 0.60), (1000, 0.45))),
    Contest("verify", "restic check --read-data", RESTIC_VERIFY),
    Contest("verify", "borg check --verify-data", BORG_VERIFY),
    Contest("restore", "age -d; sync", AGE_RESTORE, ((200, 2.5), (1000, 1.25))),
    Contest("restore", "restic restore", RESTIC_RESTORE, ((1000, 0.40),)),
    Contest("restore", "borg extract", BORG_RESTORE, ((1000, 0.33),)),
)


class Ring:
    """Where contests are held: servers that run, and a scratch folder."""

    def __init__(self, files_url: str, api_urls: dict[int, str], scratch: Path) -> None:
        self._files_url = files_url
        self._api_urls = api_urls
        self._scratch = scratch

    def hold(self, contest: Contest, export: Export, pairs: int) -> Outcome:
        """Run the pairs, after one warming run of each side that is not counted."""
        absent = contest.shell.missing()
        if absent:
            return Outcome(contest, export.megabytes, (), absent)
        theirs = self._scratch / "theirs"
        theirs.mkdir()
        try:
            sides = self._our_side(contest, export), self._their_side(contest, export, theirs)
            played = [(sides[0](), sides[1]()) for _ in range(pairs + 1)]
        finally:
            for name in ("ours", "theirs"):
                shutil.rmtree(self._scratch / name, ignore_errors=True)
        return Outcome(contest, export.megabytes, tuple(played[1:]))

    def _our_side(self, contest: Contest, export: Export) -> Callable[[], Sample]:
        if contest.job in ("ingest", "durable"):
            return lambda: self._fresh_vault(export).ingest()
        held = self._fresh_vault(export)
        held.ingest()
        return held.verify if contest.job == "verify" else held.restore

    def _fresh_vault(self, export: Export) -> Ours:
        folder = self._scratch / "ours"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        ours = Ours(folder)
        ours.request(self._api_urls[export.megabytes])
        return ours

    def _their_side(self, contest: Contest, export: Export, folder: Path) -> Callable[[], Sample]:
        environment = environment_for(export, self._files_url, folder)
        fresh = contest.job in ("ingest", "durable")
        if not fresh:
            contest.shell.prepare(folder, environment)

        def run() -> Sample:
            if fresh:  # a repository that has the file already would have nothing to do
                contest.shell.prepare(folder, environment)
            return contest.shell.run(folder, environment)

        return run

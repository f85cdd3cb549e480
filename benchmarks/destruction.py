"""How the time for destroying grows with the number of archives: propose, approve, carry out, list.

    python benchmarks/destruction.py [--archives 10000] [--folder PATH]

Each step is done on a vault of a tenth of the archives and on one of all of them; the ratio of the two times is 10
where the time is in proportion. The vaults are made as in rebuild.py, with a period of a day that is over.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from rebuild import AT, fill

from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.context import DestructionContext, DestructionRules
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.log_consistency import LastLogState
from strongroom.engine.destruction.propose import propose
from strongroom.engine.queries.lists import list_archives
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.engine.retention.verdicts import count_destroyed, list_destroyed
from strongroom.model.destruction import Person
from strongroom.model.retention import Period, RetentionRule
from strongroom.vault.archives import all_archive_ids, get_archive
from strongroom.vault.vault import Vault, open_vault

ALICE, BOB = Person(1000, "alice"), Person(1001, "bob")
DAY = RetentionRule("standard", Period.parse("1d"))
LATER = AT + timedelta(days=3)


def timed(name: str, work: Callable[[], object], told: dict[str, float]) -> object:
    began = time.perf_counter()
    done = work()
    told[name] = time.perf_counter() - began
    return done


def measure(root: Path, count: int) -> dict[str, float]:
    """Return the seconds of each step on a vault of so many archives."""
    told: dict[str, float] = {}
    fill(root, count, DAY)
    rebuild(Rebuild(root, lambda: LATER))
    with closing(open_vault(root)) as vault:
        desk = DestructionContext(vault, lambda: LATER, os.urandom, DestructionRules(cooling_off=timedelta(0)))
        archives = [
            archive for each in all_archive_ids(vault.catalogue) if (archive := get_archive(vault.catalogue, each))
        ]
        timed("list archives", lambda: list_archives(vault), told)
        plan = timed("propose", lambda: propose(desk, archives, ALICE, "their time is over"), told)
        timed("approve", lambda: approve(desk, plan.proposal.id, BOB, plan.digest), told)  # type: ignore[attr-defined]
        timed("carry out", lambda: carry_all(desk, vault, count), told)
        timed("list destroyed", lambda: list_destroyed(vault, count), told)
    return told


def carry_all(desk: DestructionContext, vault: Vault, count: int) -> None:
    last = LastLogState()
    while carry_out(desk, last=last).more:
        pass
    if count_destroyed(vault) < count:
        raise SystemExit(f"{count_destroyed(vault)} of {count} archives were destroyed, and no more")


def main() -> None:
    """Measure both sizes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archives", type=int, default=10_000)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        small, large = (measure(Path(folder) / str(count), count) for count in (asked.archives // 10, asked.archives))
    print(f"| step | {asked.archives // 10:,} archives | {asked.archives:,} archives | ratio |\n|---|---:|---:|---:|")
    for name, seconds in large.items():
        print(f"| {name} | {small[name]:.2f} s | {seconds:.2f} s | {seconds / small[name]:.1f} |")


if __name__ == "__main__":
    main()

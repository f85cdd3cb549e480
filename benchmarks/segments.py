"""Archives with and without a search segment, in alternating pairs: time and CPU until verified, and until the segment.

    python benchmarks/segments.py [MEGABYTES] [PAIRS]

Sends a ZIP with so much JSON (200 MB and 3 by default) through the sealing worker, as an engine does. CPU is that of
the sealing and the parsing process, read from /proc.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from exports import DATASETS, WINDOW, Export, prepare_export

from strongroom.age.keys import X25519Identity
from strongroom.engine.worker.client import WorkerClient
from strongroom.engine.worker.launcher import Launcher
from strongroom.engine.worker.protocol import SealRequest
from strongroom.model.inspection import Caps, Expectation
from strongroom.model.plan import DatasetShape

TICKS = os.sysconf("SC_CLK_TCK")
SHAPES = tuple(DatasetShape(name, f"{name}.json", "id", "createdAt") for name in DATASETS)


class Run(NamedTuple):
    """Seconds until verified and until the end, of the clock and of CPU, and what the segment takes."""

    verified: float
    verified_cpu: float
    whole: float
    whole_cpu: float
    peak: int  # KiB of the larger process
    sealed: float  # bytes a record


def processes(worker: int) -> list[int]:
    children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    return [worker, *map(int, children)]


def cpu(found: list[int]) -> float:
    """Return the CPU seconds of processes, with those of children that have ended."""
    ticks = 0
    for process in found:
        try:
            ticks += sum(map(int, Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:15]))
        except FileNotFoundError:
            continue  # its parent counts it
    return ticks / TICKS


def peak(found: list[int]) -> int:
    lines = [line for each in found for line in Path(f"/proc/{each}/status").read_text().splitlines()]
    return max(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def run(launcher: Launcher, export: Export, *, index: bool) -> Run:
    with tempfile.TemporaryDirectory(dir=export.path.parent) as folder, WorkerClient(launcher) as worker:
        paths = [str(Path(folder) / name) for name in ("key", "payload", "segment")]
        recipient = str(X25519Identity.generate(os.urandom).recipient)
        expectation = Expectation(WINDOW, SHAPES, companions=("metadata.json",))
        began = time.monotonic()
        worker.begin(
            SealRequest(
                "A" * 26, paths[0], paths[1], (recipient,), "x.zip", expectation, Caps(), paths[2] if index else ""
            )
        )
        with export.path.open("rb") as file:
            while chunk := file.read(1 << 20):
                worker.feed(chunk)
        worker.finish()
        found = processes(worker._process.pid)  # what is measured
        verified = worker.verdict(lambda _progress: None)
        at_verified, used, high = time.monotonic() - began, cpu(found), peak(found)
        ended = threading.Event()
        highs = [high]

        def watch() -> None:
            while not ended.wait(0.1):
                with suppress(OSError):  # a process has ended
                    highs.append(peak(found))

        watcher = threading.Thread(target=watch)
        watcher.start()
        indexed = worker.segment()
        whole, used_whole, high = time.monotonic() - began, cpu(found), max(highs)
        ended.set()
        watcher.join()
        records = verified.inspection.records
        sealed = indexed.segment.size / records if indexed and indexed.segment else 0.0
        return Run(at_verified, used, whole, used_whole, high, sealed)


def main() -> None:
    megabytes, pairs = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (200, 3)
    export, launcher = prepare_export(megabytes), Launcher()
    run(launcher, export, index=False)  # the template is started, and the file is in the page cache
    print("segment  verified s  CPU s   whole s  CPU s   MiB  bytes a record")
    for _ in range(pairs):
        for index in (False, True):
            each = run(launcher, export, index=index)
            print(
                f"{'yes' if index else 'no':7}  {each.verified:10.2f}  {each.verified_cpu:5.2f}  {each.whole:8.2f}  "
                f"{each.whole_cpu:5.2f}  {each.peak / 1024:4.0f}  {each.sealed:.1f}"
            )
    launcher.close()


if __name__ == "__main__":
    main()

"""An engine that brings a sealer into a given state, tells the ids of its processes, and waits to be killed.

usage: python -m kit.drivers.worker STATE FOLDER
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from kit.workers import ROWS, family, order, reader_of
from strongroom.engine.worker.client import WorkerClient
from strongroom.engine.worker.launcher import Launcher


def main(state: str, folder: Path) -> None:
    taken: list[WorkerClient] = []
    launcher = Launcher()
    starter = threading.Thread(target=lambda: taken.append(WorkerClient(launcher)))  # ends at once, as a worker's may
    starter.start()
    starter.join()
    (worker,) = taken
    if state != "idle":
        worker.begin(order(folder))
        worker.feed(ROWS)
        reader_of(family()[1])
    template, sealer, *readers = family()
    if state == "full pipes":
        os.kill(sealer, signal.SIGSTOP)
        threading.Thread(target=lambda: [worker.feed(ROWS) for _ in range(10_000)], daemon=True).start()
    elif state == "reading back":
        os.kill(readers[0], signal.SIGSTOP)
        worker.finish()
    print(template, sealer, *readers, flush=True)
    time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

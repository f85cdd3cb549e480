"""Finish every job that was requested: the download half of `strongroom run --once`, as a process of its own."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

from strongroom.config.load import load_config
from strongroom.engine.assembly import open_engine
from strongroom.engine.recover import recover
from strongroom.engine.runner import Runner


def main() -> int:
    config = load_config(Path(sys.argv[1]))
    with open_engine(config, "benchmark") as engine:
        recover(engine)
        left = Runner(engine, time.sleep).run(engine.clock() + timedelta(seconds=1))
    return len(left)


if __name__ == "__main__":
    sys.exit(main())

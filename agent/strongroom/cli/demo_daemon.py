"""The demo's daemon: the real one, under the demo's clock. It works in folders that `demo_live` made, and in no other.

Run as `python -m strongroom.cli.demo_daemon FOLDER`. A daemon with a moved clock in a real vault would plan and destroy
by a wrong time, so the clock is read from the folder of a demo, next to its configuration.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import msgspec

from strongroom.cli.demo_clock import DemoClock
from strongroom.config.load import load_config
from strongroom.daemon.daemon import Daemon
from strongroom.daemon.service import Intervals
from strongroom.engine.core.sources import Dependencies, system_clock
from strongroom.model.clock_check import Tolerance

CLOCK = "demo-clock.json"
CONFIG = "strongroom.toml"
_HOUR = timedelta(hours=1)
_CLOCKS = msgspec.json.Decoder(DemoClock)


def write_clock(folder: Path, clock: DemoClock) -> None:
    """Write the clock of the demo in this folder."""
    (folder / CLOCK).write_bytes(msgspec.json.encode(clock))


def main(folder: Path) -> int:
    """Work until SIGTERM; return an exit code. Raises OSError where the folder is not that of a demo."""
    clock = _CLOCKS.decode((folder / CLOCK).read_bytes())
    # An answer that takes a moment of ours takes minutes of the demo's time.
    intervals = Intervals(tolerance=Tolerance(jump=_HOUR, behind=_HOUR, skew=_HOUR))
    dependencies = Dependencies(clock=clock)
    return Daemon(load_config(folder / CONFIG), dependencies, intervals, clock.boot, system_clock).run()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

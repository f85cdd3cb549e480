"""A vault to look at: simulated providers, a daemon at work, and nothing left of them afterwards."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.cli.demoscene import Scene, build_vault, simulated_providers

if TYPE_CHECKING:
    from strongroom.config.schema import Config


@contextmanager
def running_demo() -> Iterator[Config]:
    """Make a vault with a simulated provider and a daemon that archives from it; all of it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="strongroom-") as folder, simulated_providers() as provider:
        scene = Scene(Path(folder))
        config = build_vault(scene, provider)
        command = [sys.executable, "-m", "strongroom", "--config", str(scene.config), "daemon"]
        daemon = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield config
        finally:
            daemon.terminate()
            daemon.wait()

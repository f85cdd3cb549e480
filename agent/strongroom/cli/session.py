"""What every command is given: which configuration is meant. It is read when a command first wants it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from strongroom.config.schema import Config


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command line."""

    config_path: Path | None = None  # as given with --config

    def config(self) -> Config:
        """Find, read and check the configuration. Raises UsageError."""
        from strongroom.config.load import find_config, load_config

        return load_config(find_config(self.config_path, os.environ, Path.cwd()))


pass_session = click.make_pass_decorator(Session)

"""What every command is given: which configuration is meant. It is read when a command first wants it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli.descriptors import has_folder, working_folder
from strongroom.cli.terminal import clean, tell

if TYPE_CHECKING:
    from strongroom.config.schema import Config


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command line."""

    config_path: Path | None = None  # as given with --config

    def config(self) -> Config:
        """Find, read and check the configuration. Raises UsageError."""
        from strongroom.config.load import find_config, load_config
        from strongroom.model.errors import UsageError

        if self.config_path is not None and not self.config_path.is_absolute() and not has_folder():
            raise UsageError(
                f"--config {self.config_path} is relative, and the working directory was removed",
                hint="change to a folder that exists, or give the whole path",
            )
        config = load_config(find_config(self.config_path, os.environ, working_folder()))
        _tell_where_nothing_is_written(config.vault.path)
        return config


def _tell_where_nothing_is_written(vault: Path) -> None:
    """Say once that the vault is there and can only be read: what looks is not held up, what writes will be refused."""
    told = click.get_current_context().find_root().meta
    catalogue = vault / "catalogue.sqlite"
    if not catalogue.exists() or (os.access(vault, os.W_OK) and os.access(catalogue, os.W_OK)):
        return
    if not told.setdefault("strongroom.read_only", False):
        told["strongroom.read_only"] = True
        tell(f"note: {clean(str(vault))} cannot be written here; it is only read")


pass_session = click.make_pass_decorator(Session)

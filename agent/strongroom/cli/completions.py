"""Which parameters a shell completes from the vault, by the name of the parameter, as the commands share these names.

A completion never fails and never writes: where something cannot be read, there is none.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from strongroom.config.schema import Config

KINDS = {
    "stream": "STREAM",
    "source": "SOURCE",
    "archive": "ARCHIVE",
    "archive_id": "ARCHIVE",
    "archive_ids": "ARCHIVE",
    "archive_part": "ARCHIVE",
    "archives": "ARCHIVE",
    "named": "ARCHIVE",
    "older_id": "ARCHIVE",
    "newer_id": "ARCHIVE",
    "job": "JOB",
    "job_id": "JOB",
    "job_part": "JOB",
    "matter": "MATTER",
    "hold_id": "HOLD",
    "request_id": "SUBJECT",
    "proposal": "PROPOSAL",
    "erasure": "ERASURE",
    "dataset": "DATASET",
    "datasets": "DATASET",
    "names": "COPY",
    "class_name": "CLASS",
}
BY_METAVAR = {
    "STREAM|SOURCE": "STREAM_OR_SOURCE",
    "[QUERY]...": "OPERATOR",
    "ARCHIVE|JOB": "ARCHIVE",
    "PROPOSAL|ARCHIVE": "PROPOSAL",
    "COPY": None,  # a place, not the name of a copy
}
"""Where the name alone does not say it."""


def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return what a word of a parameter may be, or nothing."""
    metavar = param.metavar or ""
    kind = BY_METAVAR[metavar] if metavar in BY_METAVAR else KINDS.get(param.name or "")
    if kind is None:
        return []
    from strongroom.engine.queries.completions import Completed, complete_word
    from strongroom.model.errors import StrongroomError

    before, comma, last = incomplete.rpartition(",") if ",ID" in metavar else ("", "", incomplete)
    try:
        found = complete_word(Completed[kind], last, lambda: _config(ctx))
    except (StrongroomError, OSError):
        return []
    return [CompletionItem(f"{before}{comma}{each}") for each in found]


def _config(ctx: click.Context) -> Config:
    from strongroom.cli.terminal import working_folder
    from strongroom.config.load import find_config, load_config

    named = ctx.find_root().params.get("config_path")
    return load_config(find_config(None if named is None else Path(named), os.environ, working_folder()))

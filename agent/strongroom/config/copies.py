"""The sections about copies of the vault.

Annotations are not postponed here: the declarations of the keys are read from them.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from strongroom.config.keys import PATH, Key, Section
from strongroom.config.values import choice, parse_name, size
from strongroom.model.text import format_size


class CopyRepair(StrEnum):
    """Who starts a repair from a copy, or of one."""

    ASK = "ask"  # a person, with `strongroom repair`
    AUTO = "auto"  # the daemon, as soon as damage is found


class CopySettings(Section, frozen=True):
    """[[copy]]: a second copy of the vault, on another disk or machine."""

    name: Annotated[str, Key("a unique name; the log records it", parse_name, "")]
    path: Annotated[
        Path, Key("the folder; the copy gets a folder of its own in it, named after the vault", PATH, Path())
    ]
    rate: Annotated[int, Key("how much is copied per second, at most; 0 is no limit", size(0), shown=format_size)] = 0
    repair: Annotated[
        CopyRepair, Key("who starts a repair: a person (ask) or the daemon (auto)", choice(CopyRepair))
    ] = CopyRepair.ASK

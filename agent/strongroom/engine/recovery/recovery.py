"""What mending may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from strongroom.model.instants import Chance, Clock
from strongroom.model.stream import Stream


@dataclass(frozen=True, slots=True)
class Recovery:
    """What mending may use."""

    root: Path
    clock: Clock
    chance: Chance
    streams: Mapping[str, Stream] = field(default_factory=dict)  # as configured, by name
    deep: bool = False
    configured: bool = True

"""Where questions to the vault are answered: on one thread, away from the screen.

A screen never touches the vault. It poses a question, a value that is compared and can be asked again; the answer comes
back as frozen data. A deed is the same for what changes something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from strongroom.engine.engine import Engine
from strongroom.engine.readings import Vault
from strongroom.model.instants import Clock
from strongroom.model.provider import Limits

if TYPE_CHECKING:
    from strongroom.config.schema import Config

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Desk:
    """All that a question or a deed may use."""

    config: Config
    vault: Vault
    clock: Clock
    engine: Callable[[], Engine | None] = lambda: None
    """An engine to look with, or None until the adapters are loaded: that is slow, and nobody waits for it."""

    @property
    def limits(self) -> Mapping[str, Limits]:
        """What is known of each source's limits by now."""
        engine = self.engine()
        return {name: source.provider.limits for name, source in engine.sources.items()} if engine else {}


class Question(Protocol):
    """What a screen wants to know. Equal questions have one answer while the catalogue stays as it is."""

    def ask(self, desk: Desk) -> object:
        """Answer from the catalogue. Raises the StrongroomError family."""
        ...


Deed = Callable[[Desk], _Answer]
"""Something to be done at the desk."""

"""A source that paused because its key was refused goes on once the provider takes the key again.

A paused source is never asked by itself. A person who starts a run has acted, and that is worth one read-only request.
"""

from __future__ import annotations

from dataclasses import replace

from strongroom.engine.engine import Engine
from strongroom.evidence.line import Entry
from strongroom.model.errors import ProviderError
from strongroom.vault.log import add_entry
from strongroom.vault.sources import get_source, put_source


def resume_sources(engine: Engine) -> list[str]:
    """Try each paused source once; return those that go on. The others stay paused, for the same reason."""
    resumed = [name for name in engine.sources if get_source(engine.vault.catalogue, name).paused]
    resumed = [name for name in resumed if _answers(engine, name)]
    catalogue = engine.vault.catalogue
    for name in resumed:
        with catalogue.transaction():
            put_source(catalogue, replace(get_source(catalogue, name), paused=""))
            add_entry(catalogue, Entry("source.resumed", engine.clock(), facts={"source": name}))
    if resumed:
        engine.vault.write_log()
    return resumed


def _answers(engine: Engine, name: str) -> bool:
    try:
        engine.sources[name].provider.probe()
    except ProviderError:
        return False
    return True

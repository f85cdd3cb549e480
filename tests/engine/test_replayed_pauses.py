"""A rebuilt catalogue pauses what a person had paused, and nothing else."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from kit.watched_vault import NOW, open_house
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.evidence.line import Entry, Fact
from strongroom.model.job import BY_PERSON
from strongroom.model.plan import Stream
from strongroom.vault.catalogue import open_catalogue
from strongroom.vault.log import add_entry
from strongroom.vault.sources import get_source
from strongroom.vault.streams import get_stream

STREAM = Stream("chats", "zavu", ("messages",))
PAUSE: dict[str, Fact] = {"wish": "pause", "accepted": True, "by": "alice"}


@pytest.mark.parametrize(
    ("told", "paused"),
    [
        ([PAUSE], True),
        ([PAUSE, {**PAUSE, "wish": "resume"}], False),
        ([{**PAUSE, "accepted": False}], False),
        ([PAUSE, {**PAUSE, "wish": "resume", "accepted": False}], True),
        ([{**PAUSE, "wish": "retry"}], False),
    ],
)
def test_what_a_person_paused_is_paused_again(tmp_path: Path, told: list[dict[str, Fact]], paused: bool) -> None:
    with open_house(tmp_path) as house:
        with house.vault.catalogue.transaction():
            for facts, subject in product(told, ("zavu", "chats")):
                add_entry(house.vault.catalogue, Entry("request.answered", NOW, facts={**facts, "subject": subject}))
        house.vault.write_log()
        root = house.vault.layout.root
    made = tmp_path / "made.sqlite"
    rebuild(Rebuild(root, lambda: NOW, {STREAM.name: STREAM}, to=made))
    catalogue = open_catalogue(made)
    try:
        source, stream = get_source(catalogue, "zavu").paused, get_stream(catalogue, "chats").paused
    finally:
        catalogue.close()
    by = paused and f"alice at {NOW:%Y-%m-%dT%H:%M:%SZ}"
    assert (source, stream) == ((BY_PERSON + by, by) if by else ("", ""))

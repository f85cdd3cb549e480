"""Advice is given only where it is needed."""

from __future__ import annotations

import pytest

from strongroom.engine.monitor.source_check import notes_of
from strongroom.model.provider import Probe


@pytest.mark.parametrize(("configured", "notes"), [(None, 2), (30, 1)])
def test_nobody_is_told_to_set_what_is_set(configured: int | None, notes: int) -> None:
    told = ("how long Qlara keeps records is not documented: set retention_days", "its list is empty")
    assert len(notes_of(Probe(offered=True, clock_skew=None, listed=0, notes=told), configured)) == notes

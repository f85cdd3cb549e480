"""Lists of the catalogue: every row once, in order, and by an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaultkit import NOW, id_number, make_archive, make_job

from strongroom.model.archive import Archive, Holding
from strongroom.model.job import State
from strongroom.vault import queries
from strongroom.vault.archives import matching_archive_ids, newest_archives, put_archive
from strongroom.vault.catalogue import Catalogue, create_catalogue
from strongroom.vault.jobs import due_jobs, matching_job_ids, newest_jobs, next_due, put_job, successor_of

ENTRIES = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["held", "quarantined"]), st.integers(0, 3)), max_size=14
)


def pages[T](page: Callable[[T | None], list[T]], most: int) -> list[T]:
    raise NotImplementedError

"""What holds for every test, wherever it stands."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("strongroom.providers.contract", "kit")

from kit.catalogues import _copied_catalogues  # noqa: E402, F401 - hooks and fixtures are found by their names
from kit.credential_leaks import (  # noqa: E402, F401
    planted_leaks,
    pytest_configure,
    pytest_runtest_teardown,
)
from kit.forks import _end_forker, _shared_templates, own_templates  # noqa: E402, F401
from strongroom.age.keys import ScryptRecipient  # noqa: E402
from strongroom.engine.access import identity_files  # noqa: E402
from strongroom.engine.core import identities  # noqa: E402

# A whole run holds some millions of objects from its collection to its end: looked through again and again, they cost a
# tenth of it. What tests and screens make and drop costs as much again unless it is looked at seldom.
gc.disable()
SELDOM = (100_000, 20, 20)


def pytest_collection_finish() -> None:
    """Leave what was collected out of what the collector looks at."""
    gc.freeze()
    gc.set_threshold(*SELDOM)
    gc.enable()


QUICK = 4  # log2 of the work to try a passphrase
MEMORY = Path("/dev/shm")
ROOM = 8 << 30  # bytes; a whole run writes about two, several may run at once

# How fast examples are made and run says how busy the machine is, and nothing about the program. CI tries the same
# examples each time, so that it judges a change by the change; new ones are tried on every other machine.
settings.register_profile(
    "strongroom", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("strongroom")

# Vaults flush every file that they write: in memory that costs nothing.
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    tempfile.tempdir = os.environ.setdefault("TMPDIR", str(MEMORY))


@pytest.fixture(scope="session", autouse=True)
def _soon_opened() -> Iterator[None]:
    """Protect new identities with a passphrase that takes a moment to try, not a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identities, "ScryptRecipient", partial(ScryptRecipient, work_factor=QUICK))
        patch.setattr(identity_files, "ScryptRecipient", lambda new, factor: ScryptRecipient(new, min(factor, QUICK)))
        yield

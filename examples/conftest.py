"""The examples are held to what our own tests are: no credential reaches a place where it does not belong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "tests"))
pytest.register_assert_rewrite("strongroom.providers.contract")

from straywatch import (  # noqa: E402, F401 - hooks and fixtures are found by their names
    planted_strays,
    pytest_configure,
    pytest_runtest_teardown,
    pytest_unconfigure,
)

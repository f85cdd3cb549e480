"""The examples are held to what our own tests are: no credential reaches a place where it does not belong."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("strongroom.providers.contract")
pytest.register_assert_rewrite("kit")

from kit.credential_leaks import (  # noqa: E402, F401 - hooks and fixtures are found by their names
    planted_leaks,
    pytest_configure,
    pytest_runtest_teardown,
)

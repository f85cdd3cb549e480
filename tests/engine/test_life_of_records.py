"""The life of records as a machine: every order of acts and times, held against a small model of what must be so.

The model knows for each archive the longest end that anything ever promised it. Whatever happens, the vault must say
`due` only after that end and under no hold; its log must have every act, once and in order.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from kit.life_of_records import LifeOfRecords

LifeOfRecords.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLifeOfRecords = pytest.mark.slow(LifeOfRecords.TestCase)

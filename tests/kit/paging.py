"""Read a list page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, settings

from strongroom.vault.catalogue import Catalogue

T = TypeVar("T")


KEPT = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def all_pages(page: Callable[[T | None], list[T]], most: int) -> list[T]:
    rows: list[T] = []
    while True:
        found = page(rows[-1] if rows else None)
        assert len(found) <= most
        rows += found
        if len(found) < most:
            return rows


def clear(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        catalogue.write("DELETE FROM archives")
        catalogue.write("DELETE FROM jobs")

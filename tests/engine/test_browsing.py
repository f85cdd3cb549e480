"""Pages of records from a sealed file: in order, from any place, and right again after a reading was given up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from kit.sealed_vault import House
from strongroom.engine.access.browse import Browser, Passed, RecordPage
from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import Interrupted, UsageError
from strongroom.model.provider import Container

COUNT, PAGE = 450, 200


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Archive]]:
    house = House(tmp_path_factory.mktemp("browsing"))
    records = [{"id": f"m{n}", "at": "2026-03-01T00:00:00Z", "text": f"number {n}"} for n in range(COUNT)]
    yield house, house.seal_records(records, Container.ZIP_OF_JSON)
    house.vault.close()


@pytest.fixture(scope="module")
def browser(sealed: tuple[House, Archive]) -> Iterator[Browser]:
    house, archive = sealed
    with Browser(house.vault, archive, house.identities) as opened:
        yield opened


def ids(shelf: RecordPage) -> list[str]:
    return [str(record["id"]) for record in shelf.records]


def stopping_after(count: int) -> Passed:
    left = [count]

    def passed(more: int) -> None:
        left[0] -= more
        if left[0] < 0:
            raise Interrupted("a person asked for something else")

    return passed


@pytest.mark.parametrize("first", [0, 200, 400, 0, 449])
def test_a_page_begins_where_it_is_asked_to(browser: Browser, first: int) -> None:
    shelf = browser.read(first, PAGE)
    assert ids(shelf) == [f"m{n}" for n in range(first, min(COUNT, first + PAGE))]
    assert (shelf.first, shelf.more) == (first, first + PAGE <= COUNT)


@pytest.mark.parametrize("given_up", [0, 100, 300])
@pytest.mark.parametrize("first", [0, 200, 400])
def test_a_reading_that_was_given_up_is_no_end_of_the_records(browser: Browser, given_up: int, first: int) -> None:
    browser.read(0, 1, "another")  # so that the next one begins at the start
    with pytest.raises(Interrupted):
        browser.read(400, PAGE, "", stopping_after(given_up))
    assert ids(browser.read(first, PAGE)) == [f"m{n}" for n in range(first, min(COUNT, first + PAGE))]


def test_a_dataset_that_the_archive_does_not_have_is_refused(sealed: tuple[House, Archive]) -> None:
    house, archive = sealed
    with pytest.raises(UsageError, match=f"archive {archive.id} has no dataset calls") as refused:
        Browser(house.vault, archive, house.identities, "calls")
    assert refused.value.hint == "it has messages"


def test_an_archive_in_quarantine_is_not_browsed(sealed: tuple[House, Archive]) -> None:
    house, archive = sealed
    with pytest.raises(UsageError, match="its records cannot be browsed"):
        Browser(house.vault, replace(archive, holding=Holding.QUARANTINED), house.identities)

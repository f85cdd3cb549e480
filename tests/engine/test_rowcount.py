"""What is learned of a source's row counts from its exports, and which exports it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.vault_objects import NOW, make_archive, make_job
from strongroom.engine.ingest.delivery import learn_header, with_header
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Holding
from strongroom.model.inspection import DOUBTFUL, LEARNED, Expectation, Finding, Inspection, Severity
from strongroom.model.provider import Container
from strongroom.vault.catalogue import Catalogue, create_catalogue
from strongroom.vault.checkpoints import entries_matching
from strongroom.vault.log import add_entry
from strongroom.vault.sources import counts_header, remember_counts_header

JOB = make_job()
(REPORT,) = make_archive(JOB).inspection.members  # 3 records
CSV = Expectation(JOB.spec.window, (), container=Container.CSV, rows=4)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    made = create_catalogue(tmp_path / "catalogue.sqlite")
    yield made
    made.close()


def rejected(catalogue: Catalogue, **facts: Fact) -> None:
    with catalogue.transaction():
        add_entry(catalogue, Entry("job.rejected", NOW, JOB.id, facts=facts))


@pytest.mark.parametrize(
    "asked", [replace(CSV, rows=None), replace(CSV, container=Container.NDJSON), Expectation(JOB.spec.window, ())]
)
def test_what_announces_no_rows_of_a_csv_is_not_told_of_the_header(catalogue: Catalogue, asked: Expectation) -> None:
    with catalogue.transaction():
        remember_counts_header(catalogue, JOB.source, counts=True)
    rejected(catalogue, faults=[DOUBTFUL], records=3)
    assert with_header(catalogue, JOB, asked) == asked


@pytest.mark.parametrize("counts", [True, False, None])
def test_what_is_known_of_the_header_goes_with_the_next_delivery(catalogue: Catalogue, counts: bool | None) -> None:
    if counts is not None:
        with catalogue.transaction():
            remember_counts_header(catalogue, JOB.source, counts=counts)
    assert with_header(catalogue, JOB, CSV) == replace(CSV, counts_header=counts)


def test_only_the_last_delivery_and_only_one_that_was_doubted_for_its_header_counts(catalogue: Catalogue) -> None:
    rejected(catalogue, faults=[DOUBTFUL], records=3)
    assert with_header(catalogue, JOB, CSV).earlier_records == 3
    rejected(catalogue, faults=["truncated", DOUBTFUL], records=2)
    assert with_header(catalogue, JOB, CSV).earlier_records is None
    rejected(catalogue, faults=["rows-mismatch"], records=3)
    assert with_header(catalogue, JOB, CSV).earlier_records is None


@pytest.mark.parametrize(
    ("changes", "rows", "known", "code", "learned"),
    [
        ({}, 3, None, "", False),  # as many as announced: the header does not count
        ({}, 4, None, LEARNED, True),  # one more, and twice the same
        ({}, 3, True, LEARNED, False),  # it counted, and does no longer
        ({}, 4, True, "", None),  # nothing new
        ({}, 4, None, "field-unknown", None),  # another finding teaches nothing
        ({}, None, None, LEARNED, None),
        ({"holding": Holding.QUARANTINED}, 3, None, "", None),
    ],
)
def test_what_an_archive_teaches_of_the_header(
    catalogue: Catalogue, changes: dict[str, Holding], rows: int | None, known: bool | None, code: str, learned: object
) -> None:
    findings = (Finding(Severity.WARNING, code, "words"),) if code else ()
    archive = make_archive(
        JOB,
        expectation=replace(CSV, rows=rows, counts_header=known),
        inspection=Inspection((REPORT,), findings),
        **changes,
    )
    with catalogue.transaction():
        learn_header(catalogue, archive, NOW)
    assert counts_header(catalogue, JOB.source) is learned
    told = [entry.body["facts"] for entry in entries_matching(catalogue, kind="source.header-learned")]
    assert told == ([] if learned is None else [{"source": JOB.source, "counted": learned}])

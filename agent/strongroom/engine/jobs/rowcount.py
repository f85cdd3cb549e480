"""Whether a source's announced number of rows counts the header of a CSV: learned from its own exports, and kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive, Holding
from strongroom.model.inspection import DOUBTFUL, LEARNED, Expectation
from strongroom.model.job import Job
from strongroom.model.provider import Container
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log import add_entry, entries_of_job
from strongroom.vault.told import counts_header, remember_counts_header


def with_header(catalogue: Catalogue, job: Job, asked: Expectation) -> Expectation:
    """Return the expectation with what is known of the source's counts and of this export's delivery before."""
    if asked.container is not Container.CSV or asked.rows is None:
        return asked
    before = [
        entry.body["facts"] for entry in entries_of_job(catalogue, job.id) if entry.body["kind"] == "job.rejected"
    ]
    last = before[-1] if before else {}
    records = last.get("records") if isinstance(last, dict) and last.get("faults") == [DOUBTFUL] else None
    told = records if isinstance(records, int) else None
    return replace(asked, counts_header=counts_header(catalogue, job.source), told_before=told)


def learn_header(catalogue: Catalogue, archive: Archive, at: datetime) -> None:
    """Write down what a sound archive shows of the source's counts, where it is new; inside a transaction."""
    expected, found = archive.expectation, archive.inspection
    if archive.holding is not Holding.HELD or expected.container is not Container.CSV or expected.rows is None:
        return
    if expected.counts_header is None and expected.rows == found.records:
        counted = False
    elif any(finding.code == LEARNED for finding in found.findings):
        counted = expected.rows != found.records
    else:
        return
    remember_counts_header(catalogue, archive.source, counts=counted)
    facts: dict[str, Fact] = {"source": archive.source, "counted": counted}
    add_entry(catalogue, Entry("source.header-learned", at, archive=archive.id, facts=facts))

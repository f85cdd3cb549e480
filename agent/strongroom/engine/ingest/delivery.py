"""What is delivered for one export, as one file to seal: one part as it comes, or several parts in a bundle.

A bundle that breaks off is discarded and started again from its first part: bytes of two tries never mix.

Whether a source's announced number of rows counts the header of a CSV is learned from its own exports and remembered.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive, Holding
from strongroom.model.content_coding import OPENING, detect_coding
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import LinkDead, RequestRefused, TransferError
from strongroom.model.inspection import DOUBTFUL, LEARNED, Bundled, Caps, Expectation
from strongroom.model.job import Job
from strongroom.model.provider import Container, Part, shown_ref
from strongroom.providers.port import Provider, Sink, StopAsked
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log import add_entry, entries_of_job
from strongroom.vault.sources import counts_header, remember_counts_header


def with_header(catalogue: Catalogue, job: Job, asked: Expectation) -> Expectation:
    """Return the expectation with what is known of the source's counts and of earlier deliveries of this export."""
    if asked.container is not Container.CSV or asked.rows is None:
        return asked
    before = [
        entry.body["facts"]
        for entry in entries_of_job(catalogue, job.id)
        if entry.body["kind"] == EntryKind.JOB_REJECTED
    ]
    last = before[-1] if before else {}
    records = last.get("records") if isinstance(last, dict) and last.get("faults") == [DOUBTFUL] else None
    earlier_records = records if isinstance(records, int) else None
    return replace(asked, counts_header=counts_header(catalogue, job.source), earlier_records=earlier_records)


def learn_header(catalogue: Catalogue, archive: Archive, at: datetime) -> None:
    """Record what a sound archive shows about the source's counts, where that is new; inside a transaction."""
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
    add_entry(catalogue, Entry(EntryKind.SOURCE_HEADER_LEARNED, at, archive=archive.id, facts=facts))


_ENDLESS = frozenset({Container.CSV, Container.NDJSON})
"""Containers without an end mark: one that is cut between two rows looks complete."""


class Delivery(Struct, frozen=True):
    """One export's parts, and the one file that they become."""

    parts: tuple[Part, ...]
    name: str  # of the file to seal, for people
    expectation: Expectation  # what the file should hold

    @property
    def size(self) -> int | None:
        """Bytes announced for all parts together, None where any part has no announced size."""
        sizes = [part.size for part in self.parts]
        return sum(size for size in sizes if size is not None) if None not in sizes else None

    @property
    def bundled(self) -> bool:
        """Whether the parts are put into a bundle."""
        return self.expectation.container is Container.BUNDLE


def plan_delivery(ref: str, parts: Sequence[Part], asked: Expectation, caps: Caps) -> Delivery:
    """Return how the parts become one file. Raises RequestRefused for parts that cannot.

    A single part is the file itself, unless it is bare and only one of several datasets that were requested.
    """
    first = parts[0].container if len(parts) == 1 else Container.BUNDLE
    bare = first not in (Container.BUNDLE, Container.JSON_PAGE) and len(asked.datasets) == 1
    if first is Container.ZIP_OF_JSON or bare:
        (part,) = parts
        return Delivery((part,), part.name, _expect_one(part, asked))
    if len(parts) > caps.max_members:
        raise RequestRefused(f"the export has {len(parts):,} files; at most {caps.max_members:,} are accepted")
    if any(part.container in (Container.ZIP_OF_JSON, Container.BUNDLE) for part in parts):
        raise RequestRefused("the export has several files and one of them is a ZIP; bare files were expected")
    name = re.sub("[^A-Za-z0-9_-]", "_", shown_ref(ref))[:100]
    return Delivery(tuple(parts), f"export_{name}.zip", _expect_bundle(parts, asked))


def fetch(provider: Provider, ref: str, delivery: Delivery, sink: Sink, stop: StopAsked) -> int:
    """Stream the whole file into the sink; return the number of bytes delivered. Raises what `download` raises."""
    if not delivery.bundled:
        return _download(provider, ref, 0, delivery.parts[0], sink, stop)
    from strongroom.formats.bundle import Bundle  # here and below: few deliveries have several files

    size = 0
    with Bundle(sink) as bundle:
        for number, (part, file) in enumerate(zip(delivery.parts, delivery.expectation.files, strict=True)):
            bundle.begin(file.name)
            size += _download_in_turn(provider, ref, number, part, bundle.write, stop)
            bundle.end()
        bundle.finish()
    return size


def _download_in_turn(provider: Provider, ref: str, number: int, part: Part, sink: Sink, stop: StopAsked) -> int:
    """Download one of several parts; a link that expired during the earlier parts is requested once more."""
    taken = 0

    def counted(chunk: bytes) -> None:
        nonlocal taken
        taken += len(chunk)
        sink(chunk)

    try:
        return _download(provider, ref, number, part, counted, stop)
    except LinkDead:
        fresh = provider.parts(ref) if number and not taken else ()
        if number >= len(fresh) or replace(fresh[number], locator=part.locator) != part:
            raise
    return _download(provider, ref, number, fresh[number], sink, stop)


def _download(provider: Provider, ref: str, number: int, part: Part, sink: Sink, stop: StopAsked) -> int:
    """Download one part. One without an end mark and without an announced size must arrive twice the same."""
    digest, opening = hashlib.sha256(), bytearray()
    endless = part.container in _ENDLESS and part.size is None

    def seen(chunk: bytes) -> None:
        if len(opening) < OPENING:
            opening.extend(chunk[:OPENING])
        if endless:
            digest.update(chunk)
        sink(chunk)

    size = provider.download(part, seen, stop)
    if (
        part.size is not None and size != part.size and not detect_coding(opening)
    ):  # a coded part may have the size of either form
        raise TransferError(f"the provider announced {part.size:,} bytes, but {size:,} arrived")
    if endless and not getattr(size, "announced", False):
        _download_again(provider, ref, number, part, size, digest.digest(), stop)
    return size


def _download_again(
    provider: Provider, ref: str, number: int, part: Part, size: int, digest: bytes, stop: StopAsked
) -> None:
    """Download a part a second time without keeping it. Raises TransferError where the two differ."""
    second = hashlib.sha256()
    try:
        again = provider.download(part, second.update, stop)
    except LinkDead:  # the link was valid for one download only
        fresh = provider.parts(ref)
        if number >= len(fresh):
            raise
        second = hashlib.sha256()
        again = provider.download(fresh[number], second.update, stop)
    if again != size or second.digest() != digest:
        raise TransferError(
            f"the file has no announced size, and two downloads of it differ ({size:,} and {again:,} bytes)"
        )


def _expect_one(part: Part, asked: Expectation) -> Expectation:
    """Expect what was requested, in the file's own container: a bare file is its only member, without a name."""
    shapes = asked.datasets
    if part.container is not Container.ZIP_OF_JSON:
        shapes = tuple(replace(shape, member="") for shape in shapes)
    return replace(asked, datasets=shapes, container=part.container, rows=part.rows, size=part.size)


def _expect_bundle(parts: Sequence[Part], asked: Expectation) -> Expectation:
    from strongroom.formats.bundle import name_members

    only = asked.datasets[0].name if len(asked.datasets) == 1 else ""
    files = tuple(
        Bundled(name, part.dataset or only, part.container, part.rows, part.size, part.records)
        for name, part in zip(name_members([part.name for part in parts]), parts, strict=True)
    )
    strange = sorted({file.dataset for file in files} - {shape.name for shape in asked.datasets})
    if strange:
        words = ", ".join(name or "none" for name in strange)
        raise RequestRefused(f"the export has files of datasets that were not requested: {words}")
    return replace(asked, container=Container.BUNDLE, companions=(), rows=None, files=files)

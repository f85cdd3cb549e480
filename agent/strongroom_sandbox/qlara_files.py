"""The files of a simulated Qlara: what belongs in an export, and the links that lead to it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from strongroom.model.times import Clock
from strongroom_sandbox.csv_files import CsvContent, CsvStore
from strongroom_sandbox.faults import InjectedFault
from strongroom_sandbox.files import FileBuilder
from strongroom_sandbox.qlara_jobs import Job, QlaraJobKind, QlaraOrder
from strongroom_sandbox.qlara_options import QlaraOptions
from strongroom_sandbox.qlara_shapes import API, CAMPAIGN, LAYOUTS, PREFIX, SOURCES, contacts_at, in_lists, pool_of
from strongroom_sandbox.recorder import ProviderName
from strongroom_sandbox.records import SlotSpan, micros
from strongroom_sandbox.rows import RowOptions, RowSource, SandboxRow, Wanted, keep
from strongroom_sandbox.storage import Storage, StoredLink
from strongroom_sandbox.transfer import StoredFile


class QlaraFiles:
    """Builds, keeps and links the files of one account's exports."""

    def __init__(self, options: QlaraOptions, data: RowOptions, storage: Storage, clock: Clock, folder: Path) -> None:
        self._options = options
        self._data = data
        self._storage = storage
        self._clock = clock
        self._source = RowSource(data, lambda source: pool_of(data.seed, source, data.canary))
        self._room = CsvStore(folder, options.csv, LAYOUTS, self._rows)
        self._workshop = FileBuilder(self._room, self._content)

    def stop(self) -> None:
        """Give up what is being built."""
        self._room.stop()

    async def of(self, job: Job) -> StoredFile | None:
        """Return the export's file, or None when it takes longer than a client would wait for an answer."""
        return await self._workshop.file_of(job)

    def messages(self, span: SlotSpan, seen_at: datetime, wanted: Wanted) -> Iterator[SandboxRow]:
        """Yield the messages that browsing shows: like the history's file, those sent through the API."""
        return keep(self._source.rows(API, span, micros(seen_at)), wanted)

    def link(self, job: Job, bent: InjectedFault | None) -> str:
        """Return a link to the file, unless a redirect fault says another place."""
        options, now, storage = self._options, self._clock(), self._storage
        if bent is not None and bent.to:
            return bent.to
        if not job.link or options.fresh_links or job.link_until is None or now >= job.link_until:
            job.link_until = min(job.expires_at, now + options.link_life)
            job.link = storage.issue(self._new_link(job, job.link_until))
        across = bent is not None and bent.across
        return job.link.replace(storage.url, storage.mirror_url, 1) if across else job.link

    def _new_link(self, job: Job, until: datetime) -> StoredLink:
        return StoredLink(
            path=f"/qlara/{job.id}.csv",
            job=job.id,
            expires_at=until,
            open=self._workshop.opener(job),
            dead_status=self._options.dead_link_status,
            manners=self._options.manners,
            provider=ProviderName.QLARA,
        )

    def _content(self, job: Job) -> CsvContent:
        order, alone = job.order, self._options.renews_link_alone
        asked_at = job.created_at if alone else job.asked_at
        oldest = asked_at - self._options.retention
        span = SlotSpan.between(order.start or oldest, order.end or asked_at, self._options.bounds)
        return CsvContent(
            job=job.id,
            sheet=str(order.kind),
            span=span.since(micros(oldest)).until(micros(asked_at)),
            made_at=asked_at + timedelta(seconds=1) if alone else job.ready_at or asked_at,
            wanted=_filters(order),
            faults=job.spoilt,
        )

    def _rows(self, content: CsvContent) -> Iterator[SandboxRow]:
        made_at, kind = micros(content.made_at), QlaraJobKind(content.sheet)
        if kind is QlaraJobKind.CONTACTS:
            return _chosen(contacts_at(made_at, self._data), dict(content.wanted))
        sources = SOURCES if kind is QlaraJobKind.DELIVERY_REPORTS else (API,)
        if any(name == "campaignId" for name, _ in content.wanted):
            sources = (CAMPAIGN,)
        rows = [self._source.rows(source, content.span, made_at) for source in sources]
        merged = heapq.merge(*rows, key=lambda row: row.moment, reverse=self._data.newest_first)
        return keep(merged, content.wanted)


def _chosen(rows: Iterator[SandboxRow], wanted: dict[str, frozenset[str]]) -> Iterator[SandboxRow]:
    lists, contacts = wanted.get("listIds"), wanted.get("contactIds")
    for row in rows:
        if (lists is None or in_lists(row, lists)) and (contacts is None or row.serial(PREFIX) in contacts):
            yield row


def _filters(order: QlaraOrder) -> Wanted:
    given = {
        "campaignId": (order.campaign,) if order.campaign else (),
        "listIds": order.list_ids,
        "contactIds": order.contact_ids,
        "sender": (order.sender,) if order.sender else (),
        "destination": (order.recipient,) if order.recipient else (),
        "channel": (order.channel,) if order.channel else (),
        "status": (order.status,) if order.status else (),
    }
    return tuple((name, frozenset(values)) for name, values in given.items() if values)

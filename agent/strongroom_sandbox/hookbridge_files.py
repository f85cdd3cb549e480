"""The files of a simulated HookBridge: what belongs in an export, and where a client is sent for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from strongroom.model.times import Clock
from strongroom_sandbox.csv_files import CsvContent, CsvStore
from strongroom_sandbox.faults import InjectedFault
from strongroom_sandbox.files import FileBuilder
from strongroom_sandbox.hookbridge_answers import bare
from strongroom_sandbox.hookbridge_jobs import HookBridgeOptions, HookBridgeOrder, Job, LocationStyle
from strongroom_sandbox.hookbridge_shapes import DIRECTIONS, columns_of, pool_of
from strongroom_sandbox.recorder import ProviderName
from strongroom_sandbox.records import SlotSpan, micros
from strongroom_sandbox.rows import RowOptions, RowSource, SandboxRow, Wanted, keep
from strongroom_sandbox.storage import Storage, StoredLink
from strongroom_sandbox.transfer import StoredFile

REDIRECTED = "/v1/downloads"
"""Where relative locations lead on the API's own origin."""


class HookBridgeFiles:
    """Builds, keeps and locates the files of one project's exports."""

    def __init__(
        self, options: HookBridgeOptions, data: RowOptions, storage: Storage, clock: Clock, folder: Path
    ) -> None:
        self._options = options
        self._storage = storage
        self._clock = clock
        self._source = RowSource(data, lambda direction: pool_of(data.seed, direction, data.canary))
        layouts = {name: columns_of(name, with_payload=options.with_payload) for name in DIRECTIONS}
        self._room = CsvStore(folder, options.csv, layouts, self._rows)
        self._workshop = FileBuilder(self._room, self._content)

    def stop(self) -> None:
        """Give up what is being built."""
        self._room.stop()

    async def of(self, job: Job) -> StoredFile | None:
        """Return the export's file, or None when it takes longer than a client would wait for an answer."""
        return await self._workshop.file_of(job)

    async def copy(self, job: Job, faults: tuple[InjectedFault, ...]) -> StoredFile | None:
        """Return the file, or a copy spoilt by these faults."""
        return await self._workshop.opener(job)(faults)

    def locate(self, job: Job, bent: InjectedFault | None) -> str:
        """Return what a Location header says, unless a redirect fault says another place."""
        storage, style = self._storage, self._options.location
        url = storage.issue(self._link(job))
        if bent is not None:
            return bent.to or (url.replace(storage.url, storage.mirror_url, 1) if bent.across else url)
        if style is LocationStyle.SCHEME_RELATIVE:
            return url.partition(":")[2]
        return REDIRECTED + url.removeprefix(storage.url) if style is LocationStyle.PATH else url

    def _link(self, job: Job) -> StoredLink:
        options = self._options
        return StoredLink(
            path=f"/hookbridge/{job.id}.csv",
            job=job.id,
            expires_at=min(job.expires_at, self._clock() + options.link_life),
            open=self._workshop.opener(job),
            dead_status=options.dead_link_status,
            manners=options.manners,
            provider=ProviderName.HOOKBRIDGE,
        )

    def _content(self, job: Job) -> CsvContent:
        order, options = job.order, self._options
        kept = timedelta(days=options.retention_days) if options.rows_for is None else options.rows_for
        span = SlotSpan.between(order.start, order.end, options.bounds)
        return CsvContent(
            job=job.id,
            sheet=order.direction,
            span=span.since(micros(job.created_at - kept)).until(micros(job.created_at)),
            made_at=job.ready_at or job.created_at,
            wanted=_filters(order),
            faults=job.spoilt,
        )

    def _rows(self, content: CsvContent) -> Iterator[SandboxRow]:
        return keep(self._source.rows(content.sheet, content.span, micros(content.made_at)), content.wanted)


def _filters(order: HookBridgeOrder) -> Wanted:
    given = {
        "status": order.status,
        "endpoint_id": bare(order.endpoint_id) if order.endpoint_id else "",
        "inbound_endpoint_id": bare(order.inbound_endpoint_id) if order.inbound_endpoint_id else "",
    }
    return tuple((name, frozenset({value})) for name, value in given.items() if value)

"""Records collected by paging: a list that is walked, where an account's API makes no exports.

A window's "export" here is a walk. Its name holds all there is to know of it: the window, the dataset, and the place on
the list that has been reached on the way to the window, so a walk resumes from its last page after the program was
killed. Nothing is created at the provider, and the name is given before the first page is read.

The pages of a window are kept in memory, as they came, until they are sealed: a key that could open kept pages would
have to lie on the disk. So a kill among them costs the pages of that one window, and a refusal by the provider none.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from strongroom.model.errors import Interrupted, LinkDead, RequestRefused, Transient
from strongroom.model.inspection import Expectation
from strongroom.model.manifest import Manifest
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.provider import (
    COLLECTED,
    WALK,
    Accepted,
    Ask,
    Capabilities,
    Container,
    ExpiryBasis,
    ExportStatus,
    Limits,
    Listed,
    Match,
    Observation,
    Part,
    Probe,
    Renewal,
)
from strongroom.model.walk import PASSES, ListedRecord, Walk, all_newer, lead_in
from strongroom.model.window import Window
from strongroom.providers.account import safe_name
from strongroom.providers.manifest_request import make_ask, overlap_of
from strongroom.providers.paged_list import PagedList, PagedPage
from strongroom.providers.policy import HttpPolicy
from strongroom.providers.port import Plain, Received, Sink, StopAsked

STRIDE = 50  # pages that one look at a walk reads, at most
MOST_PAGES, MOST_BYTES = 1_000, 64 << 20  # of one window, which are in memory
_HELD = 2  # windows whose pages are in memory at once
_WAYPOINTS = 5_000
_ANYWHERE = timedelta(days=36_525)  # how far beyond a window the neighbors of its records may lie
_SLICE = 0.2  # seconds between two looks at the wish to stop
_FACTS = msgspec.json.Decoder(tuple[str, list[str], datetime, datetime, list[tuple[str, str]], str, str, int])


class Stop(Struct, frozen=True):
    """Where a walk is, as its name has it."""

    key: str  # of the job, so that two walks over one window have two names
    ask: Ask
    place: str = ""  # the page to read next; empty for the first
    before: str = ""  # the page before it, which is known to be newer than the window
    pages: int = 0


@dataclass
class Progress:
    """The pages of one window so far."""

    walk: Walk
    pages: list[tuple[bytes, int]] = field(default_factory=list)  # as they came, with the number of their records
    place: str = ""
    size: int = 0  # records on a page of this walk
    places: set[str] = field(default_factory=set)  # of this walk
    behind: list[tuple[str, tuple[ListedRecord, ...]]] = field(default_factory=list)  # the two pages before
    bytes: int = 0  # of the pages


class PagingProvider(Plain):
    """One account whose records are collected by paging."""

    def __init__(
        self,
        manifest: Manifest,
        policy: HttpPolicy,
        limits: Limits,
        stop: Callable[[], bool],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        names = tuple(manifest.datasets)
        self.capabilities = Capabilities(names, Match.NONE, Renewal.NEW_EXPORT, ExpiryBasis.UNKNOWN, paged=True)
        self.limits = limits
        self._manifest, self._policy, self._stop, self._pause = manifest, policy, stop, pause
        self._list = PagedList(manifest, policy)
        self._held: dict[str, Progress] = {}
        self._waypoints: dict[tuple[frozenset[str], frozenset[tuple[str, str]]], dict[str, datetime]] = {}
        self._last = 0.0

    def ask(self, spec: ExportSpec) -> Ask:
        """Translate one window. Raises RequestRefused for what the manifest does not have."""
        return make_ask(self._manifest, spec)

    def expectation(self, spec: ExportSpec) -> Expectation:
        """Expect pages; those at the ends of a window have the records beyond it, however far away."""
        shapes = tuple(self._shape(name) for name in spec.datasets)
        overlap = overlap_of(spec.window, self._manifest.window) if self._list.bounded else _ANYWHERE
        return Expectation(spec.window, shapes, True, container=Container.BUNDLE, overlap=overlap)

    def _shape(self, name: str) -> DatasetShape:
        own = self._manifest.datasets[name]
        return DatasetShape(name, "", own.id, own.time, frozenset(own.known), frozenset(own.always))

    def create(self, ask: Ask) -> Accepted:
        """Name a walk; nothing is sent."""
        return self.create_once(ask, "")

    def create_once(self, ask: Ask, key: str) -> Accepted:
        """Name the walk of a job; nothing is sent."""
        stop = Stop(key, ask, before=self._nearest(ask))
        return Accepted(Observation(_write(msgspec.structs.replace(stop, place=stop.before)), ExportStatus.QUEUED, ""))

    def sweep(self, since: datetime) -> Iterator[Listed]:  # noqa: ARG002  (there is no list of exports)
        """Return nothing: there are no exports."""
        return iter(())

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Walk on towards each window, by at most STRIDE pages."""
        return {ref: self._approach(_read(self._policy.label, ref)) for ref in refs}

    def _approach(self, stop: Stop) -> Observation:
        """Read pages until one has a record of the window, or an older one; return where that is."""
        window = _window(stop.ask)
        for _page in range(0 if self._list.bounded else STRIDE):
            page = self._fetch(stop.ask, stop.place, self._list.size)
            if not all_newer(page.records, window):
                stop = self._step_back(stop, page)
                break
            self._note(stop.ask, stop.place, page)
            if page.next is None:
                break
            stop = Stop(stop.key, stop.ask, page.next, stop.place, stop.pages + 1)
        else:
            if not self._list.bounded:
                return Observation(_write(stop), ExportStatus.RUNNING, f"{stop.pages} pages")
        return Observation(_write(stop), ExportStatus.READY, f"{stop.pages} pages")

    def _step_back(self, stop: Stop, page: PagedPage) -> Stop:
        """Return the place to start from: the page before, where this one does not show a newer record itself."""
        newer = page.records and all_newer(page.records[:1], _window(stop.ask))
        return stop if newer or not stop.place else Stop(stop.key, stop.ask, stop.before, "", stop.pages)

    def parts(self, ref: str) -> tuple[Part, ...]:
        """Walk over the window until two walks agree, and return its pages. What was read before an error is kept."""
        stop = _read(self._policy.label, ref)
        progress = self._held.get(ref) or self._open(ref, stop)
        while not progress.walk.complete:
            if progress.walk.passes >= PASSES:
                del self._held[ref]
                raise Transient(
                    f"{self._policy.label}'s list was not the same in {PASSES} walks over the window",
                    hint="it is walked again later; a longer settle helps; no second may have more records than a page",
                )
            self._walk(stop, progress)
        (dataset,) = stop.ask.datasets
        return tuple(self._part(ref, dataset, number, page) for number, page in enumerate(progress.pages))

    def _part(self, ref: str, dataset: str, number: int, page: tuple[bytes, int]) -> Part:
        content, count = page
        return Part(
            f"{ref}#{number}",
            f"page-{number + 1:05}.json",
            Container.JSON_PAGE,
            size=len(content),
            rows=count,
            dataset=dataset,
            records=self._list.records,
        )

    def _open(self, ref: str, stop: Stop) -> Progress:
        while len(self._held) >= _HELD:
            del self._held[next(iter(self._held))]
        walk = Walk(_window(stop.ask), bounded=self._list.bounded)
        self._held[ref] = Progress(walk, place=stop.place, size=self._list.size)
        return self._held[ref]

    def _walk(self, stop: Stop, progress: Progress) -> None:
        """Read the next page of a window, and turn back where its walk is over."""
        walk = progress.walk
        page = self._fetch(stop.ask, progress.place, progress.size)
        if progress.place and walk.starts_inside(page.records):
            # The list has moved: what is there now is not the beginning.
            progress.place, progress.places, progress.behind = "", set(), []
            return
        self._keep(progress, page, new=walk.take(page.records, first=not progress.place, last=page.next is None))
        if walk.torn is not None:
            self._bridge(stop.ask, progress, walk.torn)
        self._note(stop.ask, progress.place, page)
        progress.places.add(progress.place)
        progress.behind = [(progress.place, page.records), *progress.behind[:1]]
        if page.next is not None and not walk.past_start:
            if page.next in progress.places:
                raise Transient(f"{self._policy.label}'s list does not end: its cursors repeat")
            progress.place = page.next
            return
        walk.end()
        if not walk.complete:
            walk.begin()
            progress.place, progress.places, progress.behind = stop.place, set(), []
            progress.size = self._list.other_size(walk.passes) if self._list.bounded else self._list.size

    def _bridge(self, ask: Ask, progress: Progress, second: datetime) -> None:
        """Read a page that begins just before a torn second, so that it shows the second whole."""
        for place, records in progress.behind:
            if count := lead_in(records, second):
                short = self._fetch(ask, place, count)
                self._keep(progress, short, new=progress.walk.bridge(short.records, first=not place))
                if short.next is not None:
                    over = self._fetch(ask, short.next, progress.size)
                    last = over.next is None
                    self._keep(progress, over, new=progress.walk.bridge(over.records, last=last))
                return

    def _keep(self, progress: Progress, page: PagedPage, *, new: bool) -> None:
        if new:
            progress.pages.append((page.content, len(page.records)))
        progress.bytes += len(page.content) * new
        if len(progress.pages) > MOST_PAGES or progress.bytes > MOST_BYTES:
            raise RequestRefused(
                f"the window has more than {MOST_PAGES:,} pages, or {MOST_BYTES >> 20} MiB of them",
                hint='use shorter windows for this stream: window = "hour"',
            )

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:  # noqa: ARG002  (it is here by now)
        """Hand on one page. Raises LinkDead where it is no longer in memory: the window is walked again."""
        ref, _, number = part.locator.rpartition("#")
        progress = self._held.get(ref)
        if progress is None:
            raise LinkDead("the pages of this window are no longer in memory", hint="it is walked again")
        content, _count = progress.pages[int(number)]
        sink(content)
        if int(number) + 1 == len(progress.pages):
            del self._held[ref]
        return Received(len(content), announced=True)

    def probe(self) -> Probe:
        """Read the first page of the list."""
        reply = self._list.first(self._manifest)
        if reply.status in (404, 410, 501):
            words = self._list.refused(reply).message
            return Probe(offered=False, clock_skew=self._policy.skew, listed=0, notes=(words,))
        return Probe(None, self._policy.skew, 0, None, (f"its records are {COLLECTED}",))

    def _fetch(self, ask: Ask, place: str, size: int) -> PagedPage:
        self._wait()
        return self._list.fetch(ask, place, size)

    def _wait(self) -> None:
        """Keep to the pace of the list."""
        until = self._last + 60 / self._list.per_minute
        while (left := until - self._policy.monotonic()) > 0 and self._last:
            if self._stop():
                raise Interrupted("stopped between two pages; the walk resumes from the last one")
            self._pause(min(left, _SLICE))
        self._last = self._policy.monotonic()

    def _note(self, ask: Ask, place: str, page: PagedPage) -> None:
        """Remember how far back a page reaches, so that another walk can start there."""
        known = self._waypoints.setdefault((ask.datasets, ask.filters), {})
        if place and page.records and len(known) < _WAYPOINTS and not self._list.bounded:
            known[place] = min(each.at for each in page.records)

    def _nearest(self, ask: Ask) -> str:
        """Return the place of the oldest page that was newer than the window when it was read; empty for the first."""
        known, end = self._waypoints.get((ask.datasets, ask.filters), {}), ask.upper
        newer = {at: place for place, at in known.items() if end is not None and at > end + timedelta(seconds=2)}
        return newer[min(newer)] if newer else ""


def _window(ask: Ask) -> Window:
    if ask.lower is None or ask.upper is None:
        raise RequestRefused("records are collected by paging for a range of time only")
    return Window(ask.lower, ask.upper)


def _write(stop: Stop) -> str:
    ask: Any = stop.ask
    facts = [stop.key, sorted(ask.datasets), ask.lower, ask.upper, sorted(ask.filters), stop.place, stop.before]
    return f"{WALK}{stop.pages}-{base64.urlsafe_b64encode(msgspec.json.encode([*facts, stop.pages])).decode()}"


def _read(label: str, ref: str) -> Stop:
    try:
        text = base64.urlsafe_b64decode(ref.split("-", 2)[2] if ref.startswith(WALK) else "")
        key, datasets, lower, upper, filters, place, before, pages = _FACTS.decode(text)
    except (ValueError, IndexError, msgspec.MsgspecError):
        raise RequestRefused(f"{label} has no walk {safe_name(ref)}") from None
    return Stop(key, Ask(frozenset(datasets), lower, upper, frozenset(filters)), place, before, pages)

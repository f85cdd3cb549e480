"""Where an export of a manifest's provider stands, and where its files are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from strongroom.model.errors import ExportGone, LinkDead, ProviderError, RequestRefused, Transient
from strongroom.model.expression import search
from strongroom.model.manifest import Manifest
from strongroom.model.manifest_words import DownloadBy, ObserveBy
from strongroom.model.provider import Container, ExportStatus, Observation, Part
from strongroom.providers.account import DEAD, export_path, gone, read_count, require_ready, safe_name, usable
from strongroom.providers.answers import ApiResponse, Unusable
from strongroom.providers.manifest_answers import ManifestAnswers
from strongroom.providers.manifest_list import Availability, Entry, ManifestList
from strongroom.providers.policy import HttpPolicy

_SUFFIXES = {
    Container.ZIP_OF_JSON: "zip",
    Container.CSV: "csv",
    Container.NDJSON: "ndjson",
    Container.JSON_ARRAY: "json",
}
_MOST_PARTS = 1_000


def fill_id(label: str, path: str, ref: str) -> str:
    """Return the path of one export; raises RequestRefused for an impossible name."""
    return path.replace("{id}", export_path(label, "", ref)[1:])


class ExportState:
    """Looks at the exports of one account."""

    def __init__(
        self,
        manifest: Manifest,
        base_url: str,
        policy: HttpPolicy,
        refuse_read: Callable[[ApiResponse], ProviderError],
    ) -> None:
        self.answers = ManifestAnswers(manifest)
        self.available = Availability()
        self.list = ManifestList(manifest, manifest.list, policy, self.answers, refuse_read) if manifest.list else None
        self._manifest, self._base_url, self._policy, self._refuse = manifest, base_url, policy, refuse_read
        self._label = manifest.provider.label

    def observe(self, refs: Sequence[str]) -> dict[str, Observation]:
        """Return the state of each export."""
        by = self._manifest.observe.by
        if by is ObserveBy.LIST and self.list and refs:
            listed = self.list.by_name()
            return {ref: self._settle(ref, listed.get(ref)) for ref in refs}
        look = self._look_at_file if by is ObserveBy.FILE else lambda ref: self._look(ref)[0]
        return {ref: look(ref) for ref in refs}

    def _look(self, ref: str) -> tuple[Observation, dict[str, object]]:
        """Return the state of one export by its own answer, and the export itself, empty where there is none."""
        own = self._manifest.observe
        reply = self._policy.call("GET", fill_id(self._label, own.path, ref))
        if reply.status in (*own.gone, *own.expired):
            status = ExportStatus.GONE if reply.status in own.gone else ExportStatus.EXPIRED
            return Observation(ref, status, str(reply.status), request_id=reply.request_id), {}
        if reply.status != 200:
            raise self._refuse(reply)
        with usable(self._label, reply):
            holder = search(own.export, reply.value())
            seen = self.answers.export(holder, reply)
            if seen.ref not in ("", ref):
                raise Unusable("it describes another export")
        seen = replace(seen, ref=ref)
        shown = self._ask_if_unclear(seen) if self.answers.is_unclear(seen) else self.available.note(seen)
        return shown, holder if isinstance(holder, dict) else {}

    def _look_at_file(self, ref: str) -> Observation:
        """Return the state of an export by whether there is a file, of which nothing is read."""
        own = self._manifest.observe
        with self._policy.open(self._locator(ref), authenticated=True) as answer:
            status = answer.status
        recipient_statuses = {200: ExportStatus.READY}
        recipient_statuses |= dict.fromkeys(own.gone, ExportStatus.GONE) | dict.fromkeys(
            own.expired, ExportStatus.EXPIRED
        )
        recipient_statuses |= dict.fromkeys(own.not_ready, ExportStatus.RUNNING)
        if status not in recipient_statuses:
            raise Transient(f"{self._label} cannot show now whether the file is there ({status})", status=status)
        return Observation(ref, recipient_statuses[status], str(status))

    def _settle(self, ref: str, entry: Entry | None) -> Observation:
        """Return the state of one export by the list, which lags behind, and of which pages shift."""
        if entry is not None:
            seen = entry[1]
            return self._ask_if_unclear(seen) if self.answers.is_unclear(seen) else self.available.note(seen)
        own = self._manifest
        if own.download.by is not DownloadBy.ASK:
            status = ExportStatus.GONE if own.list and own.list.complete else ExportStatus.UNKNOWN
            return Observation(ref, status, "not listed")
        reply = self._ask_link(ref)
        status = ExportStatus.READY if reply.status == 200 else ExportStatus.UNKNOWN
        if reply.status in own.download.gone:
            status = ExportStatus.GONE
        elif reply.status in own.download.expired and self.available.was_ready(ref):
            status = ExportStatus.EXPIRED
        return Observation(ref, status, f"not listed, {reply.status}", request_id=reply.request_id)

    def _ask_if_unclear(self, seen: Observation) -> Observation:
        """Return the state of an export that is done but not available, by what the request for its link answers."""
        reply = self._ask_link(seen.ref)
        if reply.status == 200:
            return self.available.note(replace(seen, status=ExportStatus.READY))
        return self.available.judge(seen, reply.now, gone=reply.status in self._manifest.download.gone)

    def _ask_link(self, ref: str) -> ApiResponse:
        """Ask for the link. The answer is 200, or a status of the manifest that refuses it; raises any other."""
        own = self._manifest.download
        reply = self._policy.call("GET", fill_id(self._label, own.path, ref))
        if reply.status not in (200, *own.gone, *own.expired):
            raise self._refuse(reply)
        return reply

    def parts(self, ref: str) -> tuple[Part, ...]:
        """Return the files of a ready export, in a lasting order."""
        own = self._manifest.download
        if own.by is DownloadBy.ASK:
            return self._asked_parts(ref)
        seen, holder = self._shown(ref)
        require_ready(self._label, seen)
        if self.answers.is_empty(seen):
            return ()
        if own.by is DownloadBy.FILE:
            suffix, name = _SUFFIXES[own.container], safe_name(ref)
            part = Part(self._locator(ref), f"export_{name}.{suffix}", own.container, True, seen.size, seen.rows)
            return (replace(part, accept=own.accept),)
        return tuple(self._linked(ref, holder, seen))

    def _shown(self, ref: str) -> tuple[Observation, dict[str, object]]:
        if self._manifest.observe.by is ObserveBy.GET:
            return self._look(ref)
        if self._manifest.observe.by is ObserveBy.FILE or self.list is None:
            return self._look_at_file(ref), {}
        entry = self.list.by_name().get(ref)
        return self._settle(ref, entry), entry[0] if entry else {}

    def _asked_parts(self, ref: str) -> tuple[Part, ...]:
        reply = self._ask_link(ref)
        if reply.status != 200:
            raise self._refusal(ref)
        self.available.note(Observation(ref, ExportStatus.READY, ""))
        with usable(self._label, reply):
            return tuple(self._linked(ref, reply.value(), Observation(ref, ExportStatus.READY, "")))

    def _refusal(self, ref: str) -> ExportGone | Transient:
        """Return what a refused link means. A list that says otherwise is no proof of an end: it may lag behind."""
        seen = self.observe([ref])[ref]
        if seen.status in DEAD:
            return gone(self._label, ref, seen.status)
        return Transient(f"the {self._label} export {safe_name(ref)} is not ready ({seen.raw_status or seen.status})")

    def _linked(self, ref: str, holder: object, seen: Observation) -> Iterator[Part]:
        """Yield the files that an export or an answer has links to."""
        own = self._manifest.download
        items = search(own.parts, holder) if own.parts else [holder]
        if not isinstance(items, list):
            raise LinkDead(f"the {self._label} export {safe_name(ref)} is done but lists no files")
        if len(items) > _MOST_PARTS:
            raise RequestRefused(
                f"the {self._label} export {safe_name(ref)} has {len(items):,} files, allowed are {_MOST_PARTS:,}"
            )
        for number, item in enumerate(items, 1):
            link = search(own.link, item)
            if not isinstance(link, str) or not link:
                raise LinkDead(f"the {self._label} export {safe_name(ref)} is done but has no download link")
            yield self._part(ref, item, link, number if own.parts else 0, seen)

    def _part(self, ref: str, item: object, link: str, number: int, seen: Observation) -> Part:
        own = self._manifest.download
        size, rows = read_count(search(own.size, item)), read_count(search(own.rows, item))
        dataset = self._dataset(search(own.dataset, item)) if number else ""
        suffix = _SUFFIXES[own.container]
        name = f"{number:04}-{safe_name(dataset)}.{suffix}" if number else f"export_{safe_name(ref)}.{suffix}"
        if not number:
            size, rows = (seen.size if size is None else size), (seen.rows if rows is None else rows)
        return Part(link, name, own.container, own.authenticated, size, rows, dataset, own.accept)

    def _dataset(self, word: object) -> str:
        """Return whose records a file holds: the dataset it names, or the only one that there is."""
        if isinstance(word, str) and (name := self._manifest.named(word)):
            return name
        names = list(self._manifest.datasets)
        if len(names) > 1:
            raise Unusable("it has a file of an unknown dataset")
        return names[0]

    def _locator(self, ref: str) -> str:
        return self._base_url + fill_id(self._label, self._manifest.download.path, ref)

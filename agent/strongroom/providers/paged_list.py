"""One page of a provider's list of records, as a manifest's [collect] says it is requested and read."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.errors import ProviderError, RequestRefused
from strongroom.model.expression import search
from strongroom.model.manifest import CollectRequest, Creation, Manifest
from strongroom.model.manifest_words import Paging, RequestMethod
from strongroom.model.provider import Ask
from strongroom.model.walk import ListedRecord
from strongroom.providers.account import usable
from strongroom.providers.answers import ApiResponse, Unusable, not_offered
from strongroom.providers.manifest_answers import ManifestAnswers, read_id
from strongroom.providers.manifest_list import lead_of
from strongroom.providers.manifest_request import read_any_time, write_create
from strongroom.providers.policy import HttpPolicy

Query = dict[str, str | int]


class PagedPage(Struct, frozen=True):
    """One page as it came, what a walk needs of its records, and the place of the next; None at the end."""

    content: bytes
    records: tuple[ListedRecord, ...]
    next: str | None


def as_creation(manifest: Manifest) -> Manifest:
    """Return a manifest whose [create] is the request for the first page of its list; any other as it is."""
    own = manifest.collect
    if own is None:
        return manifest
    return replace(manifest, create=Creation(own.path, RequestMethod.GET, query=own.query))


class PagedList:
    """The list of one account. A place is a cursor, the number of a record, or an address; empty for the beginning."""

    def __init__(self, manifest: Manifest, policy: HttpPolicy) -> None:
        own = manifest.collect or CollectRequest("/", "@")
        self._manifest, self._own, self._policy = as_creation(manifest), own, policy
        self._answers = ManifestAnswers(manifest)
        self.bounded = any("{lower}" in str(value) for value in own.query.values())
        self.records, self.size, self.per_minute = own.records, own.size, own.per_minute

    def other_size(self, passes: int) -> int:
        """Return the page size of the next walk, never one that has the same ends of pages as the walk before."""
        return max(2, self.size - passes * max(1, self.size // 6)) if self._own.size_key else self.size

    def fetch(self, ask: Ask, place: str, size: int) -> PagedPage:
        """Read one page. Raises what reading a list raises, and RequestRefused for a record without a name or time."""
        path, query = self._request(ask, place, size)
        reply = self._policy.call("GET", path, query=query or None)
        if reply.status != 200:
            raise self.refused(reply)
        with usable(self._policy.label, reply):
            value = reply.value()
            found = self._records_in(value)
            following = self._next(reply, value, place, size, len(found))
        (dataset,) = ask.datasets
        return PagedPage(reply.body, tuple(self._record(dataset, each) for each in found), following)

    def _records_in(self, value: object) -> list[object]:
        for choice in self.records.split("||"):
            found = search(choice.strip(), value)
            if isinstance(found, list):
                return found
        raise Unusable("it has no list of records")

    def first(self, manifest: Manifest) -> ApiResponse:
        """Return the answer to a request for the beginning of the list, without a range."""
        own, name = self._own, next(iter(manifest.datasets))
        path, _query = self._request(Ask(frozenset({name}), None, None), "", 2)
        plain = {key: value for key, value in own.query.items() if "{" not in str(value)}
        return self._policy.call("GET", path, query={**plain, **({own.size_key: 2} if own.size_key else {})} or None)

    def refused(self, reply: ApiResponse) -> ProviderError:
        """Return the error for an answer that is no page."""
        if reply.status in (404, 410, 501):
            return not_offered(reply, self._policy.label, self._answers.problem(reply))
        return self._answers.refuse_read(reply)

    def _request(self, ask: Ask, place: str, size: int) -> tuple[str, Query]:
        own = self._own
        if own.paging is Paging.LINK and place:
            parts = urlsplit(place)
            return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))
        request = write_create(self._manifest, ask)
        query: Query = {**request.query, **({own.size_key: size} if own.size_key else {})}
        if own.paging is Paging.CURSOR and place:
            query[own.page_key] = place
        elif own.paging is Paging.PAGE:
            query[own.page_key] = own.first_page + int(place or 0) // size
        elif own.paging is Paging.OFFSET:
            query[own.page_key] = int(place or 0)
        return request.path, query

    def _next(self, reply: ApiResponse, value: object, place: str, size: int, count: int) -> str | None:
        own = self._own
        more, last = search(own.more, value), search(own.last, value)
        if last is True or more is False:
            return None
        if own.paging in (Paging.PAGE, Paging.OFFSET):
            begun = int(place or 0) // size * size if own.paging is Paging.PAGE else int(place or 0)
            return str(begun + (size if own.paging is Paging.PAGE else count)) if count else None
        leads = lead_of(own, reply, value)
        if not leads:
            if more is True:
                raise Unusable("its list goes on, but does not say how")
            return None
        return leads if own.paging is Paging.CURSOR else self._policy.path_below(leads)

    def _record(self, dataset: str, record: object) -> ListedRecord:
        own = self._manifest.datasets[dataset]
        fields: Mapping[str, object] = record if isinstance(record, dict) else {}
        name, at = read_id(fields.get(own.id)), read_any_time(fields.get(own.time))
        if not name or at is None:
            raise RequestRefused(
                f"{self._policy.label} lists a record without a readable {own.time if name else own.id}",
                hint="records are collected by paging only where each has an ID and a time",
            )
        return ListedRecord(name, at)

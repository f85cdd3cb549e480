"""What a manifest's provider says, read as the manifest says it is written; what cannot be read is reported.

Absent and null are alike, and a bad detail spoils only itself. A status without a word in the manifest is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from strongroom.model.errors import AuthRefused, ProviderError, QuotaExceeded, Transient
from strongroom.model.expression import search
from strongroom.model.manifest import ExportObject, Manifest
from strongroom.model.provider import Ask, ExpiryBasis, ExportStatus, Observation
from strongroom.providers.account import read_count
from strongroom.providers.answers import (
    LONGEST,
    ApiResponse,
    ProviderProblem,
    Unusable,
    refuse_create,
    refuse_read,
)
from strongroom.providers.manifest_request import read_any_time, read_bound, same_filter

_ID = re.compile(r"[\x21-\x7e]{1,500}")
_EARLIEST = 2000  # a time before this year is a zero time: it means "never"
_LONGEST_WAIT = LONGEST.total_seconds()


class ManifestAnswers:
    """Reads the answers of one provider."""

    def __init__(self, manifest: Manifest) -> None:
        self.label = manifest.provider.label
        self._manifest = manifest
        self._standings = _standings(manifest.export)

    def export(self, holder: object, reply: ApiResponse) -> Observation:
        """Return the state of an export by its object; `ref` is empty where it has no id.

        Raises Unusable for what is no object.
        """
        if not isinstance(holder, dict):
            raise Unusable("it has no export in it")
        own = self._manifest.export
        raw = self._word(search(own.status, holder), reply)
        status = self.status(raw)
        created, completed = (_moment(search(path, holder)) for path in (own.created, own.completed))
        expires = _moment(search(own.expires, holder))
        basis = {ExpiryBasis.CREATED: created, ExpiryBasis.COMPLETED: completed}.get(own.life_from)
        if expires is not None and created is not None and expires <= created:
            expires = None  # a time that is not after its creation means "never"
        if expires is None and own.life is not None and basis is not None:
            expires = basis + own.life
        if expires is not None and expires <= reply.now and status is ExportStatus.READY:
            status = ExportStatus.EXPIRED
        return Observation(
            read_id(search(own.id, holder)),
            status,
            raw,
            created_at=created,
            completed_at=completed,
            expires_at=expires,
            size=read_count(search(own.size, holder)),
            rows=read_count(search(own.rows, holder)),
            detail=reply.words(search(own.detail, holder)),
            request_id=reply.request_id,
            retry_at=reply.retry_at,
        )

    def status(self, raw: str) -> ExportStatus:
        """Return the state that a word means: RUNNING for an unclear one, READY for an empty export."""
        return self._standings.get(raw.casefold(), ExportStatus.UNKNOWN)

    def is_empty(self, seen: Observation) -> bool:
        """Say whether an export is done without a file."""
        return _in(seen.raw_status, self._manifest.export.statuses.empty)

    def is_unclear(self, seen: Observation) -> bool:
        """Say whether only the link shows if an export is not available yet, or no longer."""
        return _in(seen.raw_status, self._manifest.export.statuses.unclear)

    def datasets(self, holder: Mapping[str, object]) -> frozenset[str]:
        """Return the datasets that an export names; none where it names none, or one that is not known."""
        value = search(self._manifest.export.request.dataset, holder)
        words = value if isinstance(value, list) else [value]
        names = [self._manifest.named(word) for word in words if isinstance(word, str)]
        return frozenset(names) if names and all(names) and len(names) == len(words) else frozenset()

    def ask(self, holder: Mapping[str, object], datasets: frozenset[str]) -> Ask | None:
        """Return the request that an export repeats; None where it cannot be read whole: then it equals no request."""
        request, window = self._manifest.export.request, self._manifest.window
        if not self._manifest.repeats_requests or not datasets:
            return None
        given = [search(path, holder) for path in (request.lower, request.upper)]
        lower, upper = read_bound(given[0], window), read_bound(given[1], window, upper=True)
        whole = all(self._manifest.datasets[name].snapshot for name in datasets)
        if (lower is None or upper is None) and not whole:
            return None
        filters = set[tuple[str, str]]()
        for name, path in request.filters.items():
            value = search(path, holder)
            if value is not None and not isinstance(value, str):
                return None
            if value:
                filters.add((name, same_filter(self._manifest.filters[name], value)))
        return Ask(datasets, lower, upper, frozenset(filters))

    def problem(self, reply: ApiResponse) -> ProviderProblem:
        """Return what an error says."""
        own, content = self._manifest.errors, _loose(reply)
        return ProviderProblem(reply.words(search(own.code, content), 60), reply.words(search(own.message, content)))

    def refuse_create(self, reply: ApiResponse) -> ProviderError:
        """Return the error for a create that was not accepted."""
        return self._patient(self._named(reply) or refuse_create(reply, self.label, self.problem(reply)), reply)

    def refuse_read(self, reply: ApiResponse) -> ProviderError:
        """Return the error for a request that was not answered as it should be."""
        return self._patient(self._named(reply) or refuse_read(reply, self.label, self.problem(reply)), reply)

    def _named(self, reply: ApiResponse) -> ProviderError | None:
        """Return the error whose code the manifest names. Only a 4xx proves that nothing was done."""
        problem, own = self.problem(reply), self._manifest.errors
        if not (problem.code and 400 <= reply.status < 500):
            return None
        shown = f"{reply.status} {problem.code}" + (f": {problem.words}" if problem.words else "")
        error: ProviderError | None = None
        if _in(problem.code, own.key_refused):
            words = f"{self.label} refused the API key ({shown})"
            error = AuthRefused(words, hint="check that the API key is current, then resume the source")
        elif _in(problem.code, own.quota):
            words = f"{self.label} says that a limit is used up ({shown})"
            hint = "nothing is lost: the request waits until there is room"
            error = QuotaExceeded(words, hint=hint, retry_at=reply.retry_at)
        if error is not None:
            error.status, error.code, error.request_id = reply.status, problem.code, reply.request_id
        return error

    def _patient(self, error: ProviderError, reply: ApiResponse) -> ProviderError:
        """Add the wait that stands where the manifest says."""
        own = self._manifest.errors
        found = [search(own.retry_after, _loose(reply)), reply.headers.get(own.retry_after_header.lower())]
        waits = [wait for value in found if (wait := _seconds(value)) > 0]
        if waits and isinstance(error, QuotaExceeded | Transient):
            until = reply.at + timedelta(seconds=min(max(waits), _LONGEST_WAIT))
            error.retry_at = max(until, error.retry_at or until)
        return error

    def _word(self, value: object, reply: ApiResponse) -> str:
        return reply.words(str(value) if isinstance(value, int) else value, 60)


def _standings(export: ExportObject) -> dict[str, ExportStatus]:
    words = export.statuses
    pairs = (
        (ExportStatus.QUEUED, words.queued),
        (ExportStatus.RUNNING, (*words.running, *words.unclear)),
        (ExportStatus.READY, (*words.ready, *words.empty)),
        (ExportStatus.FAILED, words.failed),
        (ExportStatus.EXPIRED, words.expired),
    )
    return {word.casefold(): status for status, own in pairs for word in own}


def _loose(reply: ApiResponse) -> object:
    """Return the body as JSON of any kind: for refusals, where the status says enough."""
    try:
        return reply.value()
    except Unusable:
        return None


def _in(word: str, words: tuple[str, ...]) -> bool:
    return word.casefold() in {each.casefold() for each in words}


def _moment(value: object) -> datetime | None:
    at = read_any_time(value)
    return None if at is None or at.year < _EARLIEST else at


def _seconds(value: object) -> float:
    try:
        return float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0
    except ValueError:
        return 0


def read_id(value: object) -> str:
    """Return an export's id, of an address the last part of its path; empty for anything else."""
    text = str(value) if type(value) is int and value >= 0 else value
    if not isinstance(text, str):
        return ""
    if "://" in text or text.startswith("/"):
        try:
            text = urlsplit(text).path.rstrip("/").rpartition("/")[2]
        except ValueError:
            return ""
    return text if _ID.fullmatch(text) and not set(text) <= {"."} else ""


def entries_of(manifest: Manifest, reply: ApiResponse) -> list[dict[str, object]]:
    """Return the entries of a page; raises Unusable. A key that is there and null is an empty list."""
    path = manifest.list.entries if manifest.list else ""
    value = reply.value()
    found = search(path, value)
    if found is None and isinstance(value, dict) and not value.get("error") and _is_null(path, value):
        return []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Unusable("it has no list of exports")
    return found


def _is_null(path: str, value: dict[str, object]) -> bool:
    *outer, last = path.split(".")
    holder = search(".".join(outer), value) if outer else value
    return isinstance(holder, dict) and last in holder and holder[last] is None

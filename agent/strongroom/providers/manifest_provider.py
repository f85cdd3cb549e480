"""The adapter of any provider that a manifest describes. It has no rule of its own about any provider.

It meets the port as the built-in adapters do: the same HTTP policy, the same errors, and no request twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from strongroom.model.errors import ProviderError, RequestRefused, Transient, UsageError
from strongroom.model.expression import search
from strongroom.model.inspection import Expectation
from strongroom.model.manifest import Manifest
from strongroom.model.manifest_words import ObserveBy, WindowEnds
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.provider import (
    Accepted,
    Ask,
    BlindSpot,
    Capabilities,
    Container,
    ExportStatus,
    Limits,
    Listed,
    Match,
    Observation,
    Part,
    Probe,
    Renewal,
)
from strongroom.model.text import counted
from strongroom.providers.account import (
    ACCEPT,
    CSV_CODES,
    DEAD,
    ZIP_CODES,
    gone,
    is_recent,
    open_policy,
    read_accepts,
    requests_left,
    safe_name,
    unanswered,
)
from strongroom.providers.answers import ApiResponse, Unusable, not_offered
from strongroom.providers.download import download
from strongroom.providers.manifest_answers import read_id
from strongroom.providers.manifest_list import successor
from strongroom.providers.manifest_request import is_dated, make_ask, overlap_of, write_create
from strongroom.providers.manifest_state import ExportState, fill_id
from strongroom.providers.manifest_token import ClientToken, credential_of
from strongroom.providers.policy import Credential, HttpPolicy
from strongroom.providers.port import Plain, Provider, ProviderSettings, Sink, StopAsked

_CODES = {Container.CSV: CSV_CODES, Container.ZIP_OF_JSON: ZIP_CODES}


def build_manifest(manifest: Manifest, settings: ProviderSettings) -> Provider:
    """Return the adapter of one account; its only option is `accept`. Raises UsageError for bad settings."""
    label = manifest.provider.label
    unknown = sorted(settings.options.keys() - {ACCEPT})
    if unknown:
        raise UsageError(f"{label} has no option {', '.join(unknown)}", hint=f"it has {ACCEPT}")
    base = (settings.base_url or manifest.provider.base_url).rstrip("/")
    credential = credential_of(manifest.auth, label, base, settings)
    policy = open_policy(label, base, credential, settings)
    if manifest.collect is not None:
        from strongroom.providers.paging import PagingProvider  # few sources are without exports

        return PagingProvider(manifest, policy, settings.limits.apply(limits_of(manifest)), settings.stop)
    accepts = read_accepts(label, settings.options, _CODES.get(manifest.download.container, ()))
    return ManifestProvider(manifest, base, policy, credential, settings.limits.apply(limits_of(manifest)), accepts)


def limits_of(manifest: Manifest) -> Limits:
    """Return what the manifest says that the provider allows."""
    own = manifest.limits
    kept = None if own.retention_days is None else timedelta(days=own.retention_days)
    return Limits(own.concurrent, own.per_hour, own.poll_first, own.poll_longest, kept)


def capabilities_of(manifest: Manifest) -> Capabilities:
    """Return what the manifest says that the provider can do."""
    repeats = manifest.repeats_requests
    return Capabilities(
        tuple(manifest.datasets),
        Match.NONE if manifest.list is None else Match.EXACT if repeats else Match.HEURISTIC,
        Renewal.SAME_EXPORT if manifest.renew else Renewal.NEW_EXPORT,
        manifest.export.life_from,
        deletes=manifest.delete is not None,
        by_list=manifest.observe.by is ObserveBy.LIST,
        snapshots=frozenset(name for name, each in manifest.datasets.items() if each.snapshot),
        blind_spots=tuple(
            BlindSpot(name, each.lacks, each.closed_by) for name, each in manifest.datasets.items() if each.lacks
        ),
    )


class ManifestProvider(Plain):
    """One account at a provider that a manifest describes."""

    def __init__(
        self,
        manifest: Manifest,
        base_url: str,
        policy: HttpPolicy,
        credential: Credential,
        limits: Limits,
        accepts: tuple[str, ...] = (),
    ) -> None:
        self.capabilities = capabilities_of(manifest)
        self.limits = limits
        self._manifest, self._policy, self._credential, self._accepts = manifest, policy, credential, accepts
        self._label = manifest.provider.label
        self._state = ExportState(manifest, base_url, policy, self._refuse_read)

    def ask(self, spec: ExportSpec) -> Ask:
        """Translate one window. Raises RequestRefused for what the manifest does not have."""
        return make_ask(self._manifest, spec)

    def expectation(self, spec: ExportSpec) -> Expectation:
        """Expect what the manifest says of the file and of each dataset."""
        dated, own = is_dated(self._manifest, spec), self._manifest
        return Expectation(
            spec.window,
            tuple(self._shape(name, dated=dated) for name in spec.datasets),
            own.window.ends is not WindowEnds.HALF_OPEN,
            own.download.companions,
            container=own.download.container,
            overlap=overlap_of(spec.window, own.window) if dated else timedelta(0),
            accepts=self._accepts,
        )

    def _shape(self, name: str, *, dated: bool) -> DatasetShape:
        own = self._manifest.datasets[name]
        time = own.time if dated else ""
        return DatasetShape(name, own.member, own.id, time, frozenset(own.known), frozenset(own.always))

    def create(self, ask: Ask) -> Accepted:
        """Request an export with exactly one request."""
        return self.create_once(ask, "")

    def create_once(self, ask: Ask, key: str) -> Accepted:
        """Request an export with exactly one request, and this key where the manifest has a header for it."""
        own, request = self._manifest.create, write_create(self._manifest, ask)
        keyed = {own.idempotency_header: key} if key and own.idempotency_header else {}
        headers = {**own.headers, **keyed}
        reply = self._policy.call(own.method, request.path, query=request.query, body=request.body, headers=headers)
        if reply.status == 409 and keyed and (original := self._original(reply, ask)) is not None:
            return Accepted(original, reply.request_id)
        if reply.status not in own.accepted:
            raise self._refuse_create(reply)
        try:
            return Accepted(self._read_accepted(reply), reply.request_id)
        except Unusable as error:
            if own.id_may_lack:
                return Accepted(None, reply.request_id)
            raise unanswered(self._label, reply, error) from None

    def _original(self, reply: ApiResponse, ask: Ask) -> Observation | None:
        """Return the first export of a key, where the answer has it and it repeats no other request than this one."""
        answers, holder = self._state.answers, search(self._manifest.create.original, reply.loose_content())
        if not isinstance(holder, dict):
            return None
        seen, repeated = answers.export(holder, reply), answers.ask(holder, answers.datasets(holder))
        return seen if seen.ref and repeated in (None, ask) else None

    def _read_accepted(self, reply: ApiResponse) -> Observation | None:
        """Return the export that the answer to a create names; None where it need not. Raises Unusable."""
        own = self._manifest.create
        value = reply.value() if own.id or own.export else None
        if own.export:
            seen = self._state.answers.export(search(own.export, value), reply)
            if seen.ref:
                return seen
        ref = read_id(search(own.id, value)) or read_id(reply.headers.get(own.id_header.lower()))
        if ref:
            return Observation(ref, ExportStatus.QUEUED, "", request_id=reply.request_id, retry_at=reply.retry_at)
        if own.id or own.id_header or own.export:
            raise Unusable("it has an export without a usable id")
        return None

    def sweep(self, since: datetime) -> Iterator[Listed]:
        """Read the whole list before yielding any of it. Transient while an active export has no id yet.

        On a list where no export names a dataset, the manifest's `missing_dataset` counts for none.
        """
        if self._state.list is None:
            return
        answers, found = self._state.answers, list(self._state.list.entries())
        shown = any(answers.datasets(holder) for holder, _ in found)
        for holder, seen in found:
            if seen.ref and is_recent(seen, since):
                yield self._listed(holder, seen, shown=shown)
        nameless = sum(not seen.ref and is_recent(seen, since) and seen.status not in DEAD for _, seen in found)
        if nameless:
            raise Transient(
                f"{self._label}'s list shows {counted(nameless, 'export')} without an id, any of which may be ours",
                hint="the list is read again; nothing is requested before it names its exports",
            )

    def _listed(self, holder: dict[str, object], seen: Observation, *, shown: bool) -> Listed:
        answers, request = self._state.answers, self._manifest.export.request
        datasets = answers.datasets(holder)
        if datasets or search(request.dataset, holder):
            ask = answers.ask(holder, datasets)
            return Listed(ask, seen, None if ask else datasets or None)
        assumed = {request.missing_dataset} if shown and request.missing_dataset else set()
        asks = [answers.ask(holder, frozenset({name})) for name in self._manifest.datasets]
        return Listed(answers.ask(holder, frozenset(assumed)), seen, perhaps=frozenset(filter(None, asks)))

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Look at each export: with one request each, or with one sweep of the list for all of them."""
        return self._state.observe(refs)

    def parts(self, ref: str) -> tuple[Part, ...]:
        """Return the files, with links fetched just now. Transient when the export is not ready."""
        return self._state.parts(ref)

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:
        """Stream one file; the key goes to the API's own host at most."""
        return download(self._policy, part, sink, stop)

    def renew(self, ref: str) -> Observation:
        """Have an expired export made again."""
        own, listed = self._manifest.renew, self._state.list
        if own is None:
            return super().renew(ref)
        before = listed.by_name() if listed else {}
        reply = self._policy.call(own.method, fill_id(self._label, own.path, ref))
        if reply.status in own.gone:
            raise gone(self._label, ref, ExportStatus.GONE)
        if reply.status in own.still_there:
            return self._not_expired(ref)
        if reply.status not in own.accepted:
            raise self._refuse_create(reply)
        name = self._renewed_name(reply) or (successor(ref, before, listed.by_name(), self._alike) if listed else ref)
        self._state.available.forget(ref)
        return Observation(name, ExportStatus.QUEUED, "", request_id=reply.request_id)

    def _renewed_name(self, reply: ApiResponse) -> str:
        own = self._manifest.renew
        try:
            value = reply.value()
        except Unusable:
            value = None
        return read_id(search(own.id, value)) if own else ""

    def _alike(self, holder: dict[str, object], other: dict[str, object]) -> bool:
        answers = self._state.answers
        datasets = answers.datasets(holder)
        same = datasets == answers.datasets(other)
        return same and answers.ask(holder, datasets) == answers.ask(other, datasets)

    def _not_expired(self, ref: str) -> Observation:
        """Return the state of an export that the provider will not make again because it has not expired."""
        seen = self.observe([ref])[ref]
        if seen.status in (ExportStatus.FAILED, ExportStatus.GONE):
            raise gone(self._label, ref, seen.status)
        if seen.status is ExportStatus.EXPIRED:
            words = f"{self._label} says of export {safe_name(ref)} both that it has expired and that it has not"
            raise Transient(words)
        return seen

    def delete(self, ref: str) -> None:
        """Delete the export; one that is already gone is a success."""
        own = self._manifest.delete
        if own is None:
            return super().delete(ref)
        reply = self._policy.call(own.method, fill_id(self._label, own.path, ref))
        if reply.status in (404, 410) or 200 <= reply.status < 300:
            return None
        if reply.status in (405, 501):
            words = f"{self._label} does not delete exports"
            raise RequestRefused(words, status=reply.status, request_id=reply.request_id)
        raise self._refuse_read(reply)

    def probe(self) -> Probe:
        """Read one page of the list, and how long the account keeps records, where the manifest says so."""
        listed = self._state.list
        if listed is None:
            keeps, notes = self._read_account()
            return Probe(None, self._policy.skew, 0, None, notes, keeps)
        reply, query = listed.first_page()
        skew = self._policy.skew
        if reply.status in (404, 410, 501):
            words = not_offered(reply, self._label, self._state.answers.problem(reply)).message
            return Probe(offered=False, clock_skew=skew, listed=0, notes=(words,))
        holders = listed.read(reply)
        more = ("the list has further entries",) if listed.leads_on(reply, query) else ()
        keeps, notes = self._read_account()
        return Probe(True, skew, len(holders), requests_left(reply), (*more, *notes), keeps)

    def _read_account(self) -> tuple[timedelta | None, tuple[str, ...]]:
        own = self._manifest.account
        if own is None:
            silent = self.limits.retention is None
            return None, (f"how long {self._label} keeps records is not documented: set retention_days",) * silent
        reply = self._policy.call("GET", own.path)
        days = search(own.retention_days, reply.loose_content()) if reply.status == 200 else None
        if type(days) is int and 0 < days < 100_000:
            return timedelta(days=days), ()
        return None, (f"how long the plan keeps records could not be read ({reply.status}): set retention_days",)

    def _refuse_create(self, reply: ApiResponse) -> ProviderError:
        return self._stale_token(reply) or self._state.answers.refuse_create(reply)

    def _refuse_read(self, reply: ApiResponse) -> ProviderError:
        return self._stale_token(reply) or self._state.answers.refuse_read(reply)

    def _stale_token(self, reply: ApiResponse) -> ProviderError | None:
        """Return the error for a token that ended before its time: the next request has a new one."""
        if reply.status == 401 and isinstance(self._credential, ClientToken) and self._credential.was_refused():
            return Transient(f"{self._label} no longer takes its access token; a new one is requested", status=401)
        return None

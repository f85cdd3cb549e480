"""Trying a manifest on a real account: one window, step by step, each request and answer shown, nothing kept.

The export that is made counts against the provider's quota like any other. The file is read to its end and thrown away.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from strongroom.config.manifest import load_manifest
from strongroom.config.secrets import SecretRef
from strongroom.engine.core.sources import Dependencies
from strongroom.model.errors import StrongroomError, Transient, UsageError, WorldError
from strongroom.model.manifest import Manifest
from strongroom.model.names import nearest_words
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import WALK, Container, Exchange, ExportStatus, Observation, Part
from strongroom.model.text import counted, format_size
from strongroom.model.window import Window

if TYPE_CHECKING:
    from pathlib import Path

    from strongroom.providers.port import Provider

_OPENING = 64 * 1024  # bytes that are looked at for the names of fields
_UNDER_WAY = (ExportStatus.QUEUED, ExportStatus.RUNNING, ExportStatus.UNKNOWN)


class Trial(Struct, frozen=True):
    """What is tried."""

    manifest: Manifest
    spec: ExportSpec
    key: SecretRef | None = None
    base_url: str = ""
    allow_private: bool = False


class TrialStep(Struct, frozen=True):
    """One step and what came of it."""

    name: str
    words: str
    good: bool = True
    hint: str = ""


def read_trial(
    path: Path, datasets: Sequence[str], window: Window, filters: Sequence[tuple[str, str]] = ()
) -> tuple[Manifest, ExportSpec]:
    """Return a manifest, and what of it is tried: its first dataset unless some are named.

    Raises ManifestRefused, and UsageError for an unknown dataset.
    """
    manifest = load_manifest(path).manifest
    for name in datasets:
        if name not in manifest.datasets:
            hint = nearest_words(name, manifest.datasets)
            raise UsageError(f"{manifest.provider.label} has no dataset {name!r}", hint=hint)
    return manifest, ExportSpec(tuple(datasets) or (next(iter(manifest.datasets)),), window, tuple(filters))


def first_request(manifest: Manifest, spec: ExportSpec) -> tuple[str, str, object]:
    """Return the request that would make the export: method, path with its query, and body. Sends nothing."""
    from urllib.parse import urlencode

    from strongroom.providers.manifest_request import make_ask, write_create
    from strongroom.providers.paged_list import as_creation

    sent = as_creation(manifest)
    request = write_create(sent, make_ask(manifest, spec))
    query = f"?{urlencode(request.query)}" if request.query else ""
    return sent.create.method.value, request.path + query, request.body


def walk_trial(
    trial: Trial,
    dependencies: Dependencies,
    show: Callable[[Exchange], None],
    pause: Callable[[timedelta], None],
    patience: timedelta,
) -> Iterator[TrialStep]:
    """Yield each step: the account, the request, the state until it is over, the files, and what is in the first.

    `show` gets each request and answer, without secrets; `pause` lets time pass between two looks, at most `patience`
    in all. The first step that fails is the last.
    """
    try:
        provider = _build(trial, dependencies, show)
        yield _account(provider)
        ref, step = _request(provider, trial.spec)
        yield step
        if not ref:
            return
        seen = provider.observe([ref])[ref]
        until = dependencies.clock() + patience
        while seen.status in _UNDER_WAY and dependencies.clock() < until:
            pause(provider.limits.poll_first)
            seen = provider.observe([seen.ref])[seen.ref]
        yield _state(seen)
        if seen.status is not ExportStatus.READY:
            return
        parts = provider.parts(seen.ref)
        yield _files(parts)
        for part in parts[:1]:
            yield _content(provider, trial, part)
        if trial.manifest.list is not None and not provider.capabilities.paged:
            yield _listing(provider, seen.ref)
    except StrongroomError as error:
        yield TrialStep("failed", error.message, good=False, hint=error.hint)


def _build(trial: Trial, dependencies: Dependencies, show: Callable[[Exchange], None]) -> Provider:
    from strongroom.providers.limits import Paths
    from strongroom.providers.port import ProviderSettings
    from strongroom.providers.registry import build_described

    def secret() -> str:
        if trial.key is None:
            raise WorldError("no key was given", hint="add --key REFERENCE, such as --key env:MY_KEY")
        return dependencies.secret(trial.key)

    return build_described(
        trial.manifest,
        ProviderSettings(
            api_key=secret,
            clock=dependencies.clock,
            base_url=trial.base_url,
            paths=Paths(allow_private=trial.allow_private),
            monotonic=dependencies.monotonic,
            stop=dependencies.stop,
            trace=show,
        ),
    )


def _account(provider: Provider) -> TrialStep:
    probe = provider.probe()
    if probe.offered is False:
        return TrialStep("account", "; ".join(probe.notes) or "the API offers no exports", good=False)
    if provider.capabilities.paged:
        return TrialStep("account", "the key is accepted; the list of records can be read")
    if probe.offered is None:
        return TrialStep("account", "no list to look at: the first request shows whether the key is accepted")
    return TrialStep("account", f"the key is accepted; {counted(probe.listed, 'export')} on its list")


def _request(provider: Provider, spec: ExportSpec) -> tuple[str, TrialStep]:
    """Request the export; return its id, or empty where the answer names none."""
    accepted = provider.create(provider.ask(spec))
    if provider.capabilities.paged and accepted.observation is not None:
        return accepted.observation.ref, TrialStep("create", "no export is requested: the list is read")
    if accepted.observation is not None:
        ref = accepted.observation.ref
        return ref, TrialStep("create", f"the export has the id {ref}")
    listed = list(provider.sweep(datetime.min.replace(tzinfo=spec.window.start.tzinfo)))
    words = f"the response has no export id; the list has {counted(len(listed), 'export')}, and the newest is used"
    newest = max(listed, key=lambda each: each.observation.created_at or spec.window.start, default=None)
    if newest is None:
        return "", TrialStep("create", "the response has no export id, and the list is empty", good=False)
    return newest.observation.ref, TrialStep("create", words)


def _listing(provider: Provider, ref: str) -> TrialStep:
    """Look for the export on the list, as after a request whose answer was lost."""
    hint = (
        "[export] describes an entry of the list: set its id and status as an entry has them, and export in"
        " [observe] if the answer for one export has it inside another object"
    )
    try:
        listed = {each.observation.ref: each.observation for each in provider.sweep(datetime.min.replace(tzinfo=UTC))}
    except Transient as error:
        return TrialStep("list", error.message, good=False, hint=hint)
    if ref not in listed:
        return TrialStep("list", "the list does not show the export: it could not be found after a lost response")
    status = listed[ref].status
    good = status is not ExportStatus.UNKNOWN
    return TrialStep(
        "list", f"the list shows the export, and its status is {status}", good=good, hint="" if good else hint
    )


def _state(seen: Observation) -> TrialStep:
    if seen.ref.startswith(WALK) and seen.status is ExportStatus.READY:
        return TrialStep("state", f"the window is reached after {seen.raw_status} of newer records")
    words = f'the status is "{seen.raw_status}", which means {seen.status}'
    if seen.status is ExportStatus.UNKNOWN:
        return TrialStep("state", words, good=False, hint="add the word to [export.statuses]")
    if seen.status in _UNDER_WAY:
        return TrialStep("state", f"{words}; it is not ready in time", good=False, hint="wait longer with --wait")
    facts = [f"it ends {seen.expires_at:%Y-%m-%d %H:%M} UTC" if seen.expires_at else "it does not say when it expires"]
    facts += [format_size(seen.size)] if seen.size is not None else []
    facts += [counted(seen.rows, "record")] if seen.rows is not None else []
    detail = f": {seen.detail}" if seen.detail else ""
    return TrialStep("state", f"{words}{detail}; {', '.join(facts)}", good=seen.status is ExportStatus.READY)


def _files(parts: Sequence[Part]) -> TrialStep:
    if not parts:
        return TrialStep("files", "no file: the export has no records")
    return TrialStep("files", f"{counted(len(parts), 'file')}: {', '.join(part.name for part in parts[:5])}")


def _content(provider: Provider, trial: Trial, part: Part) -> TrialStep:
    digest, opening = hashlib.sha256(), bytearray()

    def take(chunk: bytes) -> None:
        digest.update(chunk)
        if len(opening) < _OPENING:
            opening.extend(chunk[: _OPENING - len(opening)])

    size = provider.download(part, take, lambda: False)
    words = f"{part.name}: {format_size(size)}, SHA-256 {digest.hexdigest()[:16]}…"
    names = field_names(part.container, bytes(opening))
    if not names:
        return TrialStep("content", words)
    dataset = trial.manifest.datasets[part.dataset or trial.spec.datasets[0]]
    lacking = [name for name in (dataset.id, dataset.time) if name and name not in names]
    shown = f"{words}; its fields are {', '.join(names)}"
    hint = "change id and time of the dataset: the file has no such fields" if lacking else ""
    return TrialStep("content", shown, good=not lacking, hint=hint)


def field_names(container: Container, opening: bytes) -> list[str]:
    """Return the names of the fields by the first bytes of a bare file; none where they do not show them."""
    line = opening.decode("utf-8-sig", "replace").partition("\n")[0].rstrip("\r")
    if container is Container.CSV and line.isprintable():
        delimiter = max(",;\t|", key=line.count)
        return next(csv.reader([line], delimiter=delimiter), [])
    if container is not Container.NDJSON:
        return []
    try:
        record = json.loads(line)
    except ValueError:
        return []
    return [name for name in record if name.isprintable()] if isinstance(record, dict) else []

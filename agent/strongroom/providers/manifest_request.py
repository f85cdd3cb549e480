"""What is requested of a manifest's provider: the range of time, the filters, and the request that carries them.

Everything here is pure. A range misses no instant of its window, whatever ends the provider counts and however coarsely
it reads a time.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from urllib.parse import quote
from zoneinfo import ZoneInfo

from msgspec import Struct

from strongroom.model.errors import RequestRefused
from strongroom.model.manifest import FilterKey, Manifest, RequestedWindow
from strongroom.model.manifest_words import FilterForm, Precision, TimeFormat, WindowEnds
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import Ask
from strongroom.model.times import format_instant
from strongroom.model.window import Window
from strongroom.providers.account import read_time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_STEPS: Mapping[Precision, timedelta] = MappingProxyType(
    {
        Precision.MICROSECOND: _TICK,
        Precision.MILLISECOND: timedelta(milliseconds=1),
        Precision.SECOND: timedelta(seconds=1),
        Precision.MINUTE: timedelta(minutes=1),
        Precision.DAY: timedelta(days=1),
    }
)
_MILLISECONDS_FROM = 100_000_000_000  # Unix times below this (until the year 5138) can only be meant as seconds
_PLACEHOLDER = re.compile(r"\{(lower|upper|dataset|datasets)\}")
_LEFT_OUT = object()


class CreateRequest(Struct, frozen=True):
    """One create, ready to be sent; the path is below the provider's address."""

    path: str
    query: Mapping[str, str | int]
    body: object | None


def requested_range(window: Window, own: RequestedWindow) -> tuple[datetime, datetime]:
    """Return the start and the end to request. With inclusive dates the end is the last instant of its day."""
    step, zone = own.step, ZoneInfo(own.time_zone)
    lower, upper = _floor(window.start, step, zone), _ceil(window.end, step, zone)
    if own.ends is WindowEnds.UNKNOWN:
        return _floor(lower - _TICK, step, zone), upper
    if own.ends is WindowEnds.INCLUSIVE and step is Precision.DAY:
        return lower, upper - _TICK
    return lower, upper


def overlap_of(window: Window, own: RequestedWindow) -> timedelta:
    """Return how far outside the window a delivered record may lie, because more was requested."""
    lower, upper = requested_range(window, own)
    beyond = max(window.start - lower, upper - window.end, timedelta(0))
    return beyond + (_STEPS[own.step] if own.ends is WindowEnds.UNKNOWN else timedelta(0))


def _floor(instant: datetime, step: Precision, zone: ZoneInfo) -> datetime:
    if step is Precision.DAY:
        return _midnight(instant.astimezone(zone).date(), zone)
    return instant - (instant - _EPOCH) % _STEPS[step]


def _ceil(instant: datetime, step: Precision, zone: ZoneInfo) -> datetime:
    down = _floor(instant, step, zone)
    if down == instant:
        return instant
    if step is Precision.DAY:
        return _midnight(instant.astimezone(zone).date() + timedelta(days=1), zone)
    return down + _STEPS[step]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def write_time(instant: datetime, own: RequestedWindow) -> str | int:
    """Return an instant as a request writes it."""
    local = instant.astimezone(ZoneInfo(own.time_zone))
    match own.time_format:
        case TimeFormat.DATE:
            return local.date().isoformat()
        case TimeFormat.UNIX:
            return (instant - _EPOCH) // timedelta(seconds=1)
        case TimeFormat.UNIX_MS:
            return (instant - _EPOCH) // timedelta(milliseconds=1)
        case _:
            return format_instant(instant) if own.time_zone == "UTC" else local.isoformat()


def read_any_time(value: object) -> datetime | None:
    """Return an instant that an answer gives as RFC 3339 or as a Unix time; None for anything else."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{9,16}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return read_time(value)
    try:
        return _EPOCH + timedelta(seconds=value / 1000 if abs(value) >= _MILLISECONDS_FROM else value)
    except (OverflowError, ValueError):
        return None


def read_bound(value: object, own: RequestedWindow, *, upper: bool = False) -> datetime | None:
    """Return the bound of a request that an export repeats, so that it equals the bound of the same request."""
    if own.time_format is not TimeFormat.DATE or not isinstance(value, str):
        return read_any_time(value)
    try:
        day = date.fromisoformat(value.strip()[:10])
    except ValueError:
        return None
    zone = ZoneInfo(own.time_zone)
    if upper and own.ends is WindowEnds.INCLUSIVE:
        return _midnight(day + timedelta(days=1), zone) - _TICK
    return _midnight(day, zone)


def make_ask(manifest: Manifest, spec: ExportSpec) -> Ask:
    """Translate one window. Raises RequestRefused for what the provider does not export."""
    _check_datasets(manifest, spec)
    scopes = [name for name, _ in _checked_filters(manifest, spec) if manifest.filters[name].replaces_window]
    if len(scopes) > 1:
        raise RequestRefused(f"{manifest.provider.label} takes one of {', '.join(scopes)} at a time")
    lower, upper = requested_range(spec.window, manifest.window) if is_dated(manifest, spec) else (None, None)
    filters = frozenset((name, same_filter(manifest.filters[name], value)) for name, value in spec.filters)
    return Ask(frozenset(spec.datasets), lower, upper, filters)


def is_dated(manifest: Manifest, spec: ExportSpec) -> bool:
    """Say whether the export is of a range of time: a snapshot is not, nor one whose filter takes its place."""
    whole = any(manifest.datasets[name].snapshot for name in spec.datasets)
    return not whole and not any(manifest.filters[name].replaces_window for name, _ in spec.filters)


def _check_datasets(manifest: Manifest, spec: ExportSpec) -> None:
    label, known = manifest.provider.label, ", ".join(manifest.datasets)
    unknown = sorted(set(spec.datasets) - manifest.datasets.keys())
    if unknown or not spec.datasets:
        what = f"the datasets {', '.join(unknown)}" if unknown else "no datasets"
        raise RequestRefused(f"{label} cannot export {what}", hint=f"its datasets are: {known}")
    if len(spec.datasets) > 1 and not manifest.create.together:
        words = ", ".join(spec.datasets)
        raise RequestRefused(f"{label} cannot export {words} together", hint=f"one export is one of {known}")
    if len({manifest.datasets[name].snapshot for name in spec.datasets}) > 1:
        raise RequestRefused(f"{label} exports some of {', '.join(spec.datasets)} without a range of time")


def _checked_filters(manifest: Manifest, spec: ExportSpec) -> tuple[tuple[str, str], ...]:
    for name, value in spec.filters:
        own = manifest.filters.get(name)
        taken = own is not None and (not own.datasets or set(spec.datasets) <= set(own.datasets))
        if own is None or not taken:
            words = f"{manifest.provider.label} has no filter {name} for {', '.join(spec.datasets)}"
            raise RequestRefused(words, hint=f"its filters are {', '.join(manifest.filters) or 'none'}")
        if own.values and value not in own.values:
            words = f"{manifest.provider.label} has no {name} of that value"
            raise RequestRefused(words, hint=f"its values are {', '.join(own.values)}")
    return spec.filters


def same_filter(own: FilterKey, value: str) -> str:
    """Return a filter's value in one spelling, so that it equals itself however it was written."""
    if own.form is FilterForm.LIST:
        return ",".join(sorted(_split(value)))
    found = _read_uuid(own, value) if own.form is FilterForm.UUID else None
    return str(found) if found else value


def _sent_filter(own: FilterKey, value: str) -> object:
    if own.form is FilterForm.LIST:
        return [int(each) if re.fullmatch("0|[1-9][0-9]{0,17}", each) else each for each in _split(value)]
    found = _read_uuid(own, value) if own.form is FilterForm.UUID else None
    if found is None:
        return value
    return f"{own.prefix}{found.hex}" if own.prefix else str(found)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _read_uuid(own: FilterKey, text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text.removeprefix(own.prefix))
    except ValueError:
        return None


def write_create(manifest: Manifest, ask: Ask) -> CreateRequest:
    """Return the request that creates an export."""
    create, own = manifest.create, manifest.window
    names = [name for name in manifest.datasets if name in ask.datasets]
    words = [manifest.word(name) for name in names]
    values: dict[str, object] = {
        "lower": None if ask.lower is None else write_time(ask.lower, own),
        "upper": None if ask.upper is None else write_time(ask.upper, own),
        "dataset": words[0] if len(words) == 1 else None,
        "datasets": words,
    }
    filters = {manifest.filters[name].key or name: (name, value) for name, value in sorted(ask.filters)}
    sent = {key: _sent_filter(manifest.filters[name], value) for key, (name, value) in filters.items()}
    body, query = _fill(create.body, values), _fill(create.query, values)
    if create.body:
        body = {**_table(body), **sent}
    else:
        query = {**_table(query), **sent}
    path = manifest.datasets[names[0]].path or create.path
    return CreateRequest(_fill_path(path, words), _flat(_table(query)), body if create.body else None)


def _fill_path(path: str, words: list[str]) -> str:
    return path.replace("{dataset}", quote(words[0], safe=""))


def _fill(template: object, values: Mapping[str, object]) -> object:
    """Return a template with its placeholders filled in; what stands for nothing is left out with its key."""
    if isinstance(template, str):
        return _fill_text(template, values)
    if isinstance(template, Mapping):
        filled = {name: _fill(each, values) for name, each in template.items()}
        return {name: each for name, each in filled.items() if each is not _LEFT_OUT}
    if isinstance(template, list):
        return [found for each in template if (found := _fill(each, values)) is not _LEFT_OUT]
    return template


def _fill_text(template: str, values: Mapping[str, object]) -> object:
    used = _PLACEHOLDER.findall(template)
    if any(values[name] is None for name in used):
        return _LEFT_OUT
    if len(used) == 1 and template == "{" + used[0] + "}":
        return values[used[0]]
    return _PLACEHOLDER.sub(lambda found: _text(values[found[1]]), template)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _flat(query: Mapping[str, object]) -> dict[str, str | int]:
    return {name: value if type(value) is int else _query_text(value) for name, value in query.items()}


def _query_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else _text(value)


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}

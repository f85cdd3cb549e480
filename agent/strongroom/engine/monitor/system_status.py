"""The state of the machine and the sources: disk space, quotas, clocks, and the delivery of alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from strongroom.config.outgoing import NotifySettings
from strongroom.config.schema import Config
from strongroom.model.backlog_forecast import DiskForecast, Growth, forecast_disk
from strongroom.model.job import Cause, Wait
from strongroom.model.provider import Limits
from strongroom.model.quota import HOUR
from strongroom.model.text import counted
from strongroom.model.waiting import wait_words
from strongroom.vault.alerts import newest_alerts
from strongroom.vault.archives import Sample, newest_samples
from strongroom.vault.sources import get_source, usage_of
from strongroom.vault.vault import Vault

SAMPLES = 36  # newest windows of each stream, from which its growth is computed
_NOTICES = 500


class SourceStatus(Struct, frozen=True):
    """One source, as it was last seen."""

    quota: Quota
    skew: timedelta | None  # its clock minus ours; None where it is unknown
    refused_until: datetime | None  # it said "not before"
    paused: str
    refused: str = ""  # why it is not to be asked before, in words


class AlertDelivery(Struct, frozen=True):
    """The channels of alerts, and how delivery went."""

    channels: tuple[str, ...]
    sent: int  # of the newest notices
    last: datetime | None
    waiting: int  # raised and not sent yet


class SystemStatus(Struct, frozen=True):
    """Machine and sources at one instant."""

    disk: DiskForecast
    sources: tuple[SourceStatus, ...]
    telling: AlertDelivery


def read_system_status(vault: Vault, config: Config, limits: Mapping[str, Limits], now: datetime) -> SystemStatus:
    """Read the state of machine and sources; `limits` has what is known of each source beyond the catalogue."""
    return SystemStatus(
        disk=disk_forecast(vault, (each.name for each in config.streams), config.vault.min_free),
        sources=tuple(_source(vault, each.name, limits.get(each.name), now) for each in config.sources),
        telling=_telling(vault, config.notify),
    )


def disk_forecast(vault: Vault, streams: Iterable[str], reserve: int) -> DiskForecast:
    """Say how long the disk lasts at the growth that the newest windows show."""
    growths = (growth_of(newest_samples(vault.catalogue, name, SAMPLES)) for name in streams)
    return forecast_disk(vault.free_bytes(), reserve, growths)


def growth_of(samples: Iterable[Sample], owed: timedelta = timedelta(0)) -> Growth:
    """Return the growth that these windows show."""
    known = list(samples)
    covered = sum((sample.window.length for sample in known), timedelta(0))
    return Growth(sum(sample.sealed_size for sample in known), covered, owed)


def _source(vault: Vault, name: str, limits: Limits | None, now: datetime) -> SourceStatus:
    state = get_source(vault.catalogue, name)
    skew = timedelta(seconds=state.clock_skew) if state.clock_skew is not None else None
    later = state.refused_until if state.refused_until and state.refused_until > now else None
    why = wait_words(Wait(state.refused_cause or Cause.QUOTA, until=later)) if later else ""
    words = f"{why}: {state.refused_words}" if why and state.refused_words else why
    return SourceStatus(quota_of(vault, name, limits, now), skew, later, state.paused, words)


def _telling(vault: Vault, notify: NotifySettings) -> AlertDelivery:
    channels = [counted(len(notify.urls), "address", "addresses")] if notify.urls else []
    channels += ["a command"] if notify.command else []
    channels += ["the desktop"] if notify.desktop else []
    channels += ["a dead man's switch"] if notify.ping else []
    alert_records = newest_alerts(vault.catalogue, _NOTICES)
    sent = [
        each.told_at for each in alert_records if each.told_at is not None and channels
    ]  # without a channel none was sent
    waiting = sum(each.told_at is None and each.cleared_at is None for each in alert_records)
    return AlertDelivery(tuple(channels), len(sent), max(sent, default=None), waiting)


class Quota(Struct, frozen=True):
    """What is used of a source's export quota now. None means that no limit is known."""

    source: str
    created: int  # exports of the last hour, ours and others'
    per_hour: int | None
    running: int  # exports under way at the provider
    concurrent: int | None


def quota_of(vault: Vault, source: str, limits: Limits | None, now: datetime) -> Quota:
    """Return what is used of a source's export quota now."""
    usage = usage_of(vault.catalogue, source, now)
    created = sum(at > now - HOUR for at in usage.created)
    return Quota(
        source, created, limits.per_hour if limits else None, usage.running, limits.concurrent if limits else None
    )

"""Every reference to a secret that a configuration holds, found by walking it: a new key cannot be forgotten here.

A configuration as it is in force, defaults filled in, in the words of the file. Of secrets only the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path, PurePath

from msgspec import Struct

from strongroom.config.problem import KeyPath, format_key
from strongroom.config.schema import (
    Config,
    EvidenceSettings,
    MetricsSettings,
    NetworkSettings,
    NotifySettings,
    PingSettings,
    RetentionClass,
    SendSettings,
    SourceSettings,
    StreamSettings,
)
from strongroom.config.secrets import SecretRef
from strongroom.config.values import NEVER
from strongroom.model.retention import class_names
from strongroom.model.text import format_size
from strongroom.model.times import format_duration, format_instant

_TABLES = {"sources": "source", "streams": "stream"}  # fields of Config that the file calls otherwise


def references_of(config: Config) -> dict[SecretRef, list[str]]:
    """Return each reference once, with the keys that hold it as in source[0].api_key, in the order of the file."""
    found: dict[SecretRef, list[str]] = {}
    for path, ref in _walk(config, ()):
        found.setdefault(ref, []).append(format_key(path))
    return found


def _walk(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, SecretRef]]:
    if isinstance(value, SecretRef):
        yield path, value
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _walk(getattr(value, name), (*path, name if path else _TABLES.get(name, name)))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))


def show_config(config: Config) -> dict[str, object]:
    """Return the configuration as plain JSON values, by the names that the file uses; what is absent is None."""
    return {
        "file": str(config.file),
        "vault": {
            "path": str(config.vault.path),
            "recipients": list(config.vault.recipients),
            "identity": _path(config.vault.identity),
            "organization": config.vault.organization or None,
            "min_free": format_size(config.vault.min_free),
            "scrub_every": format_duration(config.vault.scrub_every),
            "drill_every": format_duration(config.vault.drill_every),
            "scrub_rate": format_size(config.vault.scrub_rate),
            "lock": config.vault.lock,
            "clock_tolerance": format_duration(config.vault.clock_tolerance),
            "passphrase": str(config.vault.passphrase) if config.vault.passphrase else None,
            "signing_key": str(config.vault.signing_key) if config.vault.signing_key else None,
        },
        "source": [_source(source) for source in config.sources],
        "stream": [_stream(stream) for stream in config.streams],
        "retention": {each.name: _retention(each) for each in config.retention},
        "destruction": {
            "people": config.destruction.people,
            "cooling_off": format_duration(config.destruction.cooling_off),
            "approvers": list(config.destruction.approvers),
        },
        "daemon": {"workers": config.daemon.workers, "log_level": config.daemon.log_level.value},
        "network": _network(config.network),
        "notify": _notify(config.notify),
        "metrics": _metrics(config.metrics),
        "evidence": _evidence(config.evidence),
        "warnings": [str(caution) for caution in config.warnings],
    }


def _source(source: SourceSettings) -> dict[str, object]:
    return {
        "name": source.name,
        "provider": source.provider,
        "api_key": str(source.api_key),
        "base_url": source.base_url,
        "download_hosts": list(source.download_hosts),
        "allow_private_addresses": source.allow_private_addresses,
        "retention_days": source.retention_days,
        "delete_after_archive": source.delete_after_archive,
        "second_look": _duration(source.second_look) or NEVER,
        "limits": {"concurrent": source.limits.concurrent, "per_hour": source.limits.per_hour},
        "options": dict(source.options),
    }


def _stream(stream: StreamSettings) -> dict[str, object]:
    return {
        "name": stream.name,
        "source": stream.source,
        "datasets": list(stream.datasets),
        "filters": dict(stream.filters),
        "since": format_instant(stream.since) if stream.since else "oldest",
        "window": stream.window.value,
        "time_zone": stream.time_zone,
        "settle": format_duration(stream.settle),
        "settled_pass": _duration(stream.settled_pass),
        "retention": named[0] if len(named := class_names(stream.retention)) == 1 else list(named),
        "priority": stream.priority,
        "paused": stream.paused,
    }


def _retention(each: RetentionClass) -> dict[str, object]:
    return {
        "period": str(each.period),
        "basis": each.basis.value,
        "citation": each.citation,
        "at_end": each.at_end.value,
    }


def _network(network: NetworkSettings) -> dict[str, object]:
    return {
        "connect_timeout": format_duration(network.connect_timeout),
        "read_timeout": format_duration(network.read_timeout),
        "max_export_size": format_size(network.max_export_size),
        "min_rate": format_size(network.min_rate),
        "ca_file": _path(network.ca_file),
        "proxy": network.proxy,
    }


def _notify(notify: NotifySettings) -> dict[str, object]:
    return {
        "urls": [str(url) for url in notify.urls],
        "details": notify.details.value,
        "command": _command(notify.command),
        "desktop": notify.desktop,
        "ping": None if notify.ping is None else _ping(notify.ping),
    }


def _command(command: tuple[str, ...]) -> list[str]:
    """Name the program alone: arguments may hold what is nobody's business."""
    return [PurePath(command[0]).name, *(["…"] if command[1:] else [])] if command else []


def _ping(ping: PingSettings) -> dict[str, object]:
    return {
        "url": str(ping.url),
        "every": format_duration(ping.every),
        "allow_private_addresses": ping.allow_private_addresses,
    }


def _metrics(metrics: MetricsSettings) -> dict[str, object]:
    return {
        "textfile": _path(metrics.textfile),
        "listen": None if metrics.listen is None else str(metrics.listen),
    }


def _evidence(evidence: EvidenceSettings) -> dict[str, object]:
    return {
        "every": format_duration(evidence.every),
        "timestamp_url": evidence.timestamp_url,
        "timestamp_ca": _path(evidence.timestamp_ca),
        "send_to": [_target(target) for target in evidence.send_to],
    }


def _target(target: SendSettings) -> dict[str, object]:
    return {
        "name": target.name,
        "directory": _path(target.directory),
        "command": _command(target.command),
        "url": str(target.url) if target.url else None,
        "method": target.method.value,
        "notify": str(target.notify) if target.notify else None,
        "allow_private_addresses": target.allow_private_addresses,
    }


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _duration(duration: timedelta | None) -> str | None:
    return None if duration is None else format_duration(duration)

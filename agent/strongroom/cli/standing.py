"""How machine and sources stand, for `strongroom status`: the disk, the quotas, the clocks, who is told of alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from strongroom.cli.amounts import instant_words, size_words
from strongroom.cli.terminal import clean
from strongroom.model.durations import rough_duration

if TYPE_CHECKING:
    from strongroom.engine.health.standing import SourceStanding, Standing


def disk_words(found: Standing) -> str:
    """Tell the room on the disk, and how long it lasts."""
    disk = found.disk
    words = f"{size_words(disk.free)}, the reserve is {size_words(disk.reserve)}"
    if disk.lasts is None:
        return words
    return f"{words}, reached in {rough_duration(disk.lasts)} at {size_words(disk.per_day)} a day"


def standing_document(found: Standing) -> dict[str, object]:
    """Tell all of it."""
    disk, telling = found.disk, found.telling
    return {
        "disk": {
            "free_bytes": disk.free,
            "reserve_bytes": disk.reserve,
            "bytes_a_day": disk.per_day,
            "lasts_seconds": disk.lasts.total_seconds() if disk.lasts is not None else None,
        },
        "quotas": [_source(each) for each in found.sources],
        "notifications": {
            "channels": list(telling.channels),
            "told": telling.told,
            "last": telling.last,
            "waiting": telling.waiting,
        },
    }


def standing_fields(found: Standing) -> Iterator[tuple[str, str]]:
    """Tell what a person wants to see of it beside the disk."""
    for each in found.sources:
        yield "quota", _quota_words(each)
        if each.refused:
            yield "source", clean(f"{each.quota.source} {each.refused}")
    telling = found.telling
    last = f"{telling.told} sent, the last on {instant_words(telling.last)}" if telling.last else "none sent yet"
    if telling.channels:
        yield "notifications", f"{last}, {telling.waiting} waiting"
    else:
        yield "notifications", "none: no channel is configured under [notify], so alerts reach nobody"


def _quota_words(each: SourceStanding) -> str:
    quota = each.quota
    of = f" of {quota.per_hour}" if quota.per_hour is not None else ""
    running = f"{quota.running}{f' of {quota.concurrent}' if quota.concurrent is not None else ''}"
    return clean(f"{quota.source}: {quota.created}{of} created in the last hour, {running} running")


def _source(each: SourceStanding) -> dict[str, object]:
    quota = each.quota
    return {
        "source": quota.source,
        "created_this_hour": quota.created,
        "per_hour": quota.per_hour,
        "running": quota.running,
        "concurrent": quota.concurrent,
        "refused_until": each.refused_until,
        "refused": each.refused,
        "clock_skew_seconds": each.skew.total_seconds() if each.skew is not None else None,
    }

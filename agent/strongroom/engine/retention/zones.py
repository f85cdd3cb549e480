"""Archives of versions before 0.4 count their period in UTC: here it is lengthened to the calendar of their stream.

Once in the life of a vault, and never shortened. An archive that comes later has the zone of its stream from the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace

from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.destruction import PROGRAM
from strongroom.model.retention import RetentionRecord, RetentionRule, end_of
from strongroom.model.times import format_instant
from strongroom.vault.archives import readable_archives
from strongroom.vault.catalogue import FACT, PUT_FACT, Catalogue
from strongroom.vault.log import add_entry
from strongroom.vault.manifest_schema import rule_body
from strongroom.vault.retention_records import lengthen, records
from strongroom.vault.vault import Vault

_ADOPTED = "periods-in-zones"  # since when, as a fact of the vault
_WORDS = "its period is counted on the calendar of its stream's time zone"


def adopt_zones(vault: Vault, zones: Mapping[str, str], now: datetime) -> int:
    """Lengthen each period that ends later in its stream's zone (IANA name by stream), and log it; return how many.

    Does nothing where it was done before.
    """
    catalogue = vault.catalogue
    if catalogue.read_one(FACT, _ADOPTED) is not None:
        return 0
    with catalogue.transaction():
        later = [each for stream, zone in zones.items() if zone != "UTC" for each in _later(catalogue, stream, zone)]
        for record, archive, rule in later:
            lengthen(catalogue, archive, rule)
            until = end_of(rule, archive.spec.window, archive.verified_at)
            facts: dict[str, Fact] = {
                "by": PROGRAM.token,
                "rule": {**rule_body(rule)},
                "until": format_instant(until),
                "before": format_instant(record.until or until),
            }
            add_entry(catalogue, Entry("retention.extended", now, "", record.id, record.stream, facts, _WORDS))
        catalogue.write(PUT_FACT, _ADOPTED, format_instant(now))
    if later:
        vault.write_log()
    return len(later)


def _later(catalogue: Catalogue, stream: str, zone: str) -> Iterator[tuple[RetentionRecord, Archive, RetentionRule]]:
    for record in records(catalogue, stream):
        if record.destroyed or record.rule is None or record.until is None or record.rule.zone != "UTC":
            continue
        rule = replace(record.rule, zone=zone)
        for archive in readable_archives(catalogue, [record.id]):
            if end_of(rule, archive.spec.window, archive.verified_at) > record.until:
                yield record, archive, rule

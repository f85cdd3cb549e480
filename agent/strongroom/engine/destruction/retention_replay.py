"""What the lines of the log say of retention and holds, entered into a catalogue that was made again.

Names of matters, and reasons, are sealed in the lines: sealedmatter.py opens them with an identity. Lines of earlier
versions have none, and their words are gone with the old catalogue. The holds themselves stand in any case.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from strongroom.engine.retention.holds import SEALED
from strongroom.engine.retention.rules import LOCKED
from strongroom.model.hold import Hold, HoldRule
from strongroom.model.times import format_instant, parse_instant
from strongroom.vault.archives import get_archive
from strongroom.vault.catalogue import PUT_FACT, Catalogue
from strongroom.vault.holds import put_hold, release_hold
from strongroom.vault.log_reader import readable
from strongroom.vault.manifest_schema import read_rule
from strongroom.vault.retention_records import lengthen, put_class, put_stream_class, retention_entries

Body = Mapping[str, Any]
FORGOTTEN = "(its name was lost with the catalogue)"


def replay_retention(catalogue: Catalogue) -> None:
    """Enter what the log says, in its order, once the archives are there; inside a transaction."""
    for line in retention_entries(catalogue):
        with readable(line):
            body: Body = json.loads(line)
            _KINDS[str(body["kind"])](catalogue, body, parse_instant(body["at"]))


def _locked(catalogue: Catalogue, _body: Body, at: datetime) -> None:
    catalogue.write(PUT_FACT, LOCKED, format_instant(at))


def _changed(catalogue: Catalogue, body: Body, at: datetime) -> None:
    for rule in body["facts"].get("now", {}).values():
        put_class(catalogue, read_rule(rule), at)
    for stream, names in body["facts"].get("streams", {}).items():
        for name in names:
            put_stream_class(catalogue, stream, name)


def _extended(catalogue: Catalogue, body: Body, _at: datetime) -> None:
    archive = get_archive(catalogue, str(body["archive"]))
    if archive is not None:  # else it was destroyed since
        lengthen(catalogue, archive, read_rule(body["facts"]["rule"]))


def read_hold(facts: Body, at: datetime) -> Hold:
    """Return the hold that a line `hold.placed` tells of; its matter and its reason are sealed, or in no line."""
    rule = HoldRule(
        source=facts.get("source", ""),
        stream=facts.get("stream", ""),
        dataset=facts.get("dataset", ""),
        start=parse_instant(facts["start"]) if "start" in facts else None,
        end=parse_instant(facts["end"]) if "end" in facts else None,
        archives=tuple(facts.get("archives", ())),
    )
    words = SEALED if facts.get("sealed") else FORGOTTEN
    return Hold(facts["hold"], words, rule, at, facts.get("by", ""), words)


def _placed(catalogue: Catalogue, body: Body, at: datetime) -> None:
    put_hold(catalogue, read_hold(body["facts"], at))


def _released(catalogue: Catalogue, body: Body, at: datetime) -> None:
    release_hold(catalogue, body["facts"]["hold"], at, body["facts"].get("by", ""), FORGOTTEN)


_KINDS: Mapping[str, Callable[[Catalogue, Body, datetime], None]] = {
    "vault.locked": _locked,
    "retention.changed": _changed,
    "retention.extended": _extended,
    "hold.placed": _placed,
    "hold.released": _released,
}

"""A stream that was given another name, in the catalogue: what it covers and what it does now go by the new one.

Archives keep the name in their manifests. Coverage, jobs and classes are moved, so that a window that is
archived, lost or destroyed is not exported again because of a name.
"""

from __future__ import annotations

import json
from dataclasses import replace

from strongroom.model.stream import Stream
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.streams import get_stream, put_stream

_COVERED = "SELECT DISTINCT stream FROM coverage"
_NEWEST_JOB = """
SELECT jobs.source, jobs.datasets, jobs.filters FROM coverage JOIN jobs ON jobs.id = coverage.job
WHERE coverage.stream = ? ORDER BY coverage.window_start DESC LIMIT 1
"""
_MOVE_COVERAGE = "UPDATE coverage SET stream = ?2 WHERE stream = ?1"
_MOVE_JOBS = "UPDATE jobs SET stream = ?2 WHERE stream = ?1"  # a retry or a re-export takes the name of its job
_MOVE_CLASSES = (
    "INSERT OR IGNORE INTO stream_classes (stream, class) SELECT ?2, class FROM stream_classes WHERE stream = ?1"
)
_DROP_STREAM = "DELETE FROM streams WHERE name = ?"


def covered_streams(catalogue: Catalogue) -> list[Stream]:
    """Return every stream that the coverage ledger knows, as its newest job asked for it."""
    names = [row["stream"] for row in catalogue.read(_COVERED)]
    found = ((name, catalogue.read_one(_NEWEST_JOB, name)) for name in names)
    return [
        Stream(name, row["source"], tuple(json.loads(row["datasets"])), tuple(map(tuple, json.loads(row["filters"]))))
        for name, row in found
        if row is not None
    ]


def move_stream(catalogue: Catalogue, old: str, new: str) -> None:
    """Let all that goes by a stream's name go by its new one; inside a transaction."""
    for query in (_MOVE_COVERAGE, _MOVE_JOBS, _MOVE_CLASSES):
        catalogue.write(query, old, new)
    put_stream(catalogue, replace(get_stream(catalogue, old), name=new))
    catalogue.write(_DROP_STREAM, old)

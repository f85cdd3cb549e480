"""An export in a process that is killed, and what must hold afterwards."""

from __future__ import annotations

from datetime import timedelta

from kit.engine_bench import Bench
from kit.forks import run_until_killed
from strongroom.engine.access.content import check_content
from strongroom.engine.access.fixity import check_fixity
from strongroom.engine.access.index import without_segment
from strongroom.engine.access.segments import open_chunks
from strongroom.engine.core.identities import unlock
from strongroom.engine.core.sources import open_reading
from strongroom.engine.queries.lists import coverage_of, list_archives
from strongroom.evidence.line import read_chain
from strongroom.model.coverage import Cover
from strongroom.vault.segments import segment_of

PLACES = (
    "committed intended",
    "recorded intended",
    "before create",
    "after create",
    "committed accepted",
    "recorded accepted",
    "committed completed",
    "recorded completed",
    "committed opened",
    "recorded opened",
    "downloaded",
    "committed durable",
    "recorded durable",
    "before publish",
    "published key",
    "published payload",
    "after publish",
    "committed proven",
    "recorded proven",
    "before segment",
    "published segment",
    "committed segment",
)
"""Every place of an export that is ready at its first look."""

UNINDEXED = ("after publish", "committed proven", "recorded proven", "before segment", "published segment")
"""Killed here, the archive is complete, and without an identity nobody can make its segment any more."""


def drive(bench: Bench, die_at: int) -> tuple[int, list[str]]:
    """Run the driver; return its status and the places it passed."""
    places = bench.base / "places"
    places.unlink(missing_ok=True)
    start = bench.clock.advance(timedelta(minutes=10)).isoformat()
    status = run_until_killed("kill", bench.config.file, die_at, places, start)
    return status, places.read_text().splitlines() if places.exists() else []


def check_house(bench: Bench, *, unindexed: bool = False) -> None:
    """Check what must hold; with `unindexed` the archive may lack its search segment."""
    with open_reading(bench.config) as vault:
        (archive,) = list_archives(vault)
        assert check_fixity(vault, archive) == []
        assert check_content(vault, archive, bench.identities()) == []
        (interval,) = coverage_of(vault, archive.stream)
        assert (interval.cover, interval.archive) == (Cover.PROVEN, archive.id)
        lines = vault.layout.log.read_bytes().splitlines()
        bodies = list(read_chain(lines))
        assert [body["kind"] for body in bodies].count("job.proven") == 1
        files = sorted(path.relative_to(vault.layout.root) for path in vault.layout.root.rglob("*") if path.is_file())
        folders = ("archives", "index", "keys", "manifests", "quarantine", "tmp")
        names = [str(path) for path in files if path.parts[0] in folders]
        segment = segment_of(vault.catalogue, archive)
        missing = [each.id for each in without_segment(vault)]
        assert (missing == [archive.id]) is (segment is None), "an archive without a segment is not counted"
        if segment is None:  # killed before it was recorded: what lies there is not used
            assert unindexed, "the segment is missing"
            assert len(set(names) - {str(vault.layout.segment(archive.id).relative_to(vault.layout.root))}) == 3, names
            return
        assert len(names) == 4, names
        chunks = list(open_chunks(vault, archive, segment, unlock(vault, archive, bench.identities())))
        assert sum(chunk.rows for chunk in chunks) == archive.inspection.records
